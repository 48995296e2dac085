#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository(entity = City, ttl, negative_ttl("1s"), codec = json, unique = slug, list, tags = "cities", db = "pool")]
struct Cities {
    db: PgPool,
    cache: CacheManager,
}

fn main() {}
