//! The relay of a manager, as long as there is one: for whoever reports on it.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::stats::{RelayStats, Tally};
use crate::error::Result;
use crate::port::{Backlog, Outbox};

/// Where a manager finds the relay that it has.
#[derive(Debug, Default)]
pub(crate) struct Relayed(Mutex<Last>);

#[derive(Debug, Default)]
struct Last {
    /// How many there were.
    number: usize,
    relay: Option<(Weak<Tally>, Weak<dyn Outbox>)>,
}

/// A relay that is there.
#[cfg_attr(not(feature = "metrics"), allow(dead_code, reason = "only metrics ask for it"))]
pub(crate) struct There {
    number: usize,
    tally: Arc<Tally>,
    outbox: Weak<dyn Outbox>,
}

impl Relayed {
    pub(super) fn set(&self, tally: &Arc<Tally>, outbox: &Arc<dyn Outbox>) {
        let there = (Arc::downgrade(tally), Arc::downgrade(outbox));
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.number += 1;
        last.relay = Some(there);
    }

    /// Why the last round of the relay failed, where it did.
    pub(crate) fn failure(&self) -> Option<String> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.relay.as_ref()?.0.upgrade()?.failure()
    }

    /// `None` where there never was one, or it has gone.
    #[cfg_attr(not(feature = "metrics"), allow(dead_code, reason = "only metrics ask for it"))]
    pub(crate) fn there(&self) -> Option<There> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (tally, outbox) = last.relay.as_ref()?;
        Some(There { number: last.number, tally: tally.upgrade()?, outbox: Weak::clone(outbox) })
    }
}

#[cfg_attr(not(feature = "metrics"), allow(dead_code, reason = "only metrics ask for it"))]
impl There {
    /// Another number for each relay.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    pub(crate) fn stats(&self) -> RelayStats {
        self.tally.snapshot()
    }

    /// How many rows had waited how long, in the buckets of `Times`.
    pub(crate) fn lags(&self) -> Vec<u64> {
        self.tally.lags.counts()
    }

    /// `None` where the relay has gone meanwhile.
    pub(crate) async fn backlog(&self) -> Option<Result<Backlog>> {
        Some(self.outbox.upgrade()?.backlog().await)
    }
}
