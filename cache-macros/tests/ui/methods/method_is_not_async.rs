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
    #[cached(key = "count")]
    fn count(&self) -> sqlx::Result<i64> {
        Ok(1)
    }

    #[invalidates(tags("cities"))]
    const unsafe extern "C" fn odd(&self) -> sqlx::Result<()> {
        Ok(())
    }
}

fn main() {}
