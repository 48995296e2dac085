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
    async fn count(&self, (from, to): (i64, i64), _: i64) -> sqlx::Result<i64> {
        Ok(from + to)
    }
}

fn main() {}
