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
    #[cached(key = "count", tll = "15m", tag("cities"))]
    async fn count(&self) -> sqlx::Result<i64> {
        Ok(1)
    }

    #[invalidates(ids)]
    async fn rename(&self, tx: &mut CacheTransaction, id: i64) -> sqlx::Result<()> {
        drop((tx, id));
        Ok(())
    }
}

fn main() {}
