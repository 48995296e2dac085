#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository(entity = City)]
struct Cities {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository]
impl Cities {
    #[cached(key = "near:{place}")]
    async fn near(&self, place: Place) -> sqlx::Result<i64> {
        drop(place);
        Ok(1)
    }
}

struct Place;

fn main() {}
