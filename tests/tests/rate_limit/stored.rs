//! What stands in Redis, and for how long.

use cache_runtime::{Acquired, Algorithm, OnError, Quota, Seats};
use tests::{RedisServer, eventually};

use crate::tools::{ALGORITHMS, MINUTE, SECOND, limit, manager, patient, tell};

const ADDRESS: &str = "someone@example.org";

#[tokio::test]
async fn no_key_is_stored_in_the_clear_and_none_for_ever() {
    let server = RedisServer::start();
    let cache = manager(&server.url());
    for algorithm in ALGORITHMS {
        let quota = Quota::new(algorithm, 5, MINUTE).unwrap();
        limit(&cache, quota, OnError::Deny).check(ADDRESS).await.unwrap();
    }
    let seats = cache.concurrency_limit("reports").seats(Seats::new(1, MINUTE).unwrap());
    let seats = seats.on_error(OnError::Deny).build().unwrap();
    let _permit = seats.acquire(ADDRESS).await.unwrap().permit().unwrap();
    let keys: Vec<String> = tell(&server, "KEYS *").await;
    assert_eq!(keys.len(), 6, "{keys:?}");
    for key in keys {
        assert!(key.starts_with("{shop:limit:=") && !key.contains("someone"), "{key}");
        let life: i64 = tell(&server, &format!("PTTL {key}")).await;
        let longest = if key.ends_with(":sliding_counter") { 120_100 } else { 60_100 };
        assert!((1..=longest).contains(&life), "{key}: {life}");
        let dump: Vec<u8> = tell(&server, &format!("DUMP {key}")).await;
        let clear = dump.windows(7).any(|part| part == b"someone");
        assert!(!clear, "{key}");
    }
}

#[tokio::test]
async fn what_is_over_goes_by_itself() {
    let server = RedisServer::start();
    let cache = manager(&server.url());
    for algorithm in ALGORITHMS {
        let quota = Quota::new(algorithm, 5, SECOND / 50).unwrap();
        let limit = limit(&cache, quota, OnError::Deny);
        for _ in 0..3 {
            limit.check("k").await.unwrap();
        }
    }
    let left = || async { tell::<u64>(&server, "DBSIZE").await == 0 };
    eventually("no key is left", left).await;
}

#[tokio::test]
async fn emptying_the_cache_leaves_limits_and_a_reset_takes_one() {
    let server = RedisServer::start();
    let cache = manager(&server.url());
    let login = limit(&cache, Quota::new(Algorithm::Gcra, 1, MINUTE).unwrap(), OnError::Deny);
    for key in ["a", "b"] {
        assert!(login.check(key).await.unwrap().admitted);
    }
    cache.clear().await.unwrap();
    cache.sweep().await.unwrap();
    let all = cache.pattern("*").unwrap();
    cache.delete_matching(&all, cache_runtime::Walk::new()).await.unwrap();
    assert!(!login.check("a").await.unwrap().admitted);
    login.reset("a").await.unwrap();
    assert!(login.check("a").await.unwrap().admitted);
    assert!(!login.check("b").await.unwrap().admitted);
}

#[tokio::test]
async fn the_documented_permissions_are_enough() {
    const COMMANDS: &str = "+get +set +del +unlink +pexpire +exists +time +evalsha +script|load +ping +info +role \
         +zadd +zcard +zcount +zrange +zrangebyscore +zrem +zremrangebyscore +zrevrange +zscore";
    let server = RedisServer::start();
    let user = format!("ACL SETUSER app reset on >secret ~{{shop:limit:* {COMMANDS}");
    let _: () = tell(&server, &user).await;
    let cache = manager(&format!("redis://app:secret@{}", server.address()));
    for algorithm in ALGORITHMS {
        let quota = Quota::new(algorithm, 2, MINUTE).unwrap();
        let limit = limit(&cache, quota, OnError::Deny);
        for _ in 0..3 {
            let decision = limit.check("k").await.unwrap();
            assert!(!decision.by_failure, "{algorithm}");
        }
        assert!(!limit.peek("k").await.unwrap().by_failure);
        limit.reset("k").await.unwrap();
    }
    let seats = cache.concurrency_limit("reports").seats(Seats::new(1, MINUTE).unwrap());
    let seats = seats.on_error(OnError::Deny).build().unwrap();
    let Acquired::Admitted(permit) = seats.acquire("k").await.unwrap() else { panic!("a seat") };
    permit.release().await.unwrap();
    assert!(seats.peek("k").await.unwrap().admitted);
}

