//! How long things took: counts by duration, cheap enough to be kept always.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::stats::Stats;

/// Buckets in each doubling of the time: a time is known to an eighth, its middle to a sixteenth.
const IN_OCTAVE: u64 = 8;
/// Doublings above eight microseconds, up to some nineteen hours.
const OCTAVES: u64 = 33;
const BUCKETS: usize = ((OCTAVES + 1) * IN_OCTAVE) as usize;

/// Counts of durations, from a microsecond to hours, in buckets that grow with the time (log-linear, as in
/// HdrHistogram). One atomic addition a time; no memory before the first.
#[derive(Default)]
pub(crate) struct Times(OnceLock<Box<[AtomicU64]>>);

impl Times {
    pub(crate) fn add(&self, time: Duration) {
        let buckets = self.0.get_or_init(|| (0..BUCKETS).map(|_| AtomicU64::new(0)).collect());
        if let Some(bucket) = buckets.get(place(time)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The count of each bucket; empty where there is none yet.
    pub(crate) fn counts(&self) -> Vec<u64> {
        let buckets = self.0.get().map_or(&[][..], |buckets| buckets);
        buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect()
    }

    pub(crate) fn latency(&self) -> Latency {
        Latency::of(&self.counts())
    }
}

impl fmt::Debug for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.latency().fmt(f)
    }
}

fn place(time: Duration) -> usize {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let shift = u64::from(micros.checked_ilog2().unwrap_or(0)).saturating_sub(3);
    let place = if micros < IN_OCTAVE { micros } else { shift * IN_OCTAVE + (micros >> shift) };
    usize::try_from(place).unwrap_or(usize::MAX).min(BUCKETS - 1)
}

/// The time in the middle of a bucket.
pub(crate) fn middle(place: usize) -> Duration {
    let place = place as u64;
    let shift = (place / IN_OCTAVE).saturating_sub(1);
    let low = (place - shift * IN_OCTAVE) << shift;
    let half = Duration::from_micros(1 << shift) / 2;
    // A bucket of one microsecond is that microsecond.
    Duration::from_micros(low) + if shift == 0 { Duration::ZERO } else { half }
}

/// How long things took, to a sixteenth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Latency {
    /// How many there were.
    pub count: u64,
    /// Half of them took no longer.
    pub p50: Duration,
    /// All but one in a hundred took no longer.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
}

impl Latency {
    fn of(counts: &[u64]) -> Self {
        let count: u64 = counts.iter().sum();
        let at = |share: u64| {
            let wanted = (count * share).div_ceil(100);
            let mut passed = 0;
            let found = counts.iter().position(|count| {
                passed += count;
                passed >= wanted && *count > 0
            });
            found.map_or(Duration::ZERO, middle)
        };
        Self { count, p50: at(50), p99: at(99), max: at(100) }
    }
}

/// What one operation did since the manager began.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OperationStats {
    /// The repository's name; `items` for what is cached by hand; `behind:` and the name of a write-behind.
    pub repository: String,
    /// The method's: `get`, `get_many`, `find_by_slug`, `list_by_country`, `warm`, `refresh`, that of a cached method;
    /// and `write` for all that only invalidates.
    pub operation: String,
    /// The counts. A look-up counts the entry that it found the id by, and the row.
    pub stats: Stats,
    /// How long its loads took, failed ones included.
    pub load_time: Latency,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_found_again_to_a_sixteenth() {
        for micros in (0..10_000).chain([65_535, 1_000_000, 3_600_000_000, 60_000_000_000]) {
            let time = Duration::from_micros(micros);
            let found = middle(place(time)).as_secs_f64();
            let off = (found - time.as_secs_f64()).abs();
            assert!(off <= time.as_secs_f64() / 16.0 + 1e-12, "{micros} µs came back as {found} s");
        }
    }

    #[test]
    fn buckets_follow_each_other_without_a_gap() {
        let mut last = 0;
        for micros in 0..100_000 {
            let place = place(Duration::from_micros(micros));
            assert!(place == last || place == last + 1, "{micros} µs");
            last = place;
        }
        assert_eq!(place(Duration::MAX), BUCKETS - 1);
    }

    #[test]
    fn the_quantiles_are_those_of_what_was_added() {
        let times = Times::default();
        assert_eq!(times.latency(), Latency::default());
        for millis in 1..=100 {
            times.add(Duration::from_millis(millis));
        }
        let latency = times.latency();
        assert_eq!(latency.count, 100);
        for (found, millis) in [(latency.p50, 50.0), (latency.p99, 99.0), (latency.max, 100.0)] {
            let off = (found.as_secs_f64() * 1000.0 - millis).abs();
            assert!(off <= millis / 8.0, "{found:?} in place of {millis} ms");
        }
    }
}
