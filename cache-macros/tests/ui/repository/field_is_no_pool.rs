#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository(entity = City, db = name)]
struct Cities {
    name: String,
    cache: CacheManager,
}

fn main() {}
