#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository(entity = City, except(delete))]
struct Cities {
    db: PgPool,
    cache: CacheManager,
}

fn deletes(cities: &Cities) {
    drop(cities.delete(1));
}

fn main() {}
