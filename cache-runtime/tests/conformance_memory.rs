//! The in-memory hand keeps both ports.
#![cfg(all(feature = "memory", feature = "testing"))]
#![expect(clippy::expect_used, reason = "this is how a test fails")]

use std::sync::Arc;

use cache_runtime::backend::MemoryCache;
use cache_runtime::testing::ManualClock;
use cache_runtime::testing::conformance::Backend;
use cache_runtime::{CoherentCache, Key, Namespace, Remaining};

struct Memory(ManualClock);

impl Backend for Memory {
    async fn fresh(&self) -> Arc<dyn CoherentCache> {
        Arc::new(MemoryCache::builder().clock(self.0.shared()).build())
    }

    fn namespace(&self) -> Namespace {
        Namespace::new("conformance").expect("a name")
    }

    async fn expire_now(&self, cache: &dyn CoherentCache, key: &Key) {
        if let Remaining::Left(left) = cache.ttl(key).await.expect("the memory answers") {
            self.0.advance(left);
        }
    }
}

cache_runtime::conformance_suite!(Memory(ManualClock::new()));
