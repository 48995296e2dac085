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
    #[invalidates]
    async fn rename(&self, id: i64) -> sqlx::Result<()> {
        drop(id);
        Ok(())
    }
}

fn main() {}
