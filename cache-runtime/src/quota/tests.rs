#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod models;

use std::time::Duration;

use fastrand::Rng;

use self::models::Model;
use super::state::{State, judge};
use super::{Algorithm, Ask, LimitKey, Quota, Seats};
use crate::error::{Error, ErrorKind};
use crate::key::Namespace;

const SECOND: Duration = Duration::from_secs(1);

fn key(name: &str) -> LimitKey {
    LimitKey::new(&Namespace::new("shop").unwrap(), name, "9f86", "gcra").unwrap()
}

fn ask(quota: Quota, cost: u64) -> Ask {
    Ask::new(key("login"), quota, cost).unwrap()
}

/// Small ones, in which everything happens soon, and the largest and longest that there are.
fn any_quota(random: &mut Rng) -> Quota {
    let algorithm = Algorithm::ALL[random.usize(..Algorithm::ALL.len())];
    let most = match algorithm {
        Algorithm::SlidingLog => 50,
        _ if random.bool() => Quota::MAX_LIMIT,
        _ => 20,
    };
    let limit = if random.u8(..8) == 0 { most } else { random.u64(1..=most) };
    let period = match random.u8(..4) {
        0 => Quota::MAX_PERIOD,
        1 => Duration::from_micros(random.u64(1_000..=10_000)),
        2 => Duration::from_secs(random.u64(1..=86_400)),
        _ => Duration::from_micros(random.u64(1_000..Quota::MAX_PERIOD.as_micros() as u64)),
    };
    let quota = Quota::new(algorithm, limit, period).unwrap();
    match algorithm.has_burst() && random.bool() {
        true => quota.burst(random.u64(1..=limit)).unwrap(),
        false => quota,
    }
}

/// Steps of no time, of a call's share of the period, around a period, and beyond.
fn any_pause(random: &mut Rng, quota: &Quota) -> u64 {
    let period = quota.micros();
    match random.u8(..10) {
        0 => 0,
        1 => random.u64(0..=3),
        2 => period,
        3 => period - 1,
        4 => random.u64(0..=period * 2),
        _ => random.u64(0..=(period / quota.limit()).saturating_mul(3).max(2)),
    }
}

fn any_cost(random: &mut Rng, quota: &Quota) -> u64 {
    match random.u8(..6) {
        0 => quota.at_once(),
        1 => random.u64(1..=quota.at_once()),
        2 => random.u64(1..=quota.at_once().div_ceil(3)),
        _ => 1,
    }
}

#[test]
fn every_decision_is_that_of_the_model() {
    let mut random = Rng::with_seed(1);
    for round in 0..600 {
        let quota = any_quota(&mut random);
        let mut states = [State::new(&quota)];
        let mut model = Model::new(quota);
        let mut now = random.u64(1 << 40..1 << 50);
        for step in 0..300 {
            now += any_pause(&mut random, &quota);
            let mut ask = ask(quota, any_cost(&mut random, &quota));
            if random.u8(..4) == 0 {
                ask.extra = random.u64(0..=quota.limit());
            }
            let counts = random.u8(..5) > 0;
            let verdict = judge(&mut states, std::slice::from_ref(&ask), now, counts)[0];
            let (admitted, free) = model.look(now, ask.cost);
            let place = format!("round {round}, step {step}: {quota}, cost {}", ask.cost);
            assert_eq!(verdict.admitted, admitted, "{place}");
            let granted = match admitted && counts {
                true => ask.cost + ask.extra.min(free - ask.cost),
                false => 0,
            };
            assert_eq!(verdict.granted, granted, "{place}");
            assert_eq!(verdict.remaining, free - granted, "{place}");
            model.count(now, granted);
        }
    }
}

#[test]
fn what_is_told_of_later_is_exact_to_the_microsecond() {
    let mut random = Rng::with_seed(2);
    for _ in 0..400 {
        let quota = any_quota(&mut random);
        let mut states = [State::new(&quota)];
        let mut now = random.u64(1 << 40..1 << 50);
        for _ in 0..60 {
            now += any_pause(&mut random, &quota);
            let ask = ask(quota, any_cost(&mut random, &quota));
            let verdict = judge(&mut states, std::slice::from_ref(&ask), now, true)[0];
            let at = |wait: u64| {
                let peek = std::slice::from_ref(&ask);
                judge(&mut states.clone(), peek, now + wait, false)[0]
            };
            let retry = verdict.retry_after.as_micros() as u64;
            assert!(at(retry).admitted, "{quota}: {verdict:?}");
            let reset = verdict.reset.as_micros() as u64;
            assert_eq!(at(reset).remaining, quota.at_once(), "{quota}: {verdict:?}");
            if retry > 0 {
                assert!(!at(retry - 1).admitted, "{quota}: {verdict:?}");
            }
            if reset > 0 {
                assert!(at(reset - 1).remaining < quota.at_once(), "{quota}: {verdict:?}");
            }
        }
    }
}

