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
    async fn rename(&self, tx: &mut CacheTransaction, id: &str) -> sqlx::Result<()> {
        drop((tx, id));
        Ok(())
    }

    #[invalidates(id)]
    async fn grow(&self, tx: &mut CacheTransaction, id: &[i32]) -> sqlx::Result<()> {
        drop((tx, id));
        Ok(())
    }
}

fn main() {}
