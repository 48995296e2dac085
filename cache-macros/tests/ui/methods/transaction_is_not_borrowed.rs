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
    #[invalidates(id)]
    async fn rename(&self, tx: CacheTransaction, id: i64) -> sqlx::Result<()> {
        drop((tx, id));
        Ok(())
    }

    #[invalidates(id)]
    async fn merge(
        &self,
        a: &mut CacheTransaction,
        b: &mut CacheTransaction,
        id: i64,
    ) -> sqlx::Result<()> {
        drop((a, b, id));
        Ok(())
    }
}

fn main() {}
