#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository(entity = City)]
struct Cities {
    db: PgPool,
    cache: CacheManager,
}

struct Of<T>(T);

#[cached_repository]
impl<T> Of<T> {
    #[cached(key = "count")]
    async fn count(&self) -> sqlx::Result<i64> {
        Ok(1)
    }
}

fn main() {}
