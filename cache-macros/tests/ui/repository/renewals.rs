#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository(entity = City, refresh_ahead = "1.0", stale_while_revalidate = 30)]
struct Cities0 {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository(entity = City, refresh_ahead = -1.0, stale_while_revalidate = "30")]
struct Cities1 {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository(entity = City, refresh_ahead = 1000000, stale_while_revalidate)]
struct Cities2 {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository(entity = City, ttl = "0s", stale_while_revalidate = "30s", refresh_ahead = 1, refresh_ahead = 2)]
struct Cities3 {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository(entity = City, strategy = "read_through", refresh_ahaed = 1.0)]
struct Cities4 {
    db: PgPool,
    cache: CacheManager,
}

fn main() {}
