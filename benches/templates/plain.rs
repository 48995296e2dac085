//! Users, cached by hand: what is read is kept for an hour, what is written is forgotten.

use std::sync::Arc;

use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgPool};

const TTL: u64 = 3600;

#[derive(Clone, Debug, Serialize, Deserialize, FromRow)]
pub struct User0 {
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

#[derive(Clone)]
pub struct Users0 {
    pub db: PgPool,
    pub cache: MultiplexedConnection,
}

impl Users0 {
    pub async fn get(&self, id: i64) -> sqlx::Result<Option<Arc<User0>>> {
        let (mut cache, key) = (self.cache.clone(), format!("users_0:{id}"));
        let held: Option<Vec<u8>> = cache.get(&key).await.unwrap_or_default();
        if let Some(user) = held.and_then(|held| serde_json::from_slice(&held).ok()) {
            return Ok(Some(Arc::new(user)));
        }
        let select = sqlx::query_as("SELECT * FROM users_0 WHERE id = $1").bind(id);
        let user: Option<User0> = select.fetch_optional(&self.db).await?;
        if let Some(Ok(held)) = user.as_ref().map(serde_json::to_vec) {
            let _: redis::RedisResult<()> = cache.set_ex(&key, held, TTL).await;
        }
        Ok(user.map(Arc::new))
    }

    pub async fn find_by_email(&self, email: &str) -> sqlx::Result<Option<Arc<User0>>> {
        let (mut cache, key) = (self.cache.clone(), format!("users_0:email:{email}"));
        if let Ok(Some(id)) = cache.get(&key).await {
            return self.get(id).await;
        }
        let select = sqlx::query_as("SELECT * FROM users_0 WHERE email = $1").bind(email);
        let user: Option<User0> = select.fetch_optional(&self.db).await?;
        if let Some(user) = &user {
            let _: redis::RedisResult<()> = cache.set_ex(&key, user.id, TTL).await;
        }
        Ok(user.map(Arc::new))
    }

    pub async fn list_by_country(
        &self,
        country: &str,
        page: std::ops::RangeTo<u64>,
    ) -> sqlx::Result<Vec<Arc<User0>>> {
        let (mut cache, key) = (self.cache.clone(), format!("users_0:country:{country}:{}", page.end));
        let held: Option<Vec<u8>> = cache.get(&key).await.unwrap_or_default();
        if let Some(users) = held.and_then(|held| serde_json::from_slice::<Vec<User0>>(&held).ok()) {
            return Ok(users.into_iter().map(Arc::new).collect());
        }
        let select = "SELECT * FROM users_0 WHERE country = $1 ORDER BY id LIMIT $2";
        let select = sqlx::query_as(select).bind(country).bind(page.end as i64);
        let users: Vec<User0> = select.fetch_all(&self.db).await?;
        if let Ok(held) = serde_json::to_vec(&users) {
            let _: redis::RedisResult<()> = cache.set_ex(&key, held, TTL).await;
        }
        Ok(users.into_iter().map(Arc::new).collect())
    }

    pub async fn update(&self, user: &User0) -> sqlx::Result<Option<Arc<User0>>> {
        let update = sqlx::query_as(
            "UPDATE users_0 SET email = $2, name = $3, city = $4, country = $5, bio = $6, active = $7, logins = $8, \
             score = $9, created_at = $10 WHERE id = $1 RETURNING *",
        )
        .bind(user.id)
        .bind(&user.email)
        .bind(&user.name)
        .bind(&user.city)
        .bind(&user.country)
        .bind(&user.bio)
        .bind(user.active)
        .bind(user.logins)
        .bind(user.score)
        .bind(user.created_at);
        let user: Option<User0> = update.fetch_optional(&self.db).await?;
        self.forget(user.as_ref()).await;
        Ok(user.map(Arc::new))
    }

    pub async fn delete(&self, id: i64) -> sqlx::Result<Option<Arc<User0>>> {
        let delete = sqlx::query_as("DELETE FROM users_0 WHERE id = $1 RETURNING *").bind(id);
        let user: Option<User0> = delete.fetch_optional(&self.db).await?;
        self.forget(user.as_ref()).await;
        Ok(user.map(Arc::new))
    }

    async fn forget(&self, user: Option<&User0>) {
        if let Some(user) = user {
            let keys = [format!("users_0:{}", user.id), format!("users_0:email:{}", user.email)];
            let _: redis::RedisResult<()> = self.cache.clone().del(&keys).await;
        }
    }
}
