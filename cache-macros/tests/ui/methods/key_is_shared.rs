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
    #[cached(key = "count:{country}")]
    async fn cities_of(&self, country: &str) -> sqlx::Result<i64> {
        Ok(country.len() as i64)
    }

    #[cached(key = "count:{name}")]
    async fn cities_called(&self, name: &str) -> sqlx::Result<i64> {
        Ok(name.len() as i64)
    }
}

fn main() {}
