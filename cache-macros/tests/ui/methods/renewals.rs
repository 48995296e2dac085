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
    #[cached(key = "count", refresh_ahead = "beta 1.0", stale_while_revalidate = "-1s", strategy = "cache_aside")]
    async fn count(&self) -> sqlx::Result<i64> {
        Ok(1)
    }

    #[cache_put(key = "count", refresh_ahead, stale_while_revalidate = "30s")]
    async fn recount(&self) -> sqlx::Result<i64> {
        Ok(1)
    }

    #[invalidates(id, refresh_ahead = 1.0, stale_while_revalidate = "30s")]
    async fn rename(&self, tx: &mut CacheTransaction, id: i64) -> sqlx::Result<()> {
        drop((tx, id));
        Ok(())
    }
}

fn main() {}
