#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::time::Duration;

use super::*;
use crate::key::Namespace;
use crate::quota::{Algorithm, Quota, Seats};
use crate::testing::ManualClock;

fn world() -> (ManualClock, MemoryCache) {
    let clock = ManualClock::new();
    let memory = MemoryCache::builder().clock(clock.shared()).build();
    (clock, memory)
}

fn key(subject: &str) -> LimitKey {
    LimitKey::new(&Namespace::new("shop").unwrap(), "login", subject, "any").unwrap()
}

/// Where the calls of a log stand in memory.
fn place(cache: &MemoryCache, key: &LimitKey) -> *const (u64, u64) {
    match cache.inner.limits.room(key).counts.get(key) {
        Some(State::Log { calls, .. }) => calls.as_slices().0.as_ptr(),
        other => panic!("a log, not {other:?}"),
    }
}

/// A full log has up to 1.6 MB.
#[tokio::test]
async fn a_log_stays_where_it_is_when_it_is_decided_or_looked_at() {
    let (clock, cache) = world();
    let quota = Quota::new(Algorithm::SlidingLog, 1_000, Duration::from_secs(60)).unwrap();
    let asks = [Ask::new(key("9f86"), quota, 1).unwrap()];
    for _ in 0..1_000 {
        clock.advance(Duration::from_micros(1));
        assert!(cache.decide(&asks).await.unwrap().iter().all(|told| told.admitted));
    }
    let stood = place(&cache, &asks[0].key);
    for _ in 0..3 {
        assert!(cache.decide(&asks).await.unwrap().iter().all(|told| !told.admitted));
        assert_eq!(place(&cache, &asks[0].key), stood, "it was decided about");
        assert!(cache.peek(&asks).await.unwrap().iter().all(|told| !told.admitted));
        assert_eq!(place(&cache, &asks[0].key), stood, "it was looked at");
    }
}

#[tokio::test]
async fn a_look_with_another_quota_leaves_a_log_as_it_is() {
    let (clock, cache) = world();
    let asks = |limit, seconds| {
        let period = Duration::from_secs(seconds);
        let quota = Quota::new(Algorithm::SlidingLog, limit, period).unwrap();
        [Ask::new(key("9f86"), quota, 1).unwrap()]
    };
    for _ in 0..10 {
        cache.decide(&asks(20, 60)).await.unwrap();
        clock.advance(Duration::from_secs(1));
    }
    let told = cache.peek(&asks(3, 5)).await.unwrap();
    // Of the last five seconds four calls count, and one has to go.
    assert!(told.iter().all(|told| !told.admitted && told.remaining == 0), "{told:?}");
    assert!(told.iter().all(|told| told.retry_after == Duration::from_secs(2)), "{told:?}");
    assert!(told.iter().all(|told| told.reset == Duration::from_secs(4)), "{told:?}");
    let told = cache.peek(&asks(20, 60)).await.unwrap();
    assert!(told.iter().all(|told| told.remaining == 10), "nothing was forgotten: {told:?}");
}

#[tokio::test]
async fn seats_whose_leases_are_over_are_forgotten_though_nobody_asks_for_their_key_again() {
    let (clock, cache) = world();
    let seats = Seats::new(3, Duration::from_secs(1)).unwrap();
    let kept =
        || -> usize { (0..ROOMS).map(|number| cache.inner.limits.lock(number).seats.len()).sum() };
    let long = Seats::new(3, Duration::from_secs(3_600)).unwrap();
    let alive = Seat { key: key("alive"), seats: long, holder: Token::new() };
    assert!(cache.take_seat(&alive).await.unwrap().admitted);
    for round in 0..20 {
        for number in 0..5_000 {
            let key = key(&format!("{round}-{number}"));
            let seat = Seat { key, seats, holder: Token::new() };
            assert!(cache.take_seat(&seat).await.unwrap().admitted);
        }
        clock.advance(Duration::from_secs(1));
    }
    assert!(kept() <= 2 * ROOMS * FEW, "{} keys are kept of 100,000", kept());
    assert!(cache.leave_seat(&alive).await.unwrap(), "who lives has kept it");
}
