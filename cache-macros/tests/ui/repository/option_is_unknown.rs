#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository(entity = City, tll = "15m", expires = "1h")]
struct Cities {
    db: PgPool,
    cache: CacheManager,
}

fn main() {}
