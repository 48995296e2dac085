//! A recorder that remembers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use cache_runtime::MetricKind;
use metrics::{Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, SharedString, Unit};

/// What it is, its unit, and what it says.
pub type Description = (MetricKind, Option<Unit>, String);

#[derive(Default)]
pub struct Recorder {
    described: Mutex<BTreeMap<String, Description>>,
    counters: Mutex<BTreeMap<String, Arc<AtomicU64>>>,
    gauges: Mutex<BTreeMap<String, Arc<AtomicU64>>>,
    histograms: Mutex<BTreeMap<String, Arc<Values>>>,
    /// The labels of each name, in their order.
    labels: Mutex<BTreeMap<String, Vec<String>>>,
}

#[derive(Default)]
struct Values(Mutex<Vec<f64>>);

impl HistogramFn for Values {
    fn record(&self, value: f64) {
        self.0.lock().unwrap().push(value);
    }
}

impl Recorder {
    pub fn described(&self) -> BTreeMap<String, Description> {
        self.described.lock().unwrap().clone()
    }

    pub fn labels(&self) -> BTreeMap<String, Vec<String>> {
        self.labels.lock().unwrap().clone()
    }

    pub fn counters(&self) -> BTreeMap<String, u64> {
        let counters = self.counters.lock().unwrap();
        counters.iter().map(|(name, count)| (name.clone(), count.load(Ordering::SeqCst))).collect()
    }

    /// `None` where it was never set.
    pub fn gauge(&self, name: &str) -> Option<f64> {
        let gauges = self.gauges.lock().unwrap();
        gauges.get(name).map(|bits| f64::from_bits(bits.load(Ordering::SeqCst)))
    }

    pub fn values(&self, name: &str) -> Vec<f64> {
        let histograms = self.histograms.lock().unwrap();
        histograms.get(name).map(|values| values.0.lock().unwrap().clone()).unwrap_or_default()
    }

    /// `cache_hits_total{Cities,get,backend}`: the values of the labels, without the namespace.
    fn named(&self, key: &Key) -> String {
        let mut names = Vec::new();
        let mut values = Vec::new();
        for label in key.labels() {
            names.push(label.key().to_owned());
            if label.key() != "namespace" {
                values.push(label.value().to_owned());
            }
        }
        self.labels.lock().unwrap().insert(key.name().to_owned(), names);
        match values.is_empty() {
            true => key.name().to_owned(),
            false => format!("{}{{{}}}", key.name(), values.join(",")),
        }
    }

    fn describe(&self, kind: MetricKind, name: &KeyName, unit: Option<Unit>, help: &str) {
        let mut described = self.described.lock().unwrap();
        described.insert(name.as_str().to_owned(), (kind, unit, help.to_owned()));
    }
}

impl metrics::Recorder for Recorder {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        self.describe(MetricKind::Counter, &name, unit, &help);
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        self.describe(MetricKind::Gauge, &name, unit, &help);
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        self.describe(MetricKind::Histogram, &name, unit, &help);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let name = self.named(key);
        Counter::from_arc(Arc::clone(self.counters.lock().unwrap().entry(name).or_default()))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        let name = self.named(key);
        Gauge::from_arc(Arc::clone(self.gauges.lock().unwrap().entry(name).or_default()))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        let name = self.named(key);
        Histogram::from_arc(Arc::clone(self.histograms.lock().unwrap().entry(name).or_default()))
    }
}
