#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository(entity = City)]
struct Cities {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository(entity = City, ttl = "15m", crat = cache_runtime)]
impl Cities {}

fn main() {}
