//! What a relay did, counted.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::{Error, ErrorKind};
use crate::mind::times::Times;

/// The lag is that of so many rows.
const REMEMBERED: usize = 1024;

/// What a relay has done since it was spawned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RelayStats {
    /// Deliveries.
    pub rounds: u64,
    /// Rows delivered.
    pub rows: u64,
    /// Keys taken out of the cache, each counted once a delivery.
    pub keys: u64,
    /// Prefixes swept, as after a `TRUNCATE`.
    pub sweeps: u64,
    /// Rounds that failed, and were or will be repeated.
    pub failures: u64,
    /// Why the last one failed; `None` once a round has succeeded again.
    pub failing: Option<ErrorKind>,
    /// How often the namespace was emptied because the database was in another life than the cache.
    pub emptied: u64,
    /// How long the last rows had waited when their keys were gone.
    pub lag: Lag,
}

/// The time from the moment a row was written, on the database's clock, until its keys were out of the cache: of the
/// last 1024 rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lag {
    /// Half of the rows took no longer.
    pub p50: Duration,
    /// All but one in a hundred took no longer.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
}

#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: Mutex<Counts>,
    /// How long all rows had waited.
    #[cfg_attr(not(feature = "metrics"), allow(dead_code, reason = "only metrics ask for it"))]
    pub(super) lags: Times,
}

#[derive(Debug, Default)]
struct Counts {
    stats: RelayStats,
    /// The failure that `stats.failing` is the kind of.
    failure: Option<Error>,
    lags: VecDeque<Duration>,
}

impl Tally {
    pub(super) fn delivered(
        &self,
        lags: impl Iterator<Item = Duration>,
        keys: usize,
        sweeps: usize,
    ) {
        let mut counts = self.lock();
        counts.stats.rounds += 1;
        counts.stats.keys += keys as u64;
        counts.stats.sweeps += sweeps as u64;
        for lag in lags {
            self.lags.add(lag);
            counts.stats.rows += 1;
            if counts.lags.len() == REMEMBERED {
                counts.lags.pop_front();
            }
            counts.lags.push_back(lag);
        }
    }

    pub(super) fn emptied(&self) {
        self.lock().stats.emptied += 1;
    }

    pub(super) fn failed(&self, why: &Error) {
        let mut counts = self.lock();
        counts.stats.failures += 1;
        counts.stats.failing = Some(why.kind());
        counts.failure = Some(why.clone());
    }

    pub(super) fn went_well(&self) {
        let mut counts = self.lock();
        counts.stats.failing = None;
        counts.failure = None;
    }

    /// Why the last round failed, in words; `None` once one has succeeded again.
    pub(super) fn failure(&self) -> Option<String> {
        self.lock().failure.as_ref().map(Error::to_string)
    }

    pub(super) fn snapshot(&self) -> RelayStats {
        let counts = self.lock();
        let (mut stats, mut lags) = (counts.stats, Vec::from_iter(counts.lags.iter().copied()));
        drop(counts);
        lags.sort_unstable();
        let at = |share: usize| {
            let place = (lags.len() * share).div_ceil(100).saturating_sub(1);
            lags.get(place).copied().unwrap_or_default()
        };
        stats.lag = Lag { p50: at(50), p99: at(99), max: at(100) };
        stats
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
