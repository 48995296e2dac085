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
    #[cached(key = "largest:{limit}", skip(limit, contry))]
    async fn largest(&self, limit: i64, country: &str) -> sqlx::Result<Vec<City>> {
        drop((limit, country));
        Ok(Vec::new())
    }
}

fn main() {}
