//! What happens, published through the `metrics` facade.
//!
//! On the way of a read nothing of this runs: what is counted there are the atomics that [`Stats`] are made of, and they
//! are there without this feature, too. Publishing reads them, and passes on what has come since the last time.

mod names;
mod publish;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;

use self::names::ALL;
pub use self::names::{MetricKind, MetricName};
use self::publish::To;
use super::CacheManager;
use crate::mind::{RelayStats, Stats, WriteBehindStats};

/// What a manager does, on its way to a recorder of the `metrics` facade: [`CacheManager::metrics`].
///
/// Nothing is published by itself: [`publish`](Self::publish) passes on what has come since the last time, right before
/// a scrape or every so often ([`every`](Self::every)). The first time passes on everything since the manager began, so
/// it does not matter when the recorder was installed, only that it was. Two of these over one manager would count
/// everything twice.
///
/// What is published: [`names`](Self::names), and `docs/metrics.md`.
///
/// ```no_run
/// # async fn example(cache: cache_runtime::CacheManager) {
/// // After the recorder was installed.
/// let metrics = cache.metrics();
/// // In the handler of a scrape:
/// metrics.publish_all().await;
/// # }
/// ```
pub struct Metrics {
    manager: CacheManager,
    published: Mutex<Published>,
}

/// What was passed on already.
#[derive(Default)]
struct Published {
    /// By the place of the counters, which stay where they are.
    operations: HashMap<usize, (Stats, Vec<u64>)>,
    beats: Vec<u64>,
    /// Reconnects and repeated reads.
    connection: (u64, u64),
    /// Of which relay, and what.
    relay: Option<(usize, RelayStats, Vec<u64>)>,
    /// By the number of the write-behind.
    behinds: HashMap<usize, WriteBehindStats>,
}

impl CacheManager {
    /// Describes the metrics to the recorder, and gives what publishes them. Call it once, after the recorder was
    /// installed.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        for MetricName { name, kind, unit, help, .. } in ALL {
            match kind {
                MetricKind::Counter => metrics::describe_counter!(*name, *unit, *help),
                MetricKind::Gauge => metrics::describe_gauge!(*name, *unit, *help),
                MetricKind::Histogram => metrics::describe_histogram!(*name, *unit, *help),
            }
        }
        Metrics { manager: self.clone(), published: Mutex::default() }
    }
}

impl Metrics {
    /// Every metric that is published.
    #[must_use]
    pub fn names() -> &'static [MetricName] {
        ALL
    }

    /// Publishes what is known in this process: everything but the depth and age of the outbox and of the queues of
    /// write-behinds, and the backend's own figures. It waits for nothing and nobody, and takes some microseconds for each operation, and for each thousand entries of the tier in the process.
    pub fn publish(&self) {
        let context = self.manager.context();
        let to = To::new(self.manager.namespace());
        let mut published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        for counters in self.manager.counted().iter().flat_map(|all| all.each()) {
            let place = Arc::as_ptr(&counters).addr();
            let (before, times) = published.operations.entry(place).or_default();
            let now = counters.snapshot();
            to.operation(&counters.of, now - *before);
            *before = now;
            if counters.of.reads {
                let labels = to.of_operation(&counters.of);
                to.times(names::LOAD_SECONDS, labels, counters.load_times.counts(), times);
            }
        }
        to.gauges(context);
        let watched = context.cache.watched();
        if let Some(connection) = watched.and_then(|watched| watched.connection()) {
            to.connection(&connection, &mut published.connection);
        }
        let behinds = context.behinds.there();
        published.behinds.retain(|number, _| behinds.iter().any(|there| there.number() == *number));
        for behind in &behinds {
            let now = behind.stats();
            let before = published.behinds.insert(behind.number(), now).unwrap_or_default();
            to.behind(behind.name(), now, before);
        }
        let beats = context.beats.counts();
        to.times(names::INVALIDATION_LAG, to.labels(), beats, &mut published.beats);
        if let Some(relay) = context.relayed() {
            let (number, stats) = (relay.number(), relay.stats());
            let fresh = (number, RelayStats::default(), Vec::new());
            let last = published.relay.get_or_insert_with(|| fresh.clone());
            if last.0 != number {
                *last = fresh;
            }
            to.relay(stats, last.1);
            last.1 = stats;
            to.times(names::RELAY_LAG, to.labels(), relay.lags(), &mut last.2);
        }
    }

    /// The same, and what only others know: what waits in the outbox, where this process has a relay (one query, which
    /// counts the rows), what waits in the queues of its write-behinds (a round trip for each), and the backend's own
    /// figures (one round trip).
    pub async fn publish_all(&self) {
        let (to, context) = (To::new(self.manager.namespace()), self.manager.context());
        let backlog = match context.relayed() {
            Some(relay) => relay.backlog().await,
            None => None,
        };
        if let Some(backlog) = backlog {
            to.backlog(backlog.ok());
        }
        let mut asked = HashSet::new();
        for behind in context.behinds.there() {
            if asked.insert(behind.name().to_owned()) {
                to.waiting(behind.name(), behind.backlog().await.ok());
            }
        }
        if let Some(watched) = context.cache.watched() {
            to.backend(watched.backend_stats().await.ok().as_ref());
        }
        self.publish();
    }

    /// Publishes all, now and every so often, until what it gives is dropped: for recorders that are not scraped.
    /// Less often than every hundredth of a second it is not asked for; ten seconds are usual.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn every(self, pause: Duration) -> MetricsTask {
        let pause = pause.max(Duration::from_millis(10));
        MetricsTask(tokio::spawn(async move {
            loop {
                self.publish_all().await;
                tokio::time::sleep(pause).await;
            }
        }))
    }
}

/// Publishes until it is dropped.
#[derive(Debug)]
#[must_use = "dropped it stops"]
pub struct MetricsTask(JoinHandle<()>);

impl Drop for MetricsTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics")
            .field("namespace", self.manager.namespace())
            .finish_non_exhaustive()
    }
}
