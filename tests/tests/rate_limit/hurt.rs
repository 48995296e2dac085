//! A server that is away, takes no writes, has no memory or has forgotten its scripts.

use cache_runtime::entry::Token;
use cache_runtime::{
    Algorithm, Decision, ErrorKind, OnError, Quota, RateLimit, RateLimits, Seat, Seats,
};
use tests::{RedisServer, eventually};

use crate::tools::{MINUTE, key, limit, manager, patient, raw, tell};

/// One that admits nothing by accident, and one that was told to admit.
fn both(url: &str) -> [(RateLimit, OnError); 2] {
    let quota = Quota::new(Algorithm::TokenBucket, 3, MINUTE).unwrap();
    [OnError::Deny, OnError::Allow]
        .map(|on_error| (limit(&manager(url), quota, on_error), on_error))
}

fn chosen(decision: &Decision, on_error: OnError) {
    assert!(decision.by_failure, "{decision:?}");
    assert_eq!(decision.admitted, on_error == OnError::Allow, "{decision:?}");
}

#[tokio::test]
async fn a_server_that_is_away_decides_as_was_chosen_and_counts_on_when_it_is_back() {
    let mut server = RedisServer::options().durable().start();
    let limits = both(&server.url());
    for (limit, _) in &limits {
        limit.check(limit.name()).await.unwrap();
    }
    server.kill();
    for (limit, on_error) in &limits {
        chosen(&limit.check("k").await.unwrap(), *on_error);
    }
    server.restart();
    for (limit, _) in &limits {
        let decided = || async { !limit.check("other").await.unwrap().by_failure };
        eventually("the server decides again", decided).await;
        let decision = limit.peek(limit.name()).await.unwrap();
        assert_eq!(decision.remaining, 1, "what both had counted: {decision:?}");
    }
}

#[tokio::test]
async fn a_server_that_takes_no_writes_decides_nothing() {
    let server = RedisServer::options().set("min-replicas-to-write", &["1"]).start();
    for (limit, on_error) in both(&server.url()) {
        chosen(&limit.check("k").await.unwrap(), on_error);
        assert_eq!(limit.stats().by_failure, 1);
    }
    let primary = RedisServer::start();
    let replica = RedisServer::options().replica_of(&primary).start();
    for (limit, on_error) in both(&replica.url()) {
        chosen(&limit.check("k").await.unwrap(), on_error);
    }
}

#[tokio::test]
async fn a_server_without_memory_decides_nothing() {
    let server = RedisServer::start();
    let limits = both(&server.url());
    let _: () = tell(&server, "CONFIG SET maxmemory 1").await;
    for (limit, on_error) in limits {
        chosen(&limit.check("k").await.unwrap(), on_error);
    }
}

#[tokio::test]
async fn another_data_type_at_a_limits_key_is_a_failure_and_stays() {
    let server = RedisServer::start();
    let mut connection = raw(&server.url()).await;
    for algorithm in crate::tools::ALGORITHMS {
        let quota = Quota::new(algorithm, 3, MINUTE).unwrap();
        let limit = limit(&manager(&server.url()), quota, OnError::Deny);
        limit.check("k").await.unwrap();
        let keys: Vec<String> = tell(&server, "KEYS *").await;
        for (made, words) in [("list", "RPUSH"), ("zset", "ZADD"), ("string", "SET")] {
            let () = redis::cmd("DEL").arg(&keys[0]).query_async(&mut connection).await.unwrap();
            let mut command = redis::cmd(words);
            command.arg(&keys[0]);
            if words == "ZADD" {
                command.arg(1);
            }
            let () = command.arg("x").query_async(&mut connection).await.unwrap();
            chosen(&limit.check("k").await.unwrap(), OnError::Deny);
            let stands: String =
                redis::cmd("TYPE").arg(&keys[0]).query_async(&mut connection).await.unwrap();
            assert_eq!(stands, made, "{algorithm}");
        }
        let _: () = tell(&server, "FLUSHALL").await;
    }
}

#[tokio::test]
async fn what_holds_no_seats_is_a_failure_and_stays() {
    let server = RedisServer::start();
    let cache = patient(&server.url());
    let seats = Seats::new(2, MINUTE).unwrap();
    let seat = Seat { key: key("seats", Algorithm::Gcra), seats, holder: Token::new() };
    let all = ["x", "a longer member than any token"];
    // Long over, and over in a thousand years.
    for score in ["1", "33000000000000000"] {
        for member in all {
            let mut connection = raw(&server.url()).await;
            let () = redis::cmd("ZADD")
                .arg(seat.key.as_str())
                .arg(score)
                .arg(member)
                .query_async(&mut connection)
                .await
                .unwrap();
            for failed in [
                cache.take_seat(&seat).await.map(drop),
                cache.peek_seats(&seat).await.map(drop),
                cache.leave_seat(&seat).await.map(drop),
            ] {
                let kind = failed.map_err(|error| error.kind());
                assert_eq!(kind, Err(ErrorKind::WrongType), "{member} at {score}");
            }
            let left: u64 = tell(&server, &format!("ZCARD {}", seat.key)).await;
            assert_eq!(left, 1, "it was left alone");
            let life: i64 = tell(&server, &format!("PTTL {}", seat.key)).await;
            assert_eq!(life, -1, "for as long as it lives");
            let _: () = tell(&server, "FLUSHALL").await;
        }
    }
    assert!(cache.take_seat(&seat).await.unwrap().admitted);
}

#[tokio::test]
async fn a_server_that_has_forgotten_its_scripts_is_told_them_again() {
    let server = RedisServer::start();
    let [(limit, _), _] = both(&server.url());
    for left in [2, 1, 0] {
        let _: () = tell(&server, "SCRIPT FLUSH").await;
        let decision = limit.check("k").await.unwrap();
        assert_eq!((decision.admitted, decision.remaining), (true, left), "it counts once");
    }
    assert!(!limit.check("k").await.unwrap().admitted);
}

#[tokio::test]
async fn a_user_who_may_not_is_told_so_in_the_log_and_not_by_an_error() {
    let server = RedisServer::start();
    let _: () = tell(&server, "ACL SETUSER app reset on >secret ~shop:* +@all").await;
    for (limit, on_error) in both(&format!("redis://app:secret@{}", server.address())) {
        chosen(&limit.check("k").await.unwrap(), on_error);
        assert_eq!(limit.check("").await.unwrap_err().kind(), ErrorKind::Config);
    }
}
