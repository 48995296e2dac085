#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository(ttl = "15m")]
struct Cities {
    db: PgPool,
    cache: CacheManager,
}

fn main() {}
