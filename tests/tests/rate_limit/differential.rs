//! Random decisions, by the scripts on Redis and by the arithmetic in memory: both answer the same, to the last microsecond.
//!
//! The scripts run as they are shipped but for the time, which the test tells.

use std::time::Duration;

use cache_runtime::backend::MemoryCache;
use cache_runtime::entry::Token;
use cache_runtime::testing::ManualClock;
use cache_runtime::{Algorithm, Ask, ErrorKind, Quota, RateLimits, Seat, Seats, Verdict};
use fastrand::Rng;
use redis::aio::MultiplexedConnection;
use tests::RedisServer;

use crate::tools::{ALGORITHMS, MINUTE, key, patient, raw};

const SHIPPED: &str = include_str!("../../../cache-runtime/src/backend/redis/limits/decide.lua");
const SHIPPED_SEATS: &str =
    include_str!("../../../cache-runtime/src/backend/redis/limits/seat.lua");
/// Some time in 2023, in microseconds.
const BEGIN: u64 = 1_700_000_000_000_000;

struct Told {
    script: redis::Script,
    connection: MultiplexedConnection,
}

impl Told {
    async fn new(server: &RedisServer) -> Self {
        Self::of(SHIPPED, "text(math.ceil(micros / 1000) + 1)", server).await
    }

    async fn seats(server: &RedisServer) -> Self {
        let life = "text(math.max(1, math.ceil((tonumber(last) - now) / 1000) + 1))";
        Self::of(SHIPPED_SEATS, life, server).await
    }

    async fn of(shipped: &str, life: &str, server: &RedisServer) -> Self {
        let told = [
            ("redis.call('TIME')", "{ARGV[#ARGV - 1], ARGV[#ARGV]}"),
            // What the test's time leaves is not taken away by the server's.
            (life, "'100000000'"),
        ];
        let mut text = shipped.to_owned();
        for (words, told) in told {
            assert_eq!(shipped.matches(words).count(), 1, "{words} stands in one place");
            text = text.replace(words, told);
        }
        Self { script: redis::Script::new(&text), connection: raw(&server.url()).await }
    }

    /// The time, whether it was done, how many seats are free, and the two times.
    async fn seat(&mut self, seat: &Seat, step: &str, now: u64) -> Vec<u64> {
        let lease = u64::try_from(seat.seats.lease().as_micros()).unwrap();
        let mut call = self.script.key(seat.key.as_str());
        call.arg(step).arg(seat.holder.as_bytes()).arg(seat.seats.limit()).arg(lease);
        call.arg(now / 1_000_000).arg(now % 1_000_000);
        call.invoke_async(&mut self.connection).await.unwrap()
    }

    /// The time, 0 or one more than what was taken beyond the cost, and for each ask whether it is admitted, what is left, and the two times.
    async fn decide(&mut self, asks: &[Ask], counts: bool, now: u64) -> Vec<u64> {
        let mut call = self.script.prepare_invoke();
        call.arg(u8::from(counts));
        for Ask { key, quota, cost, extra } in asks {
            let period = u64::try_from(quota.period().as_micros()).unwrap();
            call.key(key.as_str()).arg(quota.algorithm().name()).arg(quota.limit()).arg(period);
            call.arg(quota.at_once()).arg(cost).arg(extra);
        }
        call.arg(now / 1_000_000).arg(now % 1_000_000);
        call.invoke_async(&mut self.connection).await.unwrap()
    }
}

fn any_quota(random: &mut Rng) -> Quota {
    let algorithm = ALGORITHMS[random.usize(..ALGORITHMS.len())];
    let most = match (algorithm, random.bool()) {
        (Algorithm::SlidingLog, _) => 40,
        (_, true) => Quota::MAX_LIMIT,
        (_, false) => 15,
    };
    let limit = if random.u8(..6) == 0 { most } else { random.u64(1..=most) };
    let longest = u64::try_from(Quota::MAX_PERIOD.as_micros()).unwrap();
    let period = match random.u8(..4) {
        0 => longest,
        1 => random.u64(1_000..=9_999),
        2 => random.u64(1..=86_400) * 1_000_000,
        _ => random.u64(1_000..longest),
    };
    let quota = Quota::new(algorithm, limit, Duration::from_micros(period)).unwrap();
    match algorithm.has_burst() && random.bool() {
        true => quota.burst(random.u64(1..=limit)).unwrap(),
        false => quota,
    }
}

fn any_ask(random: &mut Rng, name: &str, quota: Quota) -> Ask {
    let cost = match random.u8(..5) {
        0 => quota.at_once(),
        1 => random.u64(1..=quota.at_once()),
        _ => 1,
    };
    let mut ask = Ask::new(key(name, quota.algorithm()), quota, cost).unwrap();
    if random.u8(..4) == 0 {
        ask.extra = random.u64(0..=quota.limit());
    }
    ask
}

