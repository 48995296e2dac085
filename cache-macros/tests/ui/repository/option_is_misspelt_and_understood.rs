#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository(enitty = City)]
struct Cities {
    db: PgPool,
    cache: CacheManager,
}

fn reads(cities: &Cities) {
    drop(cities.get(1));
}

fn main() {}
