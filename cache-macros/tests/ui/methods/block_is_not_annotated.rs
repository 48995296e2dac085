#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository(entity = City)]
struct Cities {
    db: PgPool,
    cache: CacheManager,
}

use cache_runtime::{cache_put, cached, invalidates};

impl Cities {
    #[cached(key = "count")]
    async fn count(&self) -> sqlx::Result<i64> {
        Ok(1)
    }

    #[cache_put(key = "count")]
    async fn recount(&self) -> sqlx::Result<i64> {
        Ok(1)
    }

    #[invalidates(key = "count")]
    async fn forget(&self) -> sqlx::Result<()> {
        Ok(())
    }
}

fn main() {}
