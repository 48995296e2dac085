//! What each algorithm promises of the calls that it has admitted.

use std::time::Duration;

use cache_runtime::{Algorithm, Quota};

/// The most within any time of this length, both its ends included.
fn most_within(times: &[u64], length: Duration) -> u64 {
    let length = u64::try_from(length.as_micros()).unwrap();
    let mut first = 0;
    let mut most = 0;
    for (place, time) in times.iter().enumerate() {
        while times[first] + length < *time {
            first += 1;
        }
        most = most.max(place - first + 1);
    }
    most as u64
}

/// The most that lay for certain within any time of this length: from when they were asked for to when they were answered.
pub(crate) fn certain_within(spans: &mut [(u64, u64)], length: Duration) -> u64 {
    let length = u64::try_from(length.as_micros()).unwrap();
    let mut answered: Vec<u64> = spans.iter().map(|(_, answered)| *answered).collect();
    answered.sort_unstable();
    spans.sort_unstable();
    let (mut done, mut most) = (0, 0);
    for (earlier, (asked, _)) in spans.iter().enumerate() {
        while answered.get(done).is_some_and(|answered| *answered <= asked + length) {
            done += 1;
        }
        // Whatever was asked for earlier may have been answered within.
        most = most.max(done.saturating_sub(earlier));
    }
    most as u64
}

/// Fails where more than the quota promises was admitted at these times, which are in order.
pub(crate) fn keeps_its_law(quota: &Quota, times: &[u64]) {
    let period = u64::try_from(quota.period().as_micros()).unwrap();
    let (limit, algorithm) = (quota.limit(), quota.algorithm());
    let within = |length: u64, promised: u64| {
        let most = most_within(times, Duration::from_micros(length));
        assert!(most <= promised, "{quota}: {most} within {length} µs, {promised} promised");
    };
    match algorithm {
        Algorithm::Gcra | Algorithm::TokenBucket => {
            for length in [0, period / limit, period / 10, period / 2, period, period * 3] {
                within(length, quota.at_once() + length * limit / period);
            }
        }
        // A period has as many microseconds, of which the last is the next one's first.
        Algorithm::SlidingLog => within(period - 1, limit),
        Algorithm::FixedWindow | Algorithm::SlidingCounter => {
            for window in times.chunk_by(|one, other| one / period == other / period) {
                assert!(window.len() as u64 <= limit, "{quota}: {} in a window", window.len());
            }
        }
        other => panic!("no law of {other}"),
    }
}
