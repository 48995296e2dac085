//! Two managers over one Redis.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cache_runtime::testing::Stepper;
use cache_runtime::{CacheManager, CacheManagerBuilder, Error, ItemKey, Key, Level, State};
use tests::Fixture;

pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// Two processes over one Redis. The first reports its steps.
pub(crate) struct World {
    pub(crate) fixture: Fixture,
    pub(crate) stepper: Stepper,
    pub(crate) here: CacheManager,
    pub(crate) elsewhere: CacheManager,
    /// How often something was loaded.
    pub(crate) loads: Arc<AtomicUsize>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|builder| builder).await
    }

    pub(crate) async fn with(options: impl Fn(CacheManagerBuilder) -> CacheManagerBuilder) -> Self {
        let fixture = Fixture::new().await;
        let stepper = Stepper::new();
        let builder = || {
            let builder = CacheManager::builder(fixture.namespace())
                .redis(fixture.redis_url())
                // The tier in the process has tests of its own.
                .level(Level::Strong)
                // On a busy machine everything takes a while.
                .hang_after(Duration::from_secs(2))
                .operation_timeout(Duration::from_secs(5))
                .lease_wait(Duration::from_secs(8));
            options(builder)
        };
        let here = builder().observer(Arc::new(stepper.clone())).build().expect("it is built");
        let elsewhere = builder().build().expect("it is built");
        Self { stepper, here, elsewhere, loads: Arc::default(), fixture }
    }

    pub(crate) fn key(&self, name: &str) -> Key {
        name.item_key(self.here.namespace()).expect("the key is written")
    }

    /// What stands at an item's key.
    pub(crate) async fn state(&self, name: &str) -> State {
        use cache_runtime::entry::{Body, Entry};
        let found = self.elsewhere.backend().get(&self.key(name)).await.expect("Redis is there");
        match found.as_ref().map(Entry::parse) {
            None => State::Absent,
            Some(Entry::Value(value)) if value.body == Body::Nothing => State::Negative,
            Some(Entry::Value(_)) => State::Value,
            Some(Entry::Lease(_)) => State::Lease,
            Some(Entry::Hold) => State::Hold,
            Some(Entry::Foreign) => State::Foreign,
        }
    }

    /// A call of `remember` on its way: its load counts, and answers with a number.
    pub(crate) fn remember(
        &self,
        cache: &CacheManager,
        name: &'static str,
        answer: u64,
    ) -> tokio::task::JoinHandle<u64> {
        let (cache, loads) = (cache.clone(), Arc::clone(&self.loads));
        tokio::spawn(async move {
            let load = || async {
                loads.fetch_add(1, Ordering::SeqCst);
                Ok::<_, Error>(answer)
            };
            cache.remember(name, HOUR, load).await.expect("the load does not fail")
        })
    }

    pub(crate) fn loads(&self) -> usize {
        self.loads.load(Ordering::SeqCst)
    }
}
