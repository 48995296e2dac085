#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository(entity = City, session(data = City, idle = "30m", absolute = "12h"))]
struct Cities {
    db: PgPool,
    cache: CacheManager,
}

fn main() {}
