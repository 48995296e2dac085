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
    #[cached(key = "top:{limit}")]
    async fn top(&self, limit: i64) -> sqlx::Result<i64> {
        Ok(limit)
    }
}

#[cached_repository]
impl Cities {
    #[cached(key = "top:{limit}")]
    async fn bottom(&self, limit: i64) -> sqlx::Result<i64> {
        Ok(-limit)
    }
}

fn main() {}
