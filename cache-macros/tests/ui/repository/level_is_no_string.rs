#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository(entity = City, level = strong)]
struct Cities0 {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository(entity = City, level = Level::Database)]
struct Cities1 {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository(entity = City, level = bounded("500ms"), ttl = "1m")]
struct Cities2 {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository(entity = City, level = 500ms)]
struct Cities3 {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository(entity = City, level = Level::Bounded(BOUND))]
struct Cities4 {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository(entity = City, level("500ms"))]
struct Cities5 {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository(entity = City, level)]
struct Cities6 {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository(entity = City, level =)]
struct Cities7 {
    db: PgPool,
    cache: CacheManager,
}

fn main() {}