/// The laws that the documentation promises, of whatever was admitted at whatever times.
#[test]
fn no_more_is_admitted_than_each_algorithm_promises() {
    let mut random = Rng::with_seed(3);
    for _ in 0..200 {
        let quota = any_quota(&mut random);
        let (limit, period) = (u128::from(quota.limit()), u128::from(quota.micros()));
        let mut states = [State::new(&quota)];
        let mut now = random.u64(1 << 40..1 << 50);
        let mut admitted: Vec<(u64, u64)> = Vec::new();
        for _ in 0..200 {
            now += any_pause(&mut random, &quota);
            let ask = ask(quota, any_cost(&mut random, &quota));
            let granted = judge(&mut states, &[ask], now, true)[0].granted;
            admitted.push((now, granted));
        }
        for (place, (first, _)) in admitted.iter().enumerate() {
            let mut sum = 0;
            for (at, granted) in &admitted[place..] {
                sum += u128::from(*granted);
                let time = u128::from(at - first);
                let same_window = u128::from(*at) / period == u128::from(*first) / period;
                let promised = match quota.algorithm() {
                    Algorithm::Gcra | Algorithm::TokenBucket => {
                        u128::from(quota.at_once()) + time * limit / period
                    }
                    Algorithm::SlidingLog if time < period => limit,
                    Algorithm::FixedWindow | Algorithm::SlidingCounter if same_window => limit,
                    Algorithm::SlidingCounter if time < period => 2 * limit,
                    _ => continue,
                };
                assert!(sum <= promised, "{quota}: {sum} in {time} µs of {promised}");
            }
        }
    }
}

/// A hand that keeps states drops those that are over, and no other one.
#[test]
fn a_state_is_over_no_sooner_than_nothing_is_counted_and_not_much_later() {
    let mut random = Rng::with_seed(4);
    for _ in 0..400 {
        let quota = any_quota(&mut random);
        let mut states = [State::new(&quota)];
        let mut now = random.u64(1 << 40..1 << 50);
        for _ in 0..10 {
            now += any_pause(&mut random, &quota);
            let ask = ask(quota, any_cost(&mut random, &quota));
            let reset = judge(&mut states, &[ask], now, true)[0].reset.as_micros() as u64;
            assert!(reset > 0 && !states[0].is_over(now + reset - 1), "{quota}: too soon");
            assert!(states[0].is_over(now + reset + quota.micros() * 2), "{quota}: it is kept");
        }
    }
}

#[test]
fn a_call_is_counted_under_all_limits_or_under_none() {
    let second = Quota::new(Algorithm::FixedWindow, 2, SECOND).unwrap();
    let day = Quota::new(Algorithm::SlidingLog, 5, SECOND * 86_400).unwrap();
    let asks = [ask(second, 1), Ask { key: key("day"), ..ask(day, 1) }];
    let mut states = [State::new(&second), State::new(&day)];
    let mut now = 1_700_000_000_000_000;
    let mut admitted = 0;
    for _ in 0..10 {
        for _ in 0..5 {
            let verdicts = judge(&mut states, &asks, now, true);
            let both = verdicts.iter().all(|verdict| verdict.admitted);
            assert!(verdicts.iter().all(|verdict| verdict.granted == u64::from(both)));
            admitted += u64::from(both);
            assert_eq!(verdicts[1].remaining, 5 - admitted, "what is denied costs nothing");
        }
        now += 1_000_000;
    }
    assert_eq!(admitted, 5);
}

#[test]
fn another_quota_takes_over_what_was_counted() {
    let minute = Quota::new(Algorithm::Gcra, 3, SECOND * 60).unwrap();
    let now = 1_700_000_000_000_000;
    let mut states = [State::new(&minute)];
    judge(&mut states, &[ask(minute, 3)], now, true);
    let smaller = Quota::new(Algorithm::Gcra, 7, SECOND).unwrap();
    let verdict = judge(&mut states, &[ask(smaller, 1)], now, true)[0];
    assert!(!verdict.admitted, "what is full is full");
    assert!(verdict.retry_after <= SECOND, "and by its own measure: {verdict:?}");

    let window = Quota::new(Algorithm::SlidingCounter, 10, SECOND * 60).unwrap();
    let mut states = [State::new(&window)];
    judge(&mut states, &[ask(window, 8)], now, true);
    let longer = Quota::new(Algorithm::SlidingCounter, 10, SECOND * 3_600).unwrap();
    assert_eq!(judge(&mut states, &[ask(longer, 1)], now, true)[0].remaining, 1);
}

