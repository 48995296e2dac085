#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository(entity = City, max_loads = 0)]
struct Cities0 {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository(entity = City, max_loads = "16")]
struct Cities1 {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository(entity = City, max_loads = -1)]
struct Cities2 {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository(entity = City, max_loads = 16.5)]
struct Cities3 {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository(entity = City, max_loads = 99999999999)]
struct Cities4 {
    db: PgPool,
    cache: CacheManager,
}

fn main() {}
