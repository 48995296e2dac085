#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository(entity = City, ttl = "15x")]
struct Cities0 {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository(entity = City, ttl = "-5m")]
struct Cities1 {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository(entity = City, ttl = "")]
struct Cities2 {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository(entity = City, ttl = "15")]
struct Cities3 {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository(entity = City, ttl = 15)]
struct Cities4 {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository(entity = City, ttl = "30m1h")]
struct Cities5 {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository(entity = City, ttl = "0.5ms")]
struct Cities6 {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository(entity = City, ttl = "99999999999999999999d")]
struct Cities7 {
    db: PgPool,
    cache: CacheManager,
}

fn main() {}
