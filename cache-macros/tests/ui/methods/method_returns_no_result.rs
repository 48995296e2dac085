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
    async fn count(&self) -> i64 {
        1
    }

    #[invalidates(tags("cities"))]
    async fn nothing(&self) {}
}

fn main() {}
