#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository(entity = City, compression = "gzip", ttl = "stabel")]
struct Cities {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository]
impl Cities {
    #[cached(key = "count", compression = lz4, negative_ttl = "Static")]
    async fn count(&self) -> sqlx::Result<Option<i64>> {
        Ok(None)
    }

    #[invalidates(id, compression = "lz4")]
    async fn rename(&self, tx: &mut CacheTransaction, id: i64) -> sqlx::Result<()> {
        drop((tx, id));
        Ok(())
    }
}

fn main() {}
