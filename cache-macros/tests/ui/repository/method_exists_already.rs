#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository(entity = City)]
struct Cities {
    db: PgPool,
    cache: CacheManager,
}

impl Cities {
    pub async fn get(&self) -> i64 {
        1
    }
}

fn main() {}
