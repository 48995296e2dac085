#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository(entity = City)]
struct Tuple(PgPool, CacheManager);

#[cached_repository(entity = City)]
struct Unit;

#[cached_repository(entity = City)]
enum Choice {
    One,
}

#[cached_repository(entity = City)]
pub fn function() {}

#[cached_repository]
trait Reads {}

fn main() {}
