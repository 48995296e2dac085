//! What one writes by hand with the plain crates: cache-aside that deletes after the write.

use std::collections::HashMap;

use bytes::Bytes;
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use sqlx::PgPool;

use crate::world::User;

const TTL: u64 = 3600;

fn key(id: i64) -> String {
    format!("plain:users:{id}")
}

pub(crate) async fn hit(mut redis: MultiplexedConnection, id: i64) -> Option<User> {
    let bytes: Option<Bytes> = redis.get(key(id)).await.ok()?;
    postcard::from_bytes(&bytes?).ok()
}

pub(crate) async fn get(mut redis: MultiplexedConnection, pool: PgPool, id: i64) -> Option<User> {
    if let Some(user) = hit(redis.clone(), id).await {
        return Some(user);
    }
    let user = load(&pool, id).await?;
    let bytes = postcard::to_stdvec(&user).ok()?;
    let () = redis.set_ex(key(id), bytes, TTL).await.ok()?;
    Some(user)
}

pub(crate) async fn load(pool: &PgPool, id: i64) -> Option<User> {
    sqlx::query_as("SELECT * FROM users WHERE id = $1").bind(id).fetch_optional(pool).await.ok()?
}

pub(crate) async fn fill(
    mut redis: MultiplexedConnection,
    users: &[User],
) -> redis::RedisResult<()> {
    let mut pipeline = redis::pipe();
    for user in users {
        let bytes = postcard::to_stdvec(user).unwrap_or_default();
        pipeline.set_ex(key(user.id), bytes, TTL).ignore();
    }
    pipeline.query_async(&mut redis).await
}

pub(crate) async fn batch(mut redis: MultiplexedConnection, ids: &[i64]) -> Option<Vec<User>> {
    let keys: Vec<String> = ids.iter().map(|id| key(*id)).collect();
    let all: Vec<Option<Bytes>> = redis.mget(keys).await.ok()?;
    all.into_iter().map(|bytes| postcard::from_bytes(&bytes?).ok()).collect()
}

/// What is not in Redis is loaded in one statement, and put there in one pipeline.
pub(crate) async fn get_many(
    mut redis: MultiplexedConnection,
    pool: PgPool,
    ids: &[i64],
) -> Option<Vec<Option<User>>> {
    let keys: Vec<String> = ids.iter().map(|id| key(*id)).collect();
    let all: Vec<Option<Bytes>> = redis.mget(keys).await.ok()?;
    let mut found: Vec<Option<User>> =
        all.into_iter().map(|bytes| postcard::from_bytes(&bytes?).ok()).collect();
    let missing: Vec<i64> =
        ids.iter().zip(&found).filter(|(_, user)| user.is_none()).map(|(id, _)| *id).collect();
    if missing.is_empty() {
        return Some(found);
    }
    let loaded: Vec<User> = sqlx::query_as("SELECT * FROM users WHERE id = ANY($1)")
        .bind(&missing)
        .fetch_all(&pool)
        .await
        .ok()?;
    fill(redis, &loaded).await.ok()?;
    let mut loaded: HashMap<i64, User> = loaded.into_iter().map(|user| (user.id, user)).collect();
    for (id, user) in ids.iter().zip(&mut found) {
        if user.is_none() {
            *user = loaded.remove(id);
        }
    }
    Some(found)
}

pub(crate) async fn write(
    mut redis: MultiplexedConnection,
    pool: PgPool,
    user: &User,
) -> Option<()> {
    let mut tx = pool.begin().await.ok()?;
    sqlx::query(
        "UPDATE users SET email = $2, name = $3, city = $4, country = $5, bio = $6, active = $7, logins = $8, \
         score = $9, created_at = $10 WHERE id = $1",
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
    .bind(user.created_at)
    .execute(&mut *tx)
    .await
    .ok()?;
    tx.commit().await.ok()?;
    redis.del(key(user.id)).await.ok()
}

/// A text from Redis, or from `load`.
pub(crate) async fn text(
    mut redis: MultiplexedConnection,
    key: &str,
    load: impl AsyncFnOnce() -> Option<String>,
) -> Option<String> {
    let found: Option<String> = redis.get(key).await.ok()?;
    if found.is_some() {
        return found;
    }
    let text = load().await?;
    let () = redis.set_ex(key, &text, TTL).await.ok()?;
    Some(text)
}