#[tokio::test]
async fn the_script_decides_as_the_arithmetic_does() {
    let server = RedisServer::start();
    let mut told = Told::new(&server).await;
    let mut random = Rng::with_seed(7);
    for round in 0..250 {
        let clock = ManualClock::new();
        let memory = MemoryCache::builder().clock(clock.shared()).build();
        let mut now = BEGIN + random.u64(..1 << 49);
        clock.advance(Duration::from_micros(now));
        let mut quotas: Vec<Quota> =
            (0..random.usize(1..=3)).map(|_| any_quota(&mut random)).collect();
        let mut decided = Vec::new();
        for step in 0..40 {
            if random.u8(..20) == 0 {
                // A deploy changes a quota, and what was counted stands.
                let place = random.usize(..quotas.len());
                let other = any_quota(&mut random);
                if other.algorithm() == quotas[place].algorithm() {
                    quotas[place] = other;
                }
            }
            let asks: Vec<Ask> = quotas
                .iter()
                .enumerate()
                .map(|(place, quota)| any_ask(&mut random, &format!("{round}-{place}"), *quota))
                .collect();
            let counts = random.u8(..6) > 0;
            let expected = match counts {
                true => memory.decide(&asks).await.unwrap(),
                false => memory.peek(&asks).await.unwrap(),
            };
            let extra = match expected[0].granted {
                0 => 0,
                granted => granted - asks[0].cost + 1,
            };
            let mut numbers = vec![now, extra];
            for (ask, verdict) in asks.iter().zip(&expected) {
                let granted = if extra == 0 { 0 } else { ask.cost + extra - 1 };
                assert_eq!(verdict.granted, granted);
                numbers.extend([u64::from(verdict.admitted), verdict.remaining]);
                let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap();
                numbers.extend([micros(verdict.reset), micros(verdict.retry_after)]);
            }
            let found = told.decide(&asks, counts, now).await;
            assert_eq!(found, numbers, "round {round}, step {step}: {asks:?}");
            let quota = quotas[random.usize(..quotas.len())];
            let period = u64::try_from(quota.period().as_micros()).unwrap();
            decided.push(now);
            // Right when what was counted by an earlier decision is over, or a microsecond before.
            let over = decided[random.usize(..decided.len())] + period - random.u64(..2);
            let pause = match random.u8(..10) {
                0 => 0,
                4 | 5 => over.saturating_sub(now),
                1 => random.u64(..3),
                2 => period,
                3 => random.u64(..=period.min(1 << 45)),
                _ => random.u64(..=(period / quota.limit() * 3).max(2)),
            };
            now += pause;
            clock.advance(Duration::from_micros(pause));
        }
    }
}

#[tokio::test]
async fn the_script_seats_as_the_memory_does() {
    let server = RedisServer::start();
    let mut told = Told::seats(&server).await;
    let mut random = Rng::with_seed(8);
    for round in 0..60 {
        let clock = ManualClock::new();
        let memory = MemoryCache::builder().clock(clock.shared()).build();
        let mut now = BEGIN + random.u64(..1 << 49);
        clock.advance(Duration::from_micros(now));
        let key = key(&format!("seats-{round}"), Algorithm::Gcra);
        let holders: Vec<Token> = (0..5).map(|_| Token::new()).collect();
        let mut ends = vec![now];
        for step in 0..80 {
            // Processes of two versions, one of which has another limit and another lease.
            let (limit, lease) = [(2, 1_000), (3, 300)][random.usize(..2)];
            let seats = Seats::new(limit, Duration::from_millis(lease)).unwrap();
            let holder = holders[random.usize(..holders.len())];
            let seat = Seat { key: key.clone(), seats, holder };
            let place = format!("round {round}, step {step}: {seats:?}");
            let numbers = |verdict: Verdict| {
                let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap();
                let times = [micros(verdict.reset), micros(verdict.retry_after)];
                vec![now, u64::from(verdict.admitted), verdict.remaining, times[0], times[1]]
            };
            match random.u8(..4) {
                0 => {
                    let had = memory.leave_seat(&seat).await.unwrap();
                    let found = told.seat(&seat, "leave", now).await;
                    assert_eq!(found[1], u64::from(had), "{place}");
                }
                1 => {
                    let expected = memory.peek_seats(&seat).await.unwrap();
                    assert_eq!(told.seat(&seat, "look", now).await, numbers(expected), "{place}");
                }
                _ => {
                    let expected = memory.take_seat(&seat).await.unwrap();
                    assert_eq!(expected.granted, u64::from(expected.admitted), "{place}");
                    assert_eq!(told.seat(&seat, "take", now).await, numbers(expected), "{place}");
                    ends.push(now + lease * 1_000);
                }
            }
            // Right when a lease is over, or a microsecond before; and any time.
            let end = ends[random.usize(..ends.len())];
            let pause = match random.u8(..4) {
                0 => 0,
                1 => end.saturating_sub(now + random.u64(..2)),
                _ => random.u64(..200_000),
            };
            now += pause;
            clock.advance(Duration::from_micros(pause));
        }
    }
}

