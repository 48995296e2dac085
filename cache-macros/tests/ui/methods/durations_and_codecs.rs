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
    #[cached(key = "count", ttl = "15x", codec = "bincode")]
    async fn count(&self) -> sqlx::Result<i64> {
        Ok(1)
    }
}

fn main() {}
