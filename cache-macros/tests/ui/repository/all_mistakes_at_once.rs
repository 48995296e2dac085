#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository(entity = City, ttl = "15x", codec = "bincode", unique(slug, slug), db = pool)]
struct Cities {
    db: PgPool,
    cache: CacheManager,
}

fn the_item_and_its_methods_are_still_there(cities: &Cities) -> &CacheManager {
    drop(cities.find_by_slug("oslo"));
    &cities.cache
}

fn main() {}
