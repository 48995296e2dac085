//! From what was counted to the recorder.

use metrics::Label;

use super::names;
use crate::key::Namespace;
use crate::mind::{Context, Operation, RelayStats, Stats, Trouble, WriteBehindStats, middle};
use crate::port::{BackendStats, Backlog, BreakerState, ConnectionHealth, QueueBacklog};

/// The recorder of this moment, for one namespace.
pub(super) struct To {
    namespace: Label,
}

impl To {
    pub(super) fn new(namespace: &Namespace) -> Self {
        Self { namespace: Label::new("namespace", namespace.as_str().to_owned()) }
    }

    pub(super) fn labels(&self) -> Vec<Label> {
        vec![self.namespace.clone()]
    }

    pub(super) fn of_operation(&self, operation: &Operation) -> Vec<Label> {
        let mut labels = self.of_repository(operation);
        labels.push(Label::new("operation", operation.name.clone()));
        labels
    }

    fn of_repository(&self, operation: &Operation) -> Vec<Label> {
        vec![self.namespace.clone(), Label::new("repository", operation.repository.clone())]
    }

    /// What one operation did since the last time. Nothing counts as well: a series that is there from the start says
    /// that nothing has happened.
    pub(super) fn operation(&self, operation: &Operation, since: Stats) {
        let labels = self.of_operation(operation);
        let count = |name: &'static str, count: u64| {
            metrics::counter!(name, labels.clone()).increment(count);
        };
        let with = |name: &'static str, label: &'static str, value: &'static str, count: u64| {
            let mut labels = labels.clone();
            labels.push(Label::new(label, value));
            metrics::counter!(name, labels).increment(count);
        };
        count(names::ERRORS, since.errors);
        if !operation.reads {
            for (name, since) in [
                (names::INVALIDATED, since.invalidations),
                (names::OUTBOXED, since.outboxed),
                (names::REFUSED_WRITES, since.refused),
                (names::PROCEEDED, since.proceeded),
            ] {
                metrics::counter!(name, self.of_repository(operation)).increment(since);
            }
            return;
        }
        with(names::HITS, "tier", "process", since.tier_hits);
        with(names::HITS, "tier", "backend", since.hits + since.negative_hits);
        with(names::MISSES, "tier", "process", since.tier_misses);
        with(names::MISSES, "tier", "backend", since.misses);
        with(names::REJECTED_FILLS, "reason", "writer", since.rejected_fills);
        with(names::REJECTED_FILLS, "reason", "too_large", since.too_large);
        with(names::REJECTED_FILLS, "reason", "unencodable", since.unencodable);
        with(names::RENEWALS, "outcome", "done", since.renewals);
        with(names::RENEWALS, "outcome", "refused", since.refused_renewals);
        with(names::RENEWALS, "outcome", "failed", since.failed_renewals);
        for (name, since) in [
            (names::NEGATIVE_HITS, since.negative_hits),
            (names::COALESCED, since.coalesced),
            (names::HELD, since.held),
            (names::LOADS, since.loads),
            (names::FAILED_LOADS, since.failed_loads),
            (names::SHED_LOADS, since.shed),
            (names::FILLS, since.fills),
            (names::ADMITTED, since.admitted),
            (names::REFUSED, since.refused_admits),
            (names::STALE, since.stale),
            (names::FOREIGN, since.foreign),
            (names::COMPRESSED, since.compressed),
            (names::SAVED, since.compression_saved_bytes),
        ] {
            count(name, since);
        }
    }

    /// Passes on the times that were not yet, each as the middle of its bucket.
    pub(super) fn times(
        &self,
        name: &'static str,
        labels: Vec<Label>,
        counts: Vec<u64>,
        published: &mut Vec<u64>,
    ) {
        let histogram = metrics::histogram!(name, labels);
        published.resize(counts.len(), 0);
        for (place, (now, before)) in counts.iter().zip(published.iter()).enumerate() {
            let since = usize::try_from(now.saturating_sub(*before)).unwrap_or(usize::MAX);
            if since > 0 {
                histogram.record_many(middle(place), since);
            }
        }
        *published = counts;
    }

    /// How things stand at this moment.
    pub(super) fn gauges(&self, context: &Context) {
        let (running, waiting) = context.loads.now();
        self.gauge(names::LOADS_RUNNING, as_float(running as u64));
        self.gauge(names::LOADS_WAITING, as_float(waiting as u64));
        self.gauge(names::BELIEVED, if context.trusts() { 1.0 } else { 0.0 });
        if let Some(tier) = &context.tier {
            let (entries, bytes) = tier.size();
            self.gauge(names::TIER_ENTRIES, as_float(entries as u64));
            self.gauge(names::TIER_BYTES, as_float(bytes));
            let age = tier.proof_age().map_or(f64::NAN, |age| age.as_secs_f64());
            self.gauge(names::PROOF_AGE, age);
        }
    }

    /// How it stands with the server, and what came to that since the last time.
    pub(super) fn connection(&self, health: &ConnectionHealth, before: &mut (u64, u64)) {
        let state = match health.breaker {
            BreakerState::Closed => 0.0,
            BreakerState::HalfOpen => 1.0,
            BreakerState::Open => 2.0,
        };
        self.gauge(names::BREAKER, state);
        let now = (health.reconnects, health.retried);
        for (name, since) in [
            (names::RECONNECTS, now.0.saturating_sub(before.0)),
            (names::RETRIED, now.1.saturating_sub(before.1)),
        ] {
            metrics::counter!(name, self.labels()).increment(since);
        }
        *before = now;
    }

    /// What the backend says of itself; `None` where it did not answer.
    pub(super) fn backend(&self, stats: Option<&BackendStats>) {
        let figure =
            |of: fn(&BackendStats) -> Option<u64>| stats.and_then(of).map_or(f64::NAN, as_float);
        self.gauge(names::BACKEND_KEYS, figure(|stats| stats.keys));
        self.gauge(names::BACKEND_MEMORY, figure(|stats| stats.memory_bytes));
        self.gauge(names::BACKEND_LIMIT, figure(|stats| stats.memory_limit_bytes));
        self.gauge(names::BACKEND_EVICTED, figure(|stats| stats.evictions));
    }

    /// What a write-behind did since the last time.
    pub(super) fn behind(&self, queue: &str, now: WriteBehindStats, before: WriteBehindStats) {
        for (name, now, before) in [
            (names::BEHIND_ACCEPTED, now.accepted, before.accepted),
            (names::BEHIND_REFUSED, now.refused, before.refused),
            (names::BEHIND_APPLIED, now.applied, before.applied),
            (names::BEHIND_COLLAPSED, now.collapsed, before.collapsed),
            (names::BEHIND_RETRIED, now.retried, before.retried),
            (names::BEHIND_TAKEN_AGAIN, now.taken_again, before.taken_again),
            (names::BEHIND_DEAD, now.dead, before.dead),
            (names::BEHIND_LOST, now.lost, before.lost),
        ] {
            let since = now.saturating_sub(before);
            metrics::counter!(name, self.of_queue(queue)).increment(since);
        }
        let trouble = match now.trouble {
            None => 0.0,
            Some(Trouble::Queue(_)) => 1.0,
            Some(Trouble::Source) => 2.0,
        };
        metrics::gauge!(names::BEHIND_TROUBLE, self.of_queue(queue)).set(trouble);
    }

    /// What waits in the queue of a write-behind; `None` where the queue did not say.
    pub(super) fn waiting(&self, queue: &str, backlog: Option<QueueBacklog>) {
        for (name, value) in [
            (names::BEHIND_WAITING, backlog.map(|backlog| as_float(backlog.waiting))),
            (names::BEHIND_OLDEST, backlog.map(|backlog| backlog.oldest.as_secs_f64())),
            (names::BEHIND_LETTERS, backlog.map(|backlog| as_float(backlog.dead))),
        ] {
            metrics::gauge!(name, self.of_queue(queue)).set(value.unwrap_or(f64::NAN));
        }
    }

    fn of_queue(&self, queue: &str) -> Vec<Label> {
        vec![self.namespace.clone(), Label::new("queue", queue.to_owned())]
    }

    /// What the relay did since the last time.
    pub(super) fn relay(&self, now: RelayStats, before: RelayStats) {
        for (name, now, before) in [
            (names::RELAY_ROWS, now.rows, before.rows),
            (names::RELAY_FAILURES, now.failures, before.failures),
            (names::RELAY_EMPTIED, now.emptied, before.emptied),
        ] {
            metrics::counter!(name, self.labels()).increment(now.saturating_sub(before));
        }
    }

    /// What waits in the outbox; `None` where the database did not say. An old number would pass for a new one.
    pub(super) fn backlog(&self, backlog: Option<Backlog>) {
        let rows = backlog.map_or(f64::NAN, |backlog| as_float(backlog.rows));
        let oldest = backlog.map_or(f64::NAN, |backlog| backlog.oldest.as_secs_f64());
        self.gauge(names::OUTBOX_ROWS, rows);
        self.gauge(names::OUTBOX_AGE, oldest);
    }

    fn gauge(&self, name: &'static str, value: f64) {
        metrics::gauge!(name, self.labels()).set(value);
    }
}

fn as_float(count: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a gauge needs no more than a double holds")]
    let float = count as f64;
    float
}
