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
    #[cached(key = "count:{of}", ttl = "15x", negative_ttl = "1s", codec = "bincode")]
    fn count(&self, from: i64, (a, b): (i64, i64)) -> Result<i64, sqlx::Error> {
        Ok(from + a + b)
    }

    /// The method is still there.
    #[allow(dead_code)]
    fn counted(&self) -> Result<i64, sqlx::Error> {
        self.count(1, (2, 3))
    }
}

fn main() {}
