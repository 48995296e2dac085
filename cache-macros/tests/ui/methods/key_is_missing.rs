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
    #[cached(ttl = "1m")]
    async fn largest(&self, limit: i64, country: &str) -> sqlx::Result<Vec<City>> {
        drop((limit, country));
        Ok(Vec::new())
    }

    #[cached]
    async fn all(&self) -> sqlx::Result<Vec<City>> {
        Ok(Vec::new())
    }
}

fn main() {}
