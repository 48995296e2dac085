//! A cache that tells what it is asked keeps the contract of the ports, whether anybody listens or not.
#![cfg(all(feature = "testing", feature = "memory"))]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the cases carry their own names; what fails here fails the test"
)]

use std::sync::{Arc, Once};

use cache_runtime::backend::{MemoryCache, Traced};
use cache_runtime::testing::ManualClock;
use cache_runtime::testing::conformance::Backend;
use cache_runtime::{CoherentCache, Key, Namespace, Remaining};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Hears everything, and keeps nothing.
struct Listener;

impl Subscriber for Listener {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

struct Told(ManualClock);

impl Told {
    fn new() -> Self {
        static LISTEN: Once = Once::new();
        LISTEN.call_once(|| {
            tracing::subscriber::set_global_default(Listener).expect("nobody else listens");
        });
        Self(ManualClock::new())
    }
}

impl Backend for Told {
    async fn fresh(&self) -> Arc<dyn CoherentCache> {
        Arc::new(Traced::over(Arc::new(MemoryCache::builder().clock(self.0.shared()).build())))
    }

    fn namespace(&self) -> Namespace {
        Namespace::new("conformance").unwrap()
    }

    async fn expire_now(&self, cache: &dyn CoherentCache, key: &Key) {
        if let Remaining::Left(left) = cache.ttl(key).await.unwrap() {
            self.0.advance(left);
        }
    }
}

cache_runtime::conformance_suite!(Told::new());

mod sessions {
    use std::time::Duration;

    use cache_runtime::SessionSpace;
    use cache_runtime::testing::sessions::SessionsBackend;

    use super::*;

    impl SessionsBackend for Told {
        async fn fresh(&self) -> Arc<dyn CoherentCache> {
            Backend::fresh(self).await
        }

        fn head(&self) -> Key {
            self.namespace().key().text("session").value("logins").finish().unwrap()
        }

        async fn pass(&self, _: &SessionSpace, time: Duration) {
            self.0.advance(time);
        }
    }

    cache_runtime::session_suite!(Told::new());
}
