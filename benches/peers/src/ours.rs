//! The repository, as one of the caches.

use std::sync::Arc;

use cache_runtime::{CacheManager, Level};

use crate::Result;
use crate::peer::{ENTRIES, Peer, Setup, Tiers};
use crate::world::{User, Users};

pub(crate) const NAME: &str = "ours";

pub(crate) fn open(setup: &Setup) -> Result<Users> {
    let builder = CacheManager::builder(&setup.namespace).redis(&setup.redis_url);
    let cache = match setup.tiers {
        Tiers::Near => builder.tier(usize::try_from(ENTRIES)?, 1 << 30),
        Tiers::Far => builder.level(Level::Strong),
    };
    Ok(Users { db: setup.source.pool().clone(), cache: cache.build()? })
}

impl Peer for Users {
    type Row = Arc<User>;

    async fn user(&self, id: i64) -> Option<Arc<User>> {
        self.get(id).await.ok()?
    }
}
