#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository(entity = City, unique(slgu), list(nation), tags("country:{coutry}"))]
struct Cities {
    db: PgPool,
    cache: CacheManager,
}

fn main() {}
