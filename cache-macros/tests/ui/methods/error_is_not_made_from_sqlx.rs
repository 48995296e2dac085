#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository(entity = City)]
struct Cities {
    db: PgPool,
    cache: CacheManager,
}

struct Problem;

#[cached_repository]
impl Cities {
    #[invalidates(id)]
    async fn rename(&self, tx: &mut CacheTransaction, id: i64) -> Result<(), Problem> {
        drop((tx, id));
        Ok(())
    }

    #[invalidates(tags("cities"))]
    async fn plain(&self) -> Result<(), Problem> {
        Ok(())
    }
}

fn main() {}
