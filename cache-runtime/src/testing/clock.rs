//! A clock that a test moves.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Clock;

/// The wall clock's reading when a [`ManualClock`] is made: 1 January 2024, 00:00 UTC.
const EPOCH_MILLIS: u64 = 1_704_067_200_000;

/// A clock that stands still until it is [advanced](Self::advance). Clones share one time.
///
/// It begins at zero, and on 1 January 2024, 00:00 UTC for [`unix_millis`](Clock::unix_millis), so that every run of a
/// test sees the same times.
///
/// ```
/// use std::time::Duration;
///
/// use cache_runtime::Clock;
/// use cache_runtime::testing::ManualClock;
///
/// let clock = ManualClock::new();
/// let shared = clock.shared();
/// clock.advance(Duration::from_secs(90));
/// assert_eq!(shared.elapsed(), Duration::from_secs(90));
/// ```
#[derive(Clone, Debug, Default)]
pub struct ManualClock {
    elapsed: Arc<Mutex<Duration>>,
}

impl ManualClock {
    /// A clock at zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets this much time pass. At the end of what a [`Duration`] can say, time stands still.
    pub fn advance(&self, time: Duration) {
        let mut elapsed = self.elapsed.lock().unwrap_or_else(PoisonError::into_inner);
        *elapsed = elapsed.saturating_add(time);
    }

    /// This clock as the shared handle that everything takes.
    #[must_use]
    pub fn shared(&self) -> Arc<dyn Clock> {
        Arc::new(self.clone())
    }
}

impl Clock for ManualClock {
    fn elapsed(&self) -> Duration {
        *self.elapsed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unix_millis(&self) -> u64 {
        let elapsed = u64::try_from(self.elapsed().as_millis()).unwrap_or(u64::MAX);
        EPOCH_MILLIS.saturating_add(elapsed)
    }
}

#[cfg(test)]
mod tests;
