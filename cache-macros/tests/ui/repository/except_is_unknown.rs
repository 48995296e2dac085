#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository(entity = City, unique(slug), except(insrt, find_by_name, find_by_slug))]
struct Cities {
    db: PgPool,
    cache: CacheManager,
}

fn main() {}
