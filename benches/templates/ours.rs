//! Users, cached by a repository.

use cache_runtime::{CacheManager, Entity, cached_repository};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgPool};

#[derive(Clone, Debug, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "users_0")]
pub struct User0 {
    #[entity(id)]
    pub id: i64,
    pub email: String,
    pub name: String,
    pub city: String,
    pub country: String,
    pub bio: Option<String>,
    pub active: bool,
    pub logins: i64,
    pub score: f64,
    pub created_at: i64,
}

#[cached_repository(entity = User0, ttl = "1h", unique(email), list(country))]
#[derive(Clone)]
pub struct Users0 {
    pub db: PgPool,
    pub cache: CacheManager,
}
