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
    #[cached(key = "largest:{limit")]
    async fn open(&self, limit: i64) -> sqlx::Result<i64> {
        Ok(limit)
    }

    #[cached(key = "")]
    async fn empty(&self) -> sqlx::Result<i64> {
        Ok(1)
    }
}

fn main() {}
