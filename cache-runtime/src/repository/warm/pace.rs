//! So many rows a second, and no more: who tells the time is the caller.

use std::time::Duration;

/// Lets rows through one batch after the other. What was not used is not saved up for later.
#[derive(Debug)]
pub(super) struct Pace {
    rows_per_second: Option<f64>,
    /// Before this nobody goes on.
    due: Duration,
}

impl Pace {
    /// No pace at all for `None`.
    pub(super) fn new(rows_per_second: Option<f64>) -> Self {
        Self { rows_per_second, due: Duration::ZERO }
    }

    /// How long to wait before the next batch.
    pub(super) fn wait(&self, now: Duration) -> Duration {
        self.due.saturating_sub(now)
    }

    /// A batch of so many rows goes on now.
    pub(super) fn took(&mut self, rows: usize, now: Duration) {
        if let Some(rate) = self.rows_per_second {
            #[expect(clippy::cast_precision_loss, reason = "a batch is small")]
            let takes = Duration::try_from_secs_f64(rows as f64 / rate).unwrap_or(Duration::MAX);
            self.due = self.due.max(now).saturating_add(takes);
        }
    }

    /// The longest batch that does not come in a rush: a quarter of a second of them.
    pub(super) fn batch(&self, most: usize) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a float becomes the nearest number that there is"
        )]
        let smooth = self.rows_per_second.map_or(most, |rate| (rate / 4.0).ceil() as usize);
        most.min(smooth).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn so_many_rows_pass_in_a_second() {
        let mut pace = Pace::new(Some(100.0));
        assert_eq!(pace.wait(at(0)), at(0));
        pace.took(25, at(0));
        assert_eq!(pace.wait(at(0)), at(250));
        assert_eq!(pace.wait(at(249)), at(1));
        pace.took(50, at(250));
        assert_eq!(pace.wait(at(250)), at(500));
    }

    #[test]
    fn time_that_was_lost_is_not_made_up_for() {
        let mut pace = Pace::new(Some(10.0));
        pace.took(10, at(60_000));
        assert_eq!(pace.wait(at(60_000)), at(1000));
        pace.took(1, at(600_000));
        assert_eq!(pace.wait(at(600_000)), at(100));
    }

    #[test]
    fn a_slow_pace_comes_in_small_batches_and_none_waits_for_nothing() {
        assert_eq!(Pace::new(Some(100.0)).batch(500), 25);
        assert_eq!(Pace::new(Some(0.5)).batch(500), 1);
        let mut free = Pace::new(None);
        free.took(1_000_000, at(0));
        assert_eq!((free.batch(500), free.wait(at(0))), (500, at(0)));
    }
}
