#[path = "../city.rs"]
mod city;
use city::*;

#[derive(Clone)]
struct Town;

#[cached_repository(entity = Town)]
struct Cities {
    db: PgPool,
    cache: CacheManager,
}

fn main() {}
