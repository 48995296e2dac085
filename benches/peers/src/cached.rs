//! `cached`: its sharded memory, its Redis, which are never one behind the other, and its memory with a single flight.

use std::sync::Arc;

use cached::macros::{cached, concurrent_cached};
use cached::{AsyncRedisCache, ConcurrentCachedAsync};

use crate::Result;
use crate::peer::{Peer, Setup};
use crate::source::Source;
use crate::world::User;

pub(crate) const NEAR: &str = "cached (memory alone)";
pub(crate) const FAR: &str = "cached";
/// The memory that deduplicates loads is another one, behind one lock.
pub(crate) const ONE_FLIGHT: &str = "cached (memory alone, sync_writes)";

#[derive(Clone)]
pub(crate) struct Near(Source);

pub(crate) async fn near(setup: &Setup) -> Result<Near> {
    Ok(Near(setup.source.clone()))
}

impl Peer for Near {
    type Row = Arc<User>;

    async fn user(&self, id: i64) -> Option<Arc<User>> {
        sharded(&self.0, id).await
    }
}

#[concurrent_cached(max_size = 200_000, ttl_secs = 3600, key = "i64", convert = { id })]
async fn sharded(source: &Source, id: i64) -> Option<Arc<User>> {
    source.load(id).await.map(Arc::new)
}

#[derive(Clone)]
pub(crate) struct OneFlight(Source);

pub(crate) async fn one_flight(setup: &Setup) -> Result<OneFlight> {
    Ok(OneFlight(setup.source.clone()))
}

impl Peer for OneFlight {
    type Row = Arc<User>;

    async fn user(&self, id: i64) -> Option<Arc<User>> {
        flown(&self.0, id).await
    }
}

#[cached(
    max_size = 200_000,
    ttl_secs = 3600,
    key = "i64",
    convert = { id },
    sync_writes = "by_key"
)]
async fn flown(source: &Source, id: i64) -> Option<Arc<User>> {
    source.load(id).await.map(Arc::new)
}

#[derive(Clone)]
pub(crate) struct Far {
    cache: AsyncRedisCache<i64, User>,
    source: Source,
}

pub(crate) async fn far(setup: &Setup) -> Result<Far> {
    let builder = AsyncRedisCache::builder("users").ttl_secs(3600);
    let cache = builder.connection_string(&setup.redis_url).build().await?;
    Ok(Far { cache, source: setup.source.clone() })
}

impl Peer for Far {
    type Row = User;

    async fn user(&self, id: i64) -> Option<User> {
        if let Ok(Some(user)) = self.cache.async_cache_get(&id).await {
            return Some(user);
        }
        let user = self.source.load(id).await?;
        let _ = self.cache.async_cache_set(id, user.clone()).await;
        Some(user)
    }
}
