//! A manager, and what a recorder sees of it.

use std::collections::BTreeMap;
use std::sync::Mutex;

use cache_runtime::{CacheManager, Metrics};

use super::recorder::Recorder;

pub struct Watched {
    pub recorder: Recorder,
    metrics: Metrics,
    before: Mutex<BTreeMap<String, u64>>,
}

impl Watched {
    pub fn of(manager: &CacheManager) -> Self {
        let recorder = Recorder::default();
        let metrics = metrics::with_local_recorder(&recorder, || manager.metrics());
        Self { recorder, metrics, before: Mutex::default() }
    }

    pub fn publish(&self) {
        metrics::with_local_recorder(&self.recorder, || self.metrics.publish());
    }

    /// With what the database says of the outbox. On a runtime of one thread.
    pub async fn publish_all(&self) {
        let _here = metrics::set_default_local_recorder(&self.recorder);
        self.metrics.publish_all().await;
    }

    /// The counters that have moved since this was last asked, without `cache_` and `_total`, and by how much.
    pub fn moved(&self) -> Vec<String> {
        self.publish();
        let now = self.recorder.counters();
        let mut before = self.before.lock().unwrap();
        let moved = now.iter().filter_map(|(name, count)| {
            let since = count - before.get(name).copied().unwrap_or(0);
            let short = name.replace("cache_", "").replace("_total", "").replace("{Cities,", "{");
            (since > 0).then(|| format!("{short} {since}"))
        });
        let moved = moved.collect();
        *before = now;
        moved
    }

    pub fn gauge(&self, name: &str) -> Option<f64> {
        self.publish();
        self.recorder.gauge(name)
    }

    pub fn values(&self, name: &str) -> Vec<f64> {
        self.publish();
        self.recorder.values(name)
    }
}
