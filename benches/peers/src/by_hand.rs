//! Two tiers as one writes them by hand: `moka` with its single flight, then Redis, then the database.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use moka::future::Cache;
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;

use crate::Result;
use crate::peer::{ENTRIES, Peer, Setup, Tiers};
use crate::source::Source;
use crate::world::User;

pub(crate) const NAME: &str = "moka + redis by hand";
const TTL: Duration = Duration::from_secs(3600);

#[derive(Clone)]
pub(crate) struct ByHand {
    near: Option<Cache<i64, Arc<User>>>,
    redis: MultiplexedConnection,
    source: Source,
}

pub(crate) async fn open(setup: &Setup) -> Result<ByHand> {
    let near = (setup.tiers == Tiers::Near)
        .then(|| Cache::builder().max_capacity(ENTRIES).time_to_live(TTL).build());
    let client = redis::Client::open(setup.redis_url.as_str())?;
    let redis = client.get_multiplexed_async_connection().await?;
    Ok(ByHand { near, redis, source: setup.source.clone() })
}

impl Peer for ByHand {
    type Row = Arc<User>;

    async fn user(&self, id: i64) -> Option<Arc<User>> {
        let Some(near) = &self.near else {
            return self.beyond(id).await;
        };
        match near.get(&id).await {
            Some(user) => Some(user),
            None => near.optionally_get_with(id, self.beyond(id)).await,
        }
    }
}

impl ByHand {
    async fn beyond(&self, id: i64) -> Option<Arc<User>> {
        let key = format!("by-hand:users:{id}");
        let mut redis = self.redis.clone();
        let held: Option<Bytes> = redis.get(&key).await.unwrap_or_default();
        if let Some(user) = held.and_then(|bytes| postcard::from_bytes(&bytes).ok()) {
            return Some(Arc::new(user));
        }
        let user = self.source.load(id).await?;
        if let Ok(bytes) = postcard::to_stdvec(&user) {
            let _: redis::RedisResult<()> = redis.set_ex(&key, bytes, TTL.as_secs()).await;
        }
        Some(Arc::new(user))
    }
}
