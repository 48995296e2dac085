//! Rate limits, by the backend's own clock: no case waits for time to pass.
#![expect(missing_docs, reason = "the name of each case is its documentation")]

use std::sync::Arc;
use std::time::Duration;

use super::Backend;
use super::room::{Room, failed, ok};
use crate::entry::Token;
use crate::error::ErrorKind;
use crate::key::Namespace;
use crate::port::CoherentCache;
use crate::quota::{Algorithm, Ask, LimitKey, Quota, Seat, Seats, Verdict};

/// Windows of so long do not end while a case runs, and no calls come back.
const LONG: Duration = Quota::MAX_PERIOD;

fn quota(algorithm: Algorithm, limit: u64) -> Quota {
    ok(Quota::new(algorithm, limit, LONG), "a quota")
}

fn key(namespace: &Namespace, name: &str) -> LimitKey {
    ok(LimitKey::new(namespace, name, "9f86", "any"), "a key")
}

fn ask(namespace: &Namespace, quota: Quota, cost: u64) -> Ask {
    ok(Ask::new(key(namespace, quota.algorithm().name()), quota, cost), "an ask")
}

async fn decide(cache: &Arc<dyn CoherentCache>, asks: &[Ask]) -> Vec<Verdict> {
    let limits = ok(cache.limits().ok_or("none"), "limits");
    ok(limits.decide(asks).await, "decide")
}

pub async fn no_more_than_the_limit_is_admitted_however_many_ask_at_once<B: Backend>(backend: &B) {
    const CALLERS: u64 = 8;
    let room = Room::open(backend).await;
    if room.cache.limits().is_none() {
        return;
    }
    for algorithm in Algorithm::ALL {
        let ask = ask(&backend.namespace(), quota(algorithm, 100), 1);
        let mut callers = tokio::task::JoinSet::new();
        for _ in 0..CALLERS {
            let (cache, asks) = (Arc::clone(&room.cache), [ask.clone()]);
            callers.spawn(async move {
                let mut granted = 0;
                for _ in 0..25 {
                    granted +=
                        decide(&cache, &asks).await.iter().map(|told| told.granted).sum::<u64>();
                }
                granted
            });
        }
        let granted: u64 = callers.join_all().await.into_iter().sum();
        assert_eq!(granted, 100, "{algorithm}: 200 have asked");
    }
}

pub async fn a_call_is_counted_under_all_limits_or_under_none<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    if room.cache.limits().is_none() {
        return;
    }
    let (small, large) = (quota(Algorithm::SlidingLog, 2), quota(Algorithm::Gcra, 10));
    let asks = [ask(&backend.namespace(), small, 1), ask(&backend.namespace(), large, 3)];
    for left in [[1, 7], [0, 4], [0, 4]] {
        let told = decide(&room.cache, &asks).await;
        let remaining: Vec<u64> = told.iter().map(|verdict| verdict.remaining).collect();
        assert_eq!(remaining, left, "{told:?}");
    }
    let told = decide(&room.cache, &asks).await;
    let each: Vec<(bool, u64)> = told.iter().map(|told| (told.admitted, told.granted)).collect();
    assert_eq!(each, [(false, 0), (true, 0)], "each says what it would have");
}

pub async fn a_look_counts_nothing<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(limits) = room.cache.limits() else { return };
    for algorithm in Algorithm::ALL {
        let asks = [ask(&backend.namespace(), quota(algorithm, 5), 2)];
        for _ in 0..5 {
            let told = ok(limits.peek(&asks).await, "peek");
            assert!(told.iter().all(|told| told.admitted && told.granted == 0), "{told:?}");
            assert!(told.iter().all(|told| told.remaining == 5), "{told:?}");
        }
    }
    assert!(ok(limits.peek(&[]).await, "peek").is_empty(), "nothing is asked");
    assert!(ok(limits.decide(&[]).await, "decide").is_empty(), "nothing is asked");
}

pub async fn what_is_asked_beyond_the_cost_is_taken_as_far_as_there_is_room<B: Backend>(
    backend: &B,
) {
    let room = Room::open(backend).await;
    if room.cache.limits().is_none() {
        return;
    }
    for algorithm in Algorithm::ALL {
        let more = Ask { extra: 3, ..ask(&backend.namespace(), quota(algorithm, 10), 1) };
        for (granted, remaining) in [(4, 6), (4, 2), (2, 0), (0, 0)] {
            let told = decide(&room.cache, std::slice::from_ref(&more)).await;
            let found: Vec<_> = told.iter().map(|told| (told.granted, told.remaining)).collect();
            assert_eq!(found, [(granted, remaining)], "{algorithm}");
        }
    }
}