#[tokio::test]
async fn a_servers_clock_that_is_set_back_admits_no_more_and_holds_nobody_for_long() {
    let server = RedisServer::start();
    let mut told = Told::new(&server).await;
    for algorithm in ALGORITHMS {
        let quota = Quota::new(algorithm, 10, MINUTE).unwrap();
        let ask = |cost| [Ask::new(key("back", algorithm), quota, cost).unwrap()];
        let full = told.decide(&ask(10), true, BEGIN).await;
        assert_eq!(full[1], 1);
        let back = BEGIN - 3_600_000_000;
        let denied = told.decide(&ask(1), true, back).await;
        assert_eq!((denied[1], denied[2], denied[3]), (0, 0, 0), "{algorithm}");
        let wait = denied[5];
        assert!(wait > 0 && wait <= 120_000_000, "{algorithm}: {wait}");
        let early = told.decide(&ask(1), true, back + wait - 1).await;
        assert_eq!(early[1], 0, "{algorithm}");
        let admitted = told.decide(&ask(1), true, back + wait).await;
        assert_eq!(admitted[1], 1, "{algorithm}");
    }
}

/// Set back over the edge of two windows, with calls counted in both, and forward again.
#[tokio::test]
async fn a_servers_clock_that_is_set_back_over_an_edge_admits_no_more_than_is_documented() {
    let server = RedisServer::start();
    let mut told = Told::new(&server).await;
    let (edge, second) = (BEGIN + 40_000_000, 1_000_000);
    assert_eq!(edge % 60_000_000, 0);
    for algorithm in ALGORITHMS {
        for (before, after) in [(5, 5), (10, 0), (10, 10), (1, 9)] {
            let quota = Quota::new(algorithm, 10, MINUTE).unwrap();
            let key = key(&format!("edge-{before}-{after}"), algorithm);
            let ask = |cost| [Ask::new(key.clone(), quota, cost).unwrap()];
            let mut admitted = 0;
            for (cost, now) in [(before, edge - second), (after, edge + second)] {
                if cost > 0 && told.decide(&ask(cost), true, now).await[1] > 0 {
                    admitted += cost;
                }
            }
            for now in [edge - second, edge + second, edge - second, edge - 2 * second] {
                let seen = told.decide(&ask(1), false, now).await[3];
                let mut more = 0;
                while told.decide(&ask(1), true, now).await[1] > 0 {
                    more += 1;
                }
                assert_eq!(more, seen, "{algorithm}: as a look has told");
                admitted += more;
            }
            let most = if algorithm == Algorithm::FixedWindow { 30 } else { 10 };
            assert!(admitted <= most, "{algorithm}: {admitted} after {before} and {after}");
        }
    }
}

#[tokio::test]
async fn a_look_at_a_log_passes_over_what_is_gone_and_not_removed_yet() {
    let server = RedisServer::start();
    let mut told = Told::new(&server).await;
    let quota = Quota::new(Algorithm::SlidingLog, 2, MINUTE).unwrap();
    let ask = |cost| [Ask::new(key("log", Algorithm::SlidingLog), quota, cost).unwrap()];
    for at in [BEGIN, BEGIN + 10] {
        assert_eq!(told.decide(&ask(1), true, at).await[1], 1);
    }
    // The first of the two is over at this very microsecond, the second in ten.
    let now = BEGIN + 60_000_000;
    assert_eq!(told.decide(&ask(2), false, now).await, [now, 0, 0, 1, 10, 10]);
    assert_eq!(told.decide(&ask(2), false, now - 1).await, [now - 1, 0, 0, 0, 11, 11]);
}

#[tokio::test]
async fn whatever_stands_at_a_limits_key_is_refused_and_stays() {
    let server = RedisServer::start();
    let mut told = Told::new(&server).await;
    let mut connection = raw(&server.url()).await;
    for algorithm in ALGORITHMS {
        let quota = Quota::new(algorithm, 10, MINUTE).unwrap();
        let key = key("rubbish", algorithm);
        for rubbish in [
            "",
            "x",
            "1:2",
            "1:2:x",
            "-1:2:3",
            "5:1:5",
            "1:2:3:4:5",
            "99999999999999999999:1:1:1",
            "1.5:2:3",
        ] {
            let ask = [Ask::new(key.clone(), quota, 1).unwrap()];
            let () = redis::cmd("SET")
                .arg(key.as_str())
                .arg(rubbish)
                .query_async(&mut connection)
                .await
                .unwrap();
            if rubbish == "5:1:5" && !algorithm.has_burst() {
                // That could be a window's.
                continue;
            }
            let cache = patient(&server.url());
            let error = cache.decide(&ask).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WrongType, "{algorithm} {rubbish:?}: {error:?}");
            let stands: String =
                redis::cmd("GET").arg(key.as_str()).query_async(&mut connection).await.unwrap();
            assert_eq!(stands, rubbish);
        }
        let () = redis::cmd("DEL").arg(key.as_str()).query_async(&mut connection).await.unwrap();
        let ask = [Ask::new(key, quota, 1).unwrap()];
        assert_eq!(told.decide(&ask, true, BEGIN).await[1], 1);
    }
}
