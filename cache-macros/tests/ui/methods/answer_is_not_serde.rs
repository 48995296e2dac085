#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository(entity = City)]
struct Cities {
    db: PgPool,
    cache: CacheManager,
}

#[derive(Clone)]
struct Count(#[allow(dead_code)] i64);

#[derive(Serialize)]
struct Written(#[allow(dead_code)] i64);

#[cached_repository]
impl Cities {
    #[cached(key = "count")]
    async fn count(&self) -> sqlx::Result<Count> {
        Ok(Count(1))
    }

    #[cached(key = "shared")]
    async fn shared(&self) -> sqlx::Result<Option<Arc<Count>>> {
        Ok(None)
    }

    #[cached(key = "many")]
    async fn many(&self) -> sqlx::Result<Vec<Count>> {
        Ok(Vec::new())
    }

    #[cache_put(key = "put")]
    async fn put(&self) -> sqlx::Result<Written> {
        Ok(Written(1))
    }
}

fn main() {}
