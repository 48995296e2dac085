#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository(
    entity = City,
    level = "strong",
    level = "database",
    stale_on_error = "1h",
    stale_on_error = "1d",
    soft_timeout = "1s",
    soft_timeout = "2s",
    max_loads = 1,
    max_loads = 2,
)]
struct Cities0 {
    db: PgPool,
    cache: CacheManager,
}

fn main() {}