#[test]
fn a_clock_that_is_set_back_admits_no_more() {
    for algorithm in Algorithm::ALL {
        let quota = Quota::new(algorithm, 10, SECOND * 60).unwrap();
        let mut states = [State::new(&quota)];
        let now = 1_700_000_000_000_000;
        assert!(judge(&mut states, &[ask(quota, 10)], now, true)[0].admitted);
        let back = now - 3_600_000_000;
        let verdict = judge(&mut states, &[ask(quota, 1)], back, true)[0];
        assert!(!verdict.admitted, "{algorithm}");
        assert!(verdict.retry_after <= SECOND * 120, "{algorithm}: nobody waits for the old hour");
    }
}

/// Set back over the edge of two windows, with calls counted in both, and forward again.
#[test]
fn a_clock_that_is_set_back_over_an_edge_admits_no_more_than_is_documented() {
    let edge = 1_700_000_040_000_000;
    let second = 1_000_000;
    for algorithm in Algorithm::ALL {
        let quota = Quota::new(algorithm, 10, SECOND * 60).unwrap();
        assert_eq!(edge % quota.micros(), 0);
        for (before, after) in [(5, 5), (10, 0), (10, 10), (1, 9)] {
            let mut states = [State::new(&quota)];
            let mut take = |now, cost| {
                judge(&mut states, &[Ask { cost, ..ask(quota, 1) }], now, true)[0].granted
            };
            let mut admitted = take(edge - second, before);
            if after > 0 {
                admitted += take(edge + second, after);
            }
            for now in [edge - second, edge + second, edge - second, edge - 2 * second] {
                admitted += (0..10).map(|_| take(now, 1)).sum::<u64>();
            }
            let most = if algorithm == Algorithm::FixedWindow { 30 } else { 10 };
            assert!(admitted <= most, "{algorithm}: {admitted} after {before} and {after}");
        }
    }
}

#[test]
fn what_makes_no_sense_is_refused_with_what_to_write() {
    let refused = |made: Result<Quota, Error>, words: &[&str]| {
        let error = made.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(words.iter().all(|word| error.to_string().contains(word)), "{error}");
    };
    let gcra = |limit| Quota::new(Algorithm::Gcra, limit, SECOND);
    refused(gcra(0), &["limit of 0", "at least 1"]);
    refused(gcra(Quota::MAX_LIMIT + 1), &["90000001", "at most 90000000"]);
    refused(Quota::new(Algorithm::SlidingLog, 100_001, SECOND), &["100000", "sliding_counter"]);
    refused(Quota::new(Algorithm::Gcra, 1, Duration::ZERO), &["no time"]);
    refused(Quota::new(Algorithm::Gcra, 1, Duration::from_nanos(1_500_001)), &["microseconds"]);
    refused(Quota::new(Algorithm::Gcra, 1, Duration::MAX), &["3650 days"]);
    refused(gcra(5).unwrap().burst(6), &["burst of 6", "limit of 5"]);
    refused(gcra(5).unwrap().burst(0), &["burst of 0"]);
    refused(Quota::new(Algorithm::FixedWindow, 5, SECOND).unwrap().burst(2), &["no burst"]);
    assert!(Algorithm::named("leaky").unwrap_err().to_string().contains("`token_bucket`"));

    let quota = gcra(5).unwrap().burst(2).unwrap();
    for (cost, words) in [(0, "asks for nothing"), (3, "can never be admitted")] {
        let error = Ask::new(key("login"), quota, cost).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
    for (limit, lease) in
        [(0, SECOND), (100_001, SECOND), (1, Duration::ZERO), (1, SECOND * 86_401)]
    {
        assert_eq!(Seats::new(limit, lease).unwrap_err().kind(), ErrorKind::Config);
    }
    let shop = Namespace::new("shop").unwrap();
    for (name, subject) in [("", "9f86"), ("login", ""), ("lo:gin", "9f86"), ("login", "}x")] {
        assert!(LimitKey::new(&shop, name, subject, "gcra").is_err());
    }
    assert_eq!(key("login").as_str(), "{shop:limit:=9f86}:login:gcra");
    assert!(!shop.owns(key("login").as_str()), "emptying the namespace leaves it");
}

#[test]
fn one_key_is_asked_for_once() {
    let quota = Quota::new(Algorithm::Gcra, 5, SECOND).unwrap();
    let twice = [ask(quota, 1), ask(quota, 1)];
    assert_eq!(Ask::distinct(&twice).unwrap_err().kind(), ErrorKind::Config);
    let [one, other] = twice;
    assert!(Ask::distinct(&[one, Ask { key: key("other"), ..other }]).is_ok());
}
