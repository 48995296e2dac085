#![allow(unused_imports)]

pub use std::sync::Arc;

pub use cache_runtime::{CacheManager, CacheTransaction, Entity, cached_repository};
pub use serde::{Deserialize, Serialize};
pub use sqlx::{FromRow, PgPool};

#[derive(Clone, Debug, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "cities")]
pub struct City {
    #[entity(id)]
    pub id: i64,
    pub slug: String,
    pub country: String,
    pub name: String,
}
