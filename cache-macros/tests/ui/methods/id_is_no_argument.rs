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
    async fn rename(&self, tx: &mut CacheTransaction, city: i64) -> sqlx::Result<()> {
        drop((tx, city));
        Ok(())
    }

    #[invalidates(id = "cty")]
    async fn grow(&self, tx: &mut CacheTransaction, city: i64) -> sqlx::Result<()> {
        drop((tx, city));
        Ok(())
    }

    #[invalidates(id = "city", id = "city")]
    async fn twice(&self, tx: &mut CacheTransaction, city: i64) -> sqlx::Result<()> {
        drop((tx, city));
        Ok(())
    }

    #[invalidates(id = "not a name")]
    async fn odd(&self, tx: &mut CacheTransaction, city: i64) -> sqlx::Result<()> {
        drop((tx, city));
        Ok(())
    }
}

fn main() {}
