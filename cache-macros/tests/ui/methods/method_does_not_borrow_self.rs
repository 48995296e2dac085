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
    #[cached(key = "count")]
    async fn count() -> sqlx::Result<i64> {
        Ok(1)
    }

    #[cached(key = "changed")]
    async fn changed(&mut self) -> sqlx::Result<i64> {
        Ok(1)
    }

    #[cached(key = "shared")]
    async fn shared(self: Arc<Self>) -> sqlx::Result<i64> {
        Ok(1)
    }
}

fn main() {}
