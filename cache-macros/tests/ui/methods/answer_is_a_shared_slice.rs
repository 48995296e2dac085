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
    #[cached(key = "all")]
    async fn all(&self) -> sqlx::Result<Arc<[City]>> {
        Ok(Arc::from([]))
    }

    #[cached(key = "name")]
    async fn name(&self) -> sqlx::Result<Option<Arc<str>>> {
        Ok(None)
    }
}

fn main() {}
