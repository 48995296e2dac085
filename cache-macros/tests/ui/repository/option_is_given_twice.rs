#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository(entity = City, ttl = "15m", ttl = "1h")]
struct Cities {
    db: PgPool,
    cache: CacheManager,
}

fn main() {}
