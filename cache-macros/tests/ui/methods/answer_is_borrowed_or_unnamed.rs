#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository(entity = City)]
struct Cities {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository]
impl Cities {
    #[cached(key = "name")]
    async fn name(&self) -> sqlx::Result<&str> {
        Ok("")
    }

    #[cached(key = "names")]
    async fn names(&self) -> sqlx::Result<Vec<std::borrow::Cow<'_, str>>> {
        Ok(Vec::new())
    }

    #[cached(key = "unnamed")]
    async fn unnamed(&self) -> sqlx::Result<impl Clone> {
        Ok(1)
    }
}

fn main() {}
