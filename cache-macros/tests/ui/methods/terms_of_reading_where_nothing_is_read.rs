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
    #[cache_put(key = "count", level = "strong", stale_on_error = "1h", soft_timeout = "1s", max_loads = 16)]
    async fn count(&self) -> sqlx::Result<i64> {
        Ok(1)
    }

    #[invalidates(id, level = "strong", stale_on_error = "1h", soft_timeout = "1s", max_loads = 16, ttl = "1m")]
    async fn rename(&self, tx: &mut CacheTransaction, id: i64) -> sqlx::Result<()> {
        drop((tx, id));
        Ok(())
    }
}

#[cached_repository(level = "strong", max_loads = 16)]
impl Cities {}

fn main() {}
