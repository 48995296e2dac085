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
    #[cached(key = "count:{of}")]
    async fn count<T: Send + Sync + Serialize>(&self, of: T) -> sqlx::Result<i64> {
        drop(of);
        Ok(1)
    }

    #[cached(key = "named:{name}")]
    async fn named(&self, name: impl AsRef<str> + Send + Sync + Serialize) -> sqlx::Result<i64> {
        drop(name);
        Ok(1)
    }
}

fn main() {}
