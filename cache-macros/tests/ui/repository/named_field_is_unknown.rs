#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository(entity = City, db = dbb, cache = manager)]
struct Cities {
    db: PgPool,
    cache: CacheManager,
}

fn main() {}
