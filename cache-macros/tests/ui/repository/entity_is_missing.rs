#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository]
struct Cities {
    db: PgPool,
    cache: CacheManager,
}

fn main() {}
