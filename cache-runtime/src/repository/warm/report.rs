//! How far a warming is, and what came of it.

use std::fmt;
use std::time::Duration;

use crate::mind::Warmed;

/// So many failures are kept; all are counted.
const MOST_KEPT: usize = 16;

/// How far a warming is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WarmProgress {
    /// Ids that are done, however they went: the sum of the four below.
    pub done: u64,
    /// Ids there are in all, where that is known. Rows that come or go meanwhile are not in it.
    pub total: Option<u64>,
    /// Those that the cache had already.
    pub warm: u64,
    /// Those that were loaded and are in the cache now; that there is no such row is cached, too.
    pub filled: u64,
    /// Those that are not in the cache: somebody else is loading or changing them, the cache is out of reach, or the
    /// value may not be cached.
    pub unfilled: u64,
    /// Those of batches whose load failed.
    pub failed: u64,
    /// How long it has gone on.
    pub elapsed: Duration,
}

/// What came of a warming.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct WarmReport {
    /// The numbers at the end.
    pub totals: WarmProgress,
    /// What went wrong: the first sixteen failures. A batch that fails does not stop the others.
    pub errors: Vec<sqlx::Error>,
    /// It ended early, because the next ids could not be read from the table; the last error says why.
    pub stopped: bool,
    /// Ids that were left out because the cache could not be asked, or is not believed;
    /// [`health`](crate::CacheManager::health) tells why. They are among `totals.unfilled`.
    pub unreachable: u64,
}

impl WarmReport {
    pub(super) fn note(&mut self, outcome: sqlx::Result<Warmed>, ids: usize, elapsed: Duration) {
        let totals = &mut self.totals;
        totals.done += ids as u64;
        totals.elapsed = elapsed;
        match outcome {
            Ok(warmed) => {
                totals.warm += warmed.warm as u64;
                totals.filled += warmed.filled as u64;
                totals.unfilled += warmed.unfilled as u64;
                self.unreachable += warmed.unreachable as u64;
            }
            Err(error) => {
                totals.failed += ids as u64;
                self.failed(error);
            }
        }
    }

    pub(super) fn failed(&mut self, error: sqlx::Error) {
        if self.errors.len() < MOST_KEPT {
            self.errors.push(error);
        }
    }

    pub(super) fn stopped(&mut self, error: sqlx::Error) {
        self.stopped = true;
        self.errors.truncate(MOST_KEPT - 1);
        self.errors.push(error);
    }
}

/// `5000 of 34006: 120 warm already, 4880 filled, 0 left out, 0 failed`
impl fmt::Display for WarmProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { done, warm, filled, unfilled, failed, .. } = self;
        write!(f, "{done}")?;
        if let Some(total) = self.total {
            write!(f, " of {total}")?;
        }
        write!(f, ": {warm} warm already, {filled} filled, {unfilled} left out, {failed} failed")
    }
}

/// `3 of 3: 0 warm already, 0 filled, 3 left out, 0 failed; the cache was out of reach or not believed for 3`
impl fmt::Display for WarmReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.totals)?;
        if self.unreachable > 0 {
            write!(f, "; the cache was out of reach or not believed for {}", self.unreachable)?;
        }
        let error = if self.stopped { self.errors.last() } else { self.errors.first() };
        match (self.stopped, error) {
            (true, Some(error)) => write!(f, "; it ended early: {error}"),
            (false, Some(error)) => write!(f, "; the first failure: {error}"),
            (_, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_in_a_line_what_came_of_it() {
        let mut report = WarmReport::default();
        let took = Duration::from_secs(1);
        report.note(Ok(Warmed { filled: 2, ..Warmed::default() }), 2, took);
        assert_eq!(report.to_string(), "2: 0 warm already, 2 filled, 0 left out, 0 failed");
        report.note(Ok(Warmed { unfilled: 3, unreachable: 1, ..Warmed::default() }), 3, took);
        let away = "3 left out, 0 failed; the cache was out of reach or not believed for 1";
        assert!(report.to_string().ends_with(away), "{report}");
        report.note(Err(sqlx::Error::PoolTimedOut), 1, took);
        assert!(report.to_string().contains("; the first failure: "), "{report}");
        report.stopped(sqlx::Error::PoolClosed);
        assert!(report.to_string().contains("; it ended early: "), "{report}");
    }
}
