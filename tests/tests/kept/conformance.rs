//! Sessions that are kept are sessions like all others, with a Redis in front of them or without.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cache_runtime::testing::sessions::SessionsBackend;
use cache_runtime::{
    CacheManager, CoherentCache, Key, Namespace, Relay, SessionBackend, SessionSpace,
};
use tests::{Servers, TestDatabase};

use crate::world;

struct Kept {
    namespace: String,
    redis: String,
    begun: OnceLock<(TestDatabase, CacheManager, Relay)>,
}

impl Kept {
    fn in_front_of(redis: String) -> Self {
        let namespace = format!("kept-{:016x}", fastrand::u64(..));
        Self { namespace, redis, begun: OnceLock::new() }
    }

    /// The shared Redis.
    fn cached() -> Self {
        Servers::shared().start();
        Self::in_front_of(Servers::shared().redis_url())
    }

    /// Nobody listens there.
    fn uncached() -> Self {
        Self::in_front_of("redis://127.0.0.1:1".to_owned())
    }
}

/// Brings every lifetime nearer.
const PASS: &str = "
for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
  redis.call('PEXPIRE', key, math.max(redis.call('PTTL', key) - ARGV[2], 0))
end";

impl SessionsBackend for Kept {
    async fn fresh(&self) -> Arc<dyn CoherentCache> {
        let database = world::database().await;
        let five = Duration::from_secs(5);
        let builder = CacheManager::builder(&self.namespace).redis(&self.redis);
        let cache = builder.operation_timeout(five).hang_after(five).build().unwrap();
        let relay = cache.relay(database.pool()).spawn().unwrap();
        let backend: Arc<dyn CoherentCache> = match self.redis.ends_with(":1") {
            // A cache that may be cleared.
            true => Arc::new(cache_runtime::backend::MemoryCache::builder().build()),
            false => Arc::clone(cache.backend()),
        };
        assert!(self.begun.set((database, cache, relay)).is_ok(), "once in a case");
        backend
    }

    fn elsewhere(&self) -> Option<Arc<dyn SessionBackend>> {
        let (database, cache, _) = self.begun.get().unwrap();
        Some(cache.kept_sessions(database.pool()))
    }

    fn head(&self) -> Key {
        let namespace = Namespace::new(&self.namespace).unwrap();
        namespace.key().text("session").value("logins").finish().unwrap()
    }

    async fn pass(&self, _: &SessionSpace, time: Duration) {
        let (database, cache, _) = self.begun.get().unwrap();
        // What is on its way into the cache belongs to the time before.
        cache.drain().await;
        world::pass(database.pool(), time).await;
        if self.redis.ends_with(":1") {
            return;
        }
        let client = redis::Client::open(&*self.redis).unwrap();
        let () = redis::cmd("EVAL")
            .arg(PASS)
            .arg(0)
            .arg(format!("{}:session:*", self.namespace))
            .arg(u64::try_from(time.as_millis()).unwrap())
            .query_async(&mut client.get_multiplexed_async_connection().await.unwrap())
            .await
            .unwrap();
    }
}

mod cached {
    use super::Kept;
    cache_runtime::session_suite!(Kept::cached());
}

mod without_redis {
    use super::Kept;
    cache_runtime::session_suite!(Kept::uncached());
}