#[tokio::test]
async fn seats_are_shared_and_freed_by_release_drop_and_the_end_of_a_lease() {
    let server = RedisServer::start();
    let seats = |url: &str| {
        let seats = Seats::new(2, SECOND / 5).unwrap();
        let builder = manager(url).concurrency_limit("reports").seats(seats);
        builder.on_error(OnError::Deny).build().unwrap()
    };
    let (here, there) = (seats(&server.url()), seats(&server.url()));
    let one = here.acquire("k").await.unwrap().permit().unwrap();
    let other = there.acquire("k").await.unwrap().permit().unwrap();
    let Acquired::Denied(denied) = here.acquire("k").await.unwrap() else { panic!("no seat") };
    assert!(denied.retry_after > SECOND / 100 && denied.retry_after <= SECOND / 5);
    // Three leases later both still sit: they were renewed.
    let begun = std::time::Instant::now();
    eventually("three leases have passed", || async { begun.elapsed() > SECOND * 3 / 5 }).await;
    assert!(one.stands() && other.stands());
    assert!(here.acquire("k").await.unwrap().permit().is_none());
    one.release().await.unwrap();
    assert_eq!(there.peek("k").await.unwrap().remaining, 1);
    drop(other);
    eventually("both seats are free", || async { there.peek("k").await.unwrap().remaining == 2 })
        .await;
    // One that nobody renews, as a process leaves it that died, beside one that is.
    let seat = cache_runtime::Seat {
        key: crate::tools::key("dead", Algorithm::Gcra),
        seats: Seats::new(2, SECOND / 5).unwrap(),
        holder: cache_runtime::entry::Token::new(),
    };
    let long = Seats::new(2, MINUTE).unwrap();
    let alive = cache_runtime::Seat {
        seats: long,
        holder: cache_runtime::entry::Token::new(),
        ..seat.clone()
    };
    let port = patient(&server.url());
    use cache_runtime::RateLimits as _;
    assert!(port.take_seat(&alive).await.unwrap().admitted);
    assert!(port.take_seat(&seat).await.unwrap().admitted);
    let next = cache_runtime::Seat { holder: cache_runtime::entry::Token::new(), ..seat };
    assert!(!port.take_seat(&next).await.unwrap().admitted);
    eventually("the seat is free", || async { port.take_seat(&next).await.unwrap().admitted })
        .await;
}

/// Each denied call is one of the longer period's, and what the shorter one counted counts as long for it.
#[tokio::test]
async fn a_log_is_kept_for_as_long_as_a_longer_period_counts_it() {
    let server = RedisServer::start();
    let cache = manager(&server.url());
    let quota = |period| Quota::new(Algorithm::SlidingLog, 1, period).unwrap();
    let [short, long] =
        [MINUTE, MINUTE * 60].map(|period| limit(&cache, quota(period), OnError::Deny));
    assert!(short.check("k").await.unwrap().admitted);
    let keys: Vec<String> = tell(&server, "KEYS *").await;
    let life = async || tell::<i64>(&server, &format!("PTTL {}", keys[0])).await;
    assert!(!long.peek("k").await.unwrap().admitted);
    assert!(life().await <= 60_100, "a look changes nothing");
    let denied = long.check("k").await.unwrap();
    assert!(!denied.admitted && denied.retry_after > MINUTE * 59, "{denied:?}");
    let lives = life().await;
    assert!((3_500_000..=3_600_100).contains(&lives), "it would be gone too soon: {lives}");
    assert!(!short.check("k").await.unwrap().admitted);
    assert!(life().await > 3_500_000, "nor is it shortened");
}
