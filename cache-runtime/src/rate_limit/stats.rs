//! What was decided, counted.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Decision;

/// What a limit has decided since it was made, in this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LimitStats {
    /// Calls that were admitted, those among them that a failure or the allow list let through.
    pub admitted: u64,
    /// Calls that were denied, those among them that a failure kept out.
    pub denied: u64,
    /// Calls that [`OnError`](super::OnError) decided about, because the backend could not.
    pub by_failure: u64,
    /// Calls of keys on the allow list.
    pub exempt: u64,
    /// Decisions that were made in this process, without a round trip.
    pub local: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    admitted: AtomicU64,
    denied: AtomicU64,
    by_failure: AtomicU64,
    exempt: AtomicU64,
    local: AtomicU64,
}

impl Counters {
    pub(super) fn decided(&self, decision: &Decision) {
        let up = |counter: &AtomicU64| counter.fetch_add(1, Ordering::Relaxed);
        up(if decision.admitted { &self.admitted } else { &self.denied });
        if decision.by_failure {
            up(&self.by_failure);
        }
        if decision.exempt {
            up(&self.exempt);
        }
    }

    pub(super) fn locally(&self) {
        self.local.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn snapshot(&self) -> LimitStats {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        LimitStats {
            admitted: count(&self.admitted),
            denied: count(&self.denied),
            by_failure: count(&self.by_failure),
            exempt: count(&self.exempt),
            local: count(&self.local),
        }
    }
}
