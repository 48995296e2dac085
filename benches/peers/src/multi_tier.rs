//! `multi-tier-cache`, with the quicker of its two memories for the row and the serializer that is not JSON.

use std::sync::Arc;

use multi_tier_cache::serialization::BincodeSerializer;
use multi_tier_cache::{
    CacheError, CacheManager, CacheSerializer, CacheStrategy, CacheTier, InvalidationConfig,
    L1Cache, L2Cache, MokaCacheConfig, QuickCacheBackend,
};

use crate::Result;
use crate::peer::{ENTRIES, Peer, Setup, Tiers};
use crate::source::Source;
use crate::world::User;

pub(crate) const NAME: &str = "multi-tier-cache";
/// One of its presets: an hour.
const HOUR: CacheStrategy = CacheStrategy::MediumTerm;

#[derive(Clone)]
pub(crate) struct MultiTier {
    manager: Arc<CacheManager>,
    source: Source,
}

pub(crate) async fn open(setup: &Setup) -> Result<MultiTier> {
    let redis = Arc::new(L2Cache::with_url(&setup.redis_url).await?);
    let manager = match setup.tiers {
        Tiers::Near => {
            let near = Arc::new(QuickCacheBackend::new(ENTRIES)?);
            CacheManager::new_with_backends(near, redis, None)?
        }
        Tiers::Far => {
            let only = CacheTier::new(redis, 1, false, 1, 1.0);
            CacheManager::new_with_tiers(vec![only], None)?
        }
    };
    Ok(MultiTier::new(manager, setup))
}

/// One of several that tell each other of their writes; that it offers over `moka` alone.
pub(crate) async fn telling(setup: &Setup) -> Result<MultiTier> {
    let hour = HOUR.to_duration();
    let config = MokaCacheConfig { max_capacity: ENTRIES, time_to_live: hour, time_to_idle: hour };
    let near = Arc::new(L1Cache::new(config)?);
    let redis = Arc::new(L2Cache::with_url(&setup.redis_url).await?);
    let told = InvalidationConfig::default();
    let manager = CacheManager::new_with_invalidation(near, redis, &setup.redis_url, told).await?;
    Ok(MultiTier::new(manager, setup))
}

impl MultiTier {
    fn new(mut manager: CacheManager, setup: &Setup) -> Self {
        manager.set_serializer(CacheSerializer::Bincode(BincodeSerializer));
        Self { manager: Arc::new(manager), source: setup.source.clone() }
    }

    /// What its documentation says to call after a write to the database.
    pub(crate) async fn invalidate(&self, id: i64) -> Result<()> {
        Ok(self.manager.invalidate(&key(id)).await?)
    }
}

impl Peer for MultiTier {
    type Row = User;

    async fn user(&self, id: i64) -> Option<User> {
        let load = || async move { self.source.load(id).await.ok_or(CacheError::NotFound) };
        self.manager.get_or_compute_typed(&key(id), HOUR, load).await.ok()
    }
}

fn key(id: i64) -> String {
    format!("multi-tier:users:{id}")
}
