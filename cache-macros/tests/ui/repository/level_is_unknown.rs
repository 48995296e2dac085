#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository(entity = City, level = "storng")]
struct Cities0 {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository(entity = City, level = "Database")]
struct Cities1 {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository(entity = City, level = "eventual")]
struct Cities2 {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository(entity = City, level = "")]
struct Cities3 {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository(entity = City, level = "bounded(500ms)")]
struct Cities4 {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository(entity = City, level = "0s")]
struct Cities5 {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository(entity = City, level = "500")]
struct Cities6 {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository(entity = City, level = "-1s")]
struct Cities7 {
    db: PgPool,
    cache: CacheManager,
}

fn main() {}
