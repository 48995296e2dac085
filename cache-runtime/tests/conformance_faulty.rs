//! A cache without faults does through the faulty one what it does without it.
#![cfg(all(feature = "memory", feature = "testing"))]
#![expect(clippy::expect_used, reason = "this is how a test fails")]

use std::sync::Arc;

use cache_runtime::backend::MemoryCache;
use cache_runtime::testing::conformance::Backend;
use cache_runtime::testing::{FaultyCache, ManualClock};
use cache_runtime::{CoherentCache, Key, Namespace, Remaining};

struct Faultless {
    clock: ManualClock,
    cache: FaultyCache,
}

impl Faultless {
    fn new() -> Self {
        let clock = ManualClock::new();
        let memory = MemoryCache::builder().clock(clock.shared()).build();
        Self { clock, cache: FaultyCache::over(Arc::new(memory)) }
    }
}

impl Backend for Faultless {
    async fn fresh(&self) -> Arc<dyn CoherentCache> {
        Arc::new(self.cache.clone())
    }

    fn namespace(&self) -> Namespace {
        Namespace::new("conformance").expect("a name")
    }

    async fn expire_now(&self, cache: &dyn CoherentCache, key: &Key) {
        if let Remaining::Left(left) = cache.ttl(key).await.expect("the memory answers") {
            self.clock.advance(left);
        }
    }
}

cache_runtime::conformance_suite!(Faultless::new());
