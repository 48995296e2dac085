//! `hitbox`: a function with arguments for a key, over `moka` and Redis, both with bincode, one load at a time.

use std::borrow::Borrow;
use std::time::Duration;

use hitbox::concurrency::BroadcastConcurrencyManager;
use hitbox::offload::OffloadManager;
use hitbox::policy::ConcurrencyLimit;
use hitbox_backend::CacheBackend;
use hitbox_backend::composition::policy::RefillPolicy;
use hitbox_backend::composition::{Compose, CompositionPolicy};
use hitbox_backend::format::BincodeFormat;
use hitbox_fn::prelude::*;
use hitbox_fn::{CacheableResponse, cached};
use hitbox_moka::MokaBackend;
use hitbox_redis::{ConnectionMode, RedisBackend};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::peer::{ENTRIES, Peer, Setup};
use crate::source::Source;
use crate::world::User;

pub(crate) const NAME: &str = "hitbox";
const TTL: Duration = Duration::from_secs(3600);

type Loaded = std::result::Result<Row, String>;
type OneFlight = BroadcastConcurrencyManager<Loaded>;

/// A user that it may keep.
#[derive(Clone, Serialize, Deserialize, CacheableResponse)]
pub(crate) struct Row {
    user: User,
}

#[cached(prefix = "users", skip(source))]
async fn load(id: i64, source: Source) -> Loaded {
    let user = source.load(id).await.ok_or("no such user")?;
    Ok(Row { user })
}

pub(crate) struct Hitbox<B> {
    cache: Cache<B, OneFlight>,
    source: Source,
}

impl<B> Clone for Hitbox<B> {
    fn clone(&self) -> Self {
        Self { cache: self.cache.clone(), source: self.source.clone() }
    }
}

pub(crate) async fn near(setup: &Setup) -> Result<Hitbox<impl CacheBackend + use<>>> {
    let near = MokaBackend::builder().max_entries(ENTRIES).value_format(BincodeFormat).build();
    let policy = CompositionPolicy::new().refill(RefillPolicy::Always);
    let both = near.compose_with(redis(setup)?, OffloadManager::with_defaults(), policy);
    opened(both, setup)
}

pub(crate) async fn far(setup: &Setup) -> Result<Hitbox<impl CacheBackend + use<>>> {
    opened(redis(setup)?, setup)
}

fn redis(setup: &Setup) -> Result<RedisBackend> {
    let connection = ConnectionMode::single(setup.redis_url.as_str());
    Ok(RedisBackend::builder().connection(connection).build()?)
}

fn opened<B: CacheBackend>(backend: B, setup: &Setup) -> Result<Hitbox<B>> {
    let one = ConcurrencyLimit::new(1).ok_or("one is a limit")?;
    let policy = PolicyConfig::builder().ttl(TTL).concurrency(one).build();
    let builder = Cache::builder().backend(backend).policy(policy);
    let cache = builder.concurrency_manager(OneFlight::new()).build();
    Ok(Hitbox { cache, source: setup.source.clone() })
}

impl<B: CacheBackend + Send + Sync + 'static> Peer for Hitbox<B> {
    type Row = Row;

    async fn user(&self, id: i64) -> Option<Row> {
        load(id, self.source.clone()).cache(&self.cache).await.ok()
    }
}

impl Borrow<User> for Row {
    fn borrow(&self) -> &User {
        &self.user
    }
}
