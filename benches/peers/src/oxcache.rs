//! `oxcache`: `moka` and Redis in a chain, values as JSON, which is all that it writes.

use std::sync::Arc;
use std::time::Duration;

use oxcache::backend::{MokaMemoryBackend, RedisBackend};
use oxcache::{Cache, ChainCache, OxCacheError};

use crate::Result;
use crate::peer::{ENTRIES, Peer, Setup, Tiers};
use crate::source::Source;
use crate::world::User;

pub(crate) const NAME: &str = "oxcache";
const TTL: Duration = Duration::from_secs(3600);

#[derive(Clone)]
pub(crate) struct OxCache {
    cache: Arc<Cache<i64, User>>,
    source: Source,
}

pub(crate) async fn open(setup: &Setup) -> Result<OxCache> {
    let redis = RedisBackend::new(&setup.redis_url).await?;
    let chain = ChainCache::builder().backend(redis).default_time_to_live(TTL).enable_backfill();
    let chain = match setup.tiers {
        Tiers::Near => {
            let near = MokaMemoryBackend::builder().capacity(ENTRIES).ttl(TTL).build();
            chain.backend(near)
        }
        Tiers::Far => chain,
    };
    let cache = Cache::builder().backend_arc(Arc::new(chain.build())).build().await?;
    Ok(OxCache { cache: Arc::new(cache), source: setup.source.clone() })
}

impl Peer for OxCache {
    type Row = User;

    async fn user(&self, id: i64) -> Option<User> {
        let load = || async {
            let missing = || OxCacheError::NotFound(id.to_string());
            self.source.load(id).await.ok_or_else(missing)
        };
        self.cache.get_or(&id, load).await.ok()
    }
}
