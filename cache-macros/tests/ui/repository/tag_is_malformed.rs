#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository(entity = City, tags("", "a{b", "a}b", "{}", "{0}", "{country:?}", "{country.code}", cities, "same", "same"))]
struct Cities {
    db: PgPool,
    cache: CacheManager,
}

fn main() {}
