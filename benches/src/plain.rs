//! What one writes by hand with the plain crates: cache-aside that deletes after the write.

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