pub async fn a_call_that_is_denied_is_told_when_to_come_again<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    if room.cache.limits().is_none() {
        return;
    }
    for algorithm in Algorithm::ALL {
        let asks = [ask(&backend.namespace(), quota(algorithm, 4), 3)];
        let first = decide(&room.cache, &asks).await;
        for told in first.iter().chain(&decide(&room.cache, &asks).await) {
            assert_eq!(told.remaining, 1, "{algorithm}: what is denied costs nothing");
            assert!(!told.retry_after.is_zero() && told.retry_after <= LONG * 2, "{told:?}");
            assert!(!told.reset.is_zero() && told.reset <= LONG * 2, "{told:?}");
        }
    }
}

pub async fn a_reset_begins_anew<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(limits) = room.cache.limits() else { return };
    for algorithm in Algorithm::ALL {
        let asks = [ask(&backend.namespace(), quota(algorithm, 1), 1)];
        for _ in 0..2 {
            let told = decide(&room.cache, &asks).await;
            assert!(told.iter().all(|told| told.admitted), "{algorithm}");
            let keys: Vec<LimitKey> = asks.iter().map(|ask| ask.key.clone()).collect();
            ok(limits.reset(&keys).await, "reset");
        }
    }
}

pub async fn one_key_is_asked_for_once<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(limits) = room.cache.limits() else { return };
    let ask = ask(&backend.namespace(), quota(Algorithm::Gcra, 5), 1);
    let twice = [ask.clone(), ask.clone()];
    assert_eq!(failed(limits.decide(&twice).await), Some(ErrorKind::Config));
    assert_eq!(failed(limits.peek(&twice).await), Some(ErrorKind::Config));
    let told = decide(&room.cache, &[ask]).await;
    assert!(told.iter().all(|told| told.remaining == 4), "nothing was counted: {told:?}");
}

pub async fn clearing_leaves_limits_alone<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    if room.cache.limits().is_none() {
        return;
    }
    let namespace = backend.namespace();
    let asks = [ask(&namespace, quota(Algorithm::Gcra, 1), 1)];
    decide(&room.cache, &asks).await;
    ok(room.cache.clear(&namespace).await, "clear");
    ok(room.cache.sweep(&namespace.whole()).await, "sweep");
    let told = decide(&room.cache, &asks).await;
    assert!(told.iter().all(|told| !told.admitted), "{told:?}");
}

pub async fn there_are_as_many_seats_as_were_said<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(limits) = room.cache.limits() else { return };
    let seats = ok(Seats::new(2, Duration::from_secs(600)), "seats");
    let key = key(&backend.namespace(), "seats");
    let [one, other, third] =
        [(); 3].map(|()| Seat { key: key.clone(), seats, holder: Token::new() });
    let take = async |seat: &Seat| ok(limits.take_seat(seat).await, "take");
    let free = async || ok(limits.peek_seats(&third).await, "peek").remaining;
    assert_eq!(free().await, 2, "nobody sits there");
    let told = take(&one).await;
    assert_eq!((told.admitted, told.granted, told.remaining), (true, 1, 1));
    assert!(take(&one).await.admitted, "so it is renewed");
    assert_eq!(free().await, 1, "the same one");
    assert!(take(&other).await.admitted, "one more");
    let told = take(&third).await;
    assert_eq!((told.admitted, told.granted, told.remaining), (false, 0, 0));
    assert!(!told.retry_after.is_zero() && told.retry_after <= seats.lease(), "{told:?}");
    assert!(!ok(limits.peek_seats(&third).await, "peek").admitted, "none is free");
    assert!(ok(limits.leave_seat(&one).await, "leave"), "it had one");
    assert!(!ok(limits.leave_seat(&one).await, "leave"), "and has it no more");
    assert!(!ok(limits.leave_seat(&third).await, "leave"), "nor had this one");
    assert!(take(&third).await.admitted, "the one that is free");
    ok(limits.reset(std::slice::from_ref(&key)).await, "reset");
    assert_eq!(free().await, 2, "all were taken away");
}

pub async fn a_closed_backend_decides_nothing<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(limits) = room.cache.limits() else { return };
    let asks = [ask(&backend.namespace(), quota(Algorithm::Gcra, 5), 1)];
    ok(room.cache.close().await, "close");
    assert_eq!(failed(limits.decide(&asks).await), Some(ErrorKind::Closed));
    assert_eq!(failed(limits.peek(&asks).await), Some(ErrorKind::Closed));
}
