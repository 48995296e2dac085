#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository(entity = City)]
struct Cities<T> {
    db: PgPool,
    cache: CacheManager,
    more: T,
}

#[cached_repository(entity = City)]
struct Borrowed<'a> {
    db: &'a PgPool,
    cache: &'a CacheManager,
}

fn main() {}
