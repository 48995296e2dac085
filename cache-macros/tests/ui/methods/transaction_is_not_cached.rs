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
    #[cached(key = "count", skip(tx))]
    async fn count(&self, tx: &mut CacheTransaction) -> sqlx::Result<i64> {
        drop(tx);
        Ok(1)
    }
}

fn main() {}
