#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository(entity = City, unique(), tags())]
struct Cities {
    db: PgPool,
    cache: CacheManager,
}

fn main() {}
