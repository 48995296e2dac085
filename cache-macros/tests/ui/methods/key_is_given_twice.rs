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
    #[invalidates(key = "count", key = "count")]
    async fn rename(&self) -> sqlx::Result<()> {
        Ok(())
    }
}

fn main() {}
