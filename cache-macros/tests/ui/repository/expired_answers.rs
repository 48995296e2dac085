#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository(entity = City, stale_on_error = "0s", soft_timeout = "100ms")]
struct Cities0 {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository(entity = City, soft_timeout = "0s")]
struct Cities1 {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository(entity = City, stale_on_error = "-1h", soft_timeout = 100)]
struct Cities2 {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository(entity = City, stale_on_error, soft_timeout = "0.5ms")]
struct Cities3 {
    db: PgPool,
    cache: CacheManager,
}

fn main() {}
