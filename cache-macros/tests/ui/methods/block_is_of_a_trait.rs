#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository(entity = City)]
struct Cities {
    db: PgPool,
    cache: CacheManager,
}

trait Count {
    async fn count(&self) -> sqlx::Result<i64>;
}

#[cached_repository]
impl Count for Cities {
    #[cached(key = "count")]
    async fn count(&self) -> sqlx::Result<i64> {
        Ok(1)
    }
}

fn main() {}
