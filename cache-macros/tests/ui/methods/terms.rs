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
    #[cached(key = "count", level = "Strong", stale_on_error = "1", soft_timeout = "0s")]
    async fn count(&self) -> sqlx::Result<i64> {
        Ok(1)
    }

    #[cached(key = "bound", level = "0s", stale_on_error = "0s", soft_timeout = "1s", max_loads = 16)]
    async fn bound(&self) -> sqlx::Result<i64> {
        Ok(1)
    }

    #[cached(key = "twice", level = "strong", level = "1s")]
    async fn twice(&self) -> sqlx::Result<i64> {
        Ok(1)
    }
}

fn main() {}
