#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository(entity = City, "15m", = , ttl = "1m" codec = "json")]
struct Cities {
    db: PgPool,
    cache: CacheManager,
}

fn main() {}
