//! Single events that were timed one by one.

use std::time::Duration;

#[derive(Debug, Default)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn push(&mut self, time: Duration) {
        self.0.push(time);
    }

    pub(crate) fn extend(&mut self, others: Times) {
        self.0.extend(others.0);
    }

    /// What so large a share took at most, in microseconds.
    pub(crate) fn micros(&self, share: f64) -> f64 {
        let micros = self.0.iter().map(|time| time.as_secs_f64() * 1e6);
        percentile(&micros.collect::<Vec<_>>(), share)
    }
}

/// What so large a share of the values are at most.
pub(crate) fn percentile(values: &[f64], share: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place in a list"
    )]
    let place = (values.len() as f64 * share).ceil() as usize;
    values.get(place.saturating_sub(1)).or(values.last()).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_an_event_that_happened() {
        let mut times = Times::default();
        assert!(times.micros(0.5).is_nan());
        for micros in (1..=100).rev() {
            times.push(Duration::from_micros(micros));
        }
        let near = |share: f64, expected: f64| (times.micros(share) - expected).abs() < 1e-6;
        assert!(near(0.5, 50.0) && near(0.99, 99.0) && near(1.0, 100.0) && near(0.0, 1.0));
    }
}
