#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository(entity = City)]
struct Cities {
    db: PgPool,
    cache: CacheManager,
}

type CountResult = sqlx::Result<i64>;

#[cached_repository]
impl Cities {
    #[cached(key = "count")]
    async fn count(&self) -> CountResult {
        Ok(1)
    }
}

fn main() {}
