use cache_runtime::{CacheManager, Entity, cached_repository};
use serde::Serialize;
use sqlx::{FromRow, PgPool};

#[derive(Clone, Serialize, FromRow, Entity)]
#[entity(table = "cities")]
struct City {
    #[entity(id)]
    id: i64,
    slug: String,
}

#[cached_repository(entity = City, unique(slug), list(slug))]
struct Cities {
    db: PgPool,
    cache: CacheManager,
}

fn main() {}
