#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository(entity = "City")]
struct Cities {
    db: PgPool,
    cache: CacheManager,
}

fn main() {}
