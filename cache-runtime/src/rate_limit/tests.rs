#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod leases;
mod seats;

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::backend::{MemoryCache, NullCache};
use crate::error::ErrorKind;
use crate::manager::CacheManager;
use crate::port::{Cache, CoherentCache};
use crate::quota::{Algorithm, Seats};
use crate::testing::{FaultyCache, ManualClock, Op};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

struct World {
    clock: ManualClock,
    cache: FaultyCache,
    manager: CacheManager,
}

fn world() -> World {
    let clock = ManualClock::new();
    let memory = MemoryCache::builder().clock(clock.shared()).build();
    let cache = FaultyCache::over(Arc::new(memory));
    let manager = manager(&clock, Arc::new(cache.clone()));
    World { clock, cache, manager }
}

fn manager(clock: &ManualClock, cache: Arc<dyn CoherentCache>) -> CacheManager {
    CacheManager::builder("shop").backend(cache).clock(clock.shared()).build().unwrap()
}

fn quota(limit: u64) -> Quota {
    Quota::new(Algorithm::Gcra, limit, MINUTE).unwrap()
}

/// What is done in the background is done within seconds, or never.
async fn until(done: impl AsyncFn() -> bool) {
    let waiting = async {
        while !done().await {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(SECOND * 10, waiting).await.is_ok(), "it was never done");
}

impl World {
    fn login(&self, on_error: OnError) -> RateLimit {
        self.manager.rate_limit("login").quota(quota(3)).on_error(on_error).build().unwrap()
    }

    fn leased(&self, quota: Quota) -> RateLimit {
        let builder = self.manager.rate_limit("api").quota(quota);
        builder.on_error(OnError::Deny).local().build().unwrap()
    }
}

#[tokio::test]
async fn a_decision_tells_what_is_left_and_when_there_is_more() {
    let world = world();
    let login = world.login(OnError::Deny);
    for left in [2, 1, 0] {
        let decision = login.check("a@b.c").await.unwrap();
        assert_eq!((decision.admitted, decision.limit, decision.remaining), (true, 3, left));
    }
    let denied = login.check("a@b.c").await.unwrap();
    assert!(!denied.admitted && !denied.by_failure);
    assert_eq!((denied.retry_after, denied.reset_after), (SECOND * 20, MINUTE));
    world.clock.advance(SECOND * 20 - Duration::from_micros(1));
    assert!(!login.peek("a@b.c").await.unwrap().admitted);
    world.clock.advance(Duration::from_micros(1));
    assert!(login.peek("a@b.c").await.unwrap().admitted);
    assert!(login.check("a@b.c").await.unwrap().admitted, "a look has counted nothing");
    assert!(!login.check("a@b.c").await.unwrap().admitted);
    login.reset("a@b.c").await.unwrap();
    assert_eq!(login.check("a@b.c").await.unwrap().remaining, 2);
    let stats = login.stats();
    assert_eq!((stats.admitted, stats.denied, stats.by_failure, stats.local), (5, 2, 0, 0));
}

#[tokio::test]
async fn an_emptied_cache_lets_nobody_in_who_has_used_up_a_limit() {
    let world = world();
    let login = world.login(OnError::Deny);
    assert!(login.check_n(7, 3).await.unwrap().admitted);
    world.manager.sweep().await.unwrap();
    world.manager.clear().await.unwrap();
    assert!(!login.check(7).await.unwrap().admitted);
}

#[tokio::test]
async fn a_call_comes_under_all_rules_of_its_limit() {
    let world = world();
    let rule = |algorithm, limit, period| Quota::new(algorithm, limit, period).unwrap();
    let api = world
        .manager
        .rate_limit("api")
        .quota(rule(Algorithm::FixedWindow, 2, SECOND))
        .and("daily", rule(Algorithm::SlidingLog, 3, SECOND * 86_400))
        .on_error(OnError::Deny)
        .build()
        .unwrap();
    let names: Vec<&str> = api.rules().iter().map(Rule::name).collect();
    assert_eq!(names, ["api", "api.daily"]);
    assert_eq!(api.check("k").await.unwrap().limit, 2, "the one with less left");
    assert!(api.check("k").await.unwrap().admitted);
    let denied = api.check("k").await.unwrap();
    assert_eq!((denied.admitted, denied.limit, denied.retry_after <= SECOND), (false, 2, true));
    assert_eq!(denied.verdicts()[1].remaining, 1, "under the other nothing was counted");
    world.clock.advance(SECOND);
    assert!(api.check("k").await.unwrap().admitted);
    let denied = api.check("k").await.unwrap();
    assert_eq!((denied.admitted, denied.limit), (false, 3));
    assert!(denied.retry_after > SECOND * 86_000);
    assert!(api.check_n("k", 3).await.is_err(), "more than one rule could ever admit");
}

#[tokio::test]
async fn where_the_backend_cannot_decide_the_author_has() {
    for kind in
        [ErrorKind::Unreachable, ErrorKind::ReadOnly, ErrorKind::WrongType, ErrorKind::OutOfMemory]
    {
        for on_error in [OnError::Allow, OnError::Deny] {
            let world = world();
            let login = world.login(on_error);
            world.cache.fail(Op::Decide, kind);
            world.cache.fail(Op::PeekLimits, kind);
            for decision in [login.check("k").await.unwrap(), login.peek("k").await.unwrap()] {
                assert!(decision.by_failure, "{kind:?}");
                assert_eq!(decision.admitted, on_error == OnError::Allow);
                assert_eq!(decision.retry_after.is_zero(), decision.admitted);
                assert!(decision.verdicts().is_empty());
            }
            assert_eq!(login.stats().by_failure, 1);
            world.cache.heal();
            assert_eq!(login.check("k").await.unwrap().remaining, 2, "nothing was counted");
        }
    }
}

#[tokio::test]
async fn a_backend_without_limits_is_a_failure_like_any_other() {
    let manager = manager(&ManualClock::new(), Arc::new(NullCache::new()));
    for on_error in [OnError::Allow, OnError::Deny] {
        let builder = manager.rate_limit("login").quota(quota(3));
        let decision = builder.on_error(on_error).build().unwrap().check("k").await.unwrap();
        assert_eq!((decision.by_failure, decision.admitted), (true, on_error == OnError::Allow));
    }
    let builder = manager.concurrency_limit("seats").seats(Seats::new(1, SECOND).unwrap());
    let denied = builder.on_error(OnError::Deny).build().unwrap().acquire("k").await.unwrap();
    assert!(denied.permit().is_none());
}

#[tokio::test]
async fn keys_on_the_allow_list_are_never_limited_nor_counted() {
    let world = world();
    let builder = world.manager.rate_limit("login").quota(quota(1)).on_error(OnError::Deny);
    let login = builder.allow(["monitor"]).build().unwrap();
    world.cache.fail_all(ErrorKind::Unreachable);
    for _ in 0..10 {
        let decision = login.check("monitor").await.unwrap();
        assert!(decision.admitted && decision.exempt && !decision.by_failure);
    }
    assert_eq!(world.cache.calls(Op::Decide), 0);
    assert_eq!(login.stats().exempt, 10);
    assert!(!login.check("monitors").await.unwrap().admitted);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_admits_nothing() {
    let world = world();
    let login = world.login(OnError::Allow);
    for error in [
        login.check("").await.unwrap_err(),
        login.peek("").await.unwrap_err(),
        login.reset("").await.unwrap_err(),
        login.check_n("k", 0).await.unwrap_err(),
        login.check_n("k", 4).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    }
    assert_eq!(world.cache.calls(Op::Decide), 0);
    let builder = || world.manager.rate_limit("login").quota(quota(3));
    let refused = |builder: RateLimitBuilder, words: &str| {
        let error = builder.build().unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    };
    refused(builder(), "on_error");
    let builder = || builder().on_error(OnError::Deny);
    refused(builder().allow([""]), "empty key");
    refused(builder().secret(""), "secret");
    refused(builder().and("a", quota(1)).and("a", quota(2)), "two rules");
    refused(builder().and("a:b", quota(1)), "letters, digits");
    refused(
        world.manager.rate_limit("").quota(quota(1)).on_error(OnError::Deny),
        "name of a limit",
    );
    refused(world.manager.rate_limit("login").on_error(OnError::Deny), "no quota");
    let log = Quota::new(Algorithm::SlidingLog, 3, MINUTE).unwrap();
    refused(builder().and("log", log).local(), "cannot be counted locally");
    let quick = Quota::new(Algorithm::Gcra, 3, SECOND / 2).unwrap();
    refused(builder().and("quick", quick).local(), "too short");
}

#[tokio::test]
async fn a_secret_counts_apart_and_is_never_shown() {
    let world = world();
    let builder = |secret: &str| {
        let builder = world.manager.rate_limit("login").quota(quota(1)).on_error(OnError::Deny);
        let builder = builder.secret(secret);
        assert!(!format!("{builder:?}").contains(secret));
        builder.build().unwrap()
    };
    let (one, other, again) = (builder("pepper"), builder("salt"), builder("pepper"));
    assert!(one.check("k").await.unwrap().admitted);
    assert!(other.check("k").await.unwrap().admitted);
    assert!(!again.check("k").await.unwrap().admitted);
}

#[tokio::test]
async fn most_leased_calls_take_no_round_trip_and_none_is_admitted_late() {
    let world = world();
    let quota = Quota::new(Algorithm::Gcra, 1_000, SECOND * 100).unwrap();
    let api = world.leased(quota);
    for _ in 0..200 {
        assert!(api.check("k").await.unwrap().admitted);
    }
    let trips = world.cache.calls(Op::Decide);
    assert!(trips <= 9, "{trips} round trips: batches double up to a tenth of the burst");
    assert_eq!(api.stats().local, 200 - trips as u64);
    // What was leased is good for a second, less the lag of a coarse clock.
    world.clock.advance(SECOND - crate::clock::Moment::LAG);
    assert!(api.check("k").await.unwrap().admitted);
    assert_eq!(world.cache.calls(Op::Decide), trips + 1, "what is too old is not used");
}

#[tokio::test]
async fn no_more_than_was_leased_is_admitted_however_many_processes_lease() {
    let clock = ManualClock::new();
    let memory = MemoryCache::builder().clock(clock.shared()).build();
    let quota = Quota::new(Algorithm::TokenBucket, 100, MINUTE).unwrap();
    let apis: Vec<RateLimit> = (0..8)
        .map(|_| {
            let manager = manager(&clock, Arc::new(memory.clone()));
            let builder = manager.rate_limit("api").quota(quota).on_error(OnError::Deny);
            builder.local().build().unwrap()
        })
        .collect();
    let mut admitted = 0;
    for round in 0..400 {
        admitted += u64::from(apis[round % 8].check("k").await.unwrap().admitted);
    }
    assert!((90..=100).contains(&admitted), "{admitted}");
}

#[tokio::test]
async fn a_windows_leased_calls_end_with_it() {
    let world = world();
    let quota = Quota::new(Algorithm::FixedWindow, 100, MINUTE).unwrap();
    let api = world.leased(quota);
    world.clock.advance(MINUTE - Duration::from_millis(50));
    let mut first = 0;
    while api.check("k").await.unwrap().admitted && first < 60 {
        first += 1;
    }
    world.clock.advance(Duration::from_millis(50));
    let mut second = 0;
    while api.check("k").await.unwrap().admitted {
        second += 1;
    }
    assert_eq!(first, 60);
    assert!(second <= 100, "{second} in one window");
}

#[tokio::test]
async fn a_denial_is_remembered_for_as_long_as_it_holds() {
    let world = world();
    let quota = Quota::new(Algorithm::Gcra, 120, MINUTE).unwrap().burst(10).unwrap();
    let api = world.leased(quota);
    while api.check("k").await.unwrap().admitted {}
    let trips = world.cache.calls(Op::Decide);
    for _ in 0..100 {
        let denied = api.check("k").await.unwrap();
        assert!(!denied.admitted && denied.retry_after > Duration::ZERO);
    }
    assert_eq!(world.cache.calls(Op::Decide), trips);
    world.clock.advance(SECOND / 2);
    assert!(api.check("k").await.unwrap().admitted);
    while api.check("k").await.unwrap().admitted {}
    api.reset("k").await.unwrap();
    assert!(api.check("k").await.unwrap().admitted, "a reset is seen at once where it was made");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_who_wait_for_the_same_batch_lease_it_once() {
    let world = world();
    let quota = Quota::new(Algorithm::Gcra, 10_000, SECOND * 100).unwrap();
    let api = world.leased(quota);
    world.cache.stall(Op::Decide);
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let api = api.clone();
            tokio::spawn(async move { api.check("k").await.unwrap().admitted })
        })
        .collect();
    world.cache.until_stalled(Op::Decide).await;
    world.cache.resume(Op::Decide);
    for call in calls {
        assert!(call.await.unwrap());
    }
    assert!(world.cache.calls(Op::Decide) <= 8, "{}", world.cache.calls(Op::Decide));
}

#[tokio::test]
async fn a_seat_is_free_again_when_its_permit_is_dropped_or_released() {
    let world = world();
    let builder = world.manager.concurrency_limit("reports").on_error(OnError::Deny);
    let reports = builder.seats(Seats::new(2, SECOND * 10).unwrap()).build().unwrap();
    let Acquired::Admitted(one) = reports.acquire(7).await.unwrap() else { panic!("a seat") };
    let Acquired::Admitted(other) = reports.acquire(7).await.unwrap() else { panic!("a seat") };
    assert!(one.stands() && other.stands());
    let Acquired::Denied(denied) = reports.acquire(7).await.unwrap() else { panic!("no seat") };
    assert_eq!((denied.limit, denied.remaining, denied.retry_after), (2, 0, SECOND * 10));
    assert!(!reports.peek(7).await.unwrap().admitted);
    assert!(reports.acquire(8).await.unwrap().permit().is_some(), "another key");
    one.release().await.unwrap();
    assert_eq!(reports.peek(7).await.unwrap().remaining, 1);
    drop(other);
    until(async || reports.peek(7).await.unwrap().remaining == 2).await;
    assert!(reports.acquire("").await.is_err());
}

#[tokio::test]
async fn the_seat_of_a_process_that_died_is_free_when_its_lease_is_over() {
    let world = world();
    let seats = Seats::new(1, SECOND * 10).unwrap();
    let builder = world.manager.concurrency_limit("reports").on_error(OnError::Deny);
    let reports = builder.seats(seats).build().unwrap();
    let permit = reports.acquire(7).await.unwrap().permit().unwrap();
    // Dead, for all that anyone else can see: it renews nothing and gives nothing back.
    world.cache.fail(Op::TakeSeat, ErrorKind::Unreachable);
    world.clock.advance(SECOND * 10);
    assert!(!permit.stands());
    world.cache.heal();
    assert!(reports.acquire(7).await.unwrap().permit().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_permit_renews_its_seat_for_as_long_as_it_lives() {
    let world = world();
    let seats = Seats::new(1, SECOND * 9).unwrap();
    let builder = world.manager.concurrency_limit("reports").on_error(OnError::Deny);
    let reports = builder.seats(seats).build().unwrap();
    let permit = reports.acquire(7).await.unwrap().permit().unwrap();
    for _ in 0..10 {
        world.clock.advance(SECOND * 3);
        tokio::time::sleep(SECOND * 3 + Duration::from_millis(1)).await;
        assert!(permit.stands());
        assert!(reports.acquire(7).await.unwrap().permit().is_none());
    }
    let renewals = world.cache.calls(Op::TakeSeat);
    assert!(renewals >= 20, "{renewals}: ten renewals, ten others");
    // A longer outage of the backend loses the seat to whoever comes first.
    world.cache.fail(Op::TakeSeat, ErrorKind::Unreachable);
    world.clock.advance(SECOND * 9);
    assert!(!permit.stands());
    world.cache.heal();
    let other = reports.acquire(7).await.unwrap().permit().unwrap();
    tokio::time::sleep(SECOND * 10).await;
    assert!(!permit.stands() && other.stands());
}

#[tokio::test]
async fn a_seat_that_nobody_waits_for_any_more_is_given_back() {
    let world = world();
    let builder = world.manager.concurrency_limit("reports").on_error(OnError::Deny);
    let reports = builder.seats(Seats::new(1, SECOND * 10).unwrap()).build().unwrap();
    world.cache.stall_reply(Op::TakeSeat);
    let taking = tokio::spawn({
        let reports = reports.clone();
        async move { reports.acquire(7).await.map(drop) }
    });
    world.cache.until_stalled(Op::TakeSeat).await;
    assert_eq!(reports.peek(7).await.unwrap().remaining, 0, "it was taken");
    taking.abort();
    until(async || reports.peek(7).await.unwrap().remaining == 1).await;
}

#[tokio::test]
async fn a_closed_cache_decides_nothing() {
    let world = world();
    let login = world.login(OnError::Deny);
    world.cache.close().await.unwrap();
    let decision = login.check("k").await.unwrap();
    assert!(decision.by_failure && !decision.admitted);
}
