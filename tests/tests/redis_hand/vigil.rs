//! The vigil over a connection whose server turns into another one without closing it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use cache_runtime::{Cache, CoherentCache, ErrorKind, Ttl};
use tests::{Proxy, RedisServer, eventually, eventually_some};

use super::tools::{key, later, patient, tell};

const SECOND: Duration = Duration::from_secs(1);

async fn questions(server: &RedisServer) -> u64 {
    let info: String = tell(server, "INFO commandstats").await;
    let calls = info.lines().find_map(|line| line.strip_prefix("cmdstat_role:calls="));
    calls.and_then(|calls| calls.split(',').next()?.parse().ok()).unwrap_or(0)
}

#[tokio::test]
async fn a_primary_that_is_demoted_under_a_busy_connection_is_left_within_about_a_second() {
    let (server, other) = (RedisServer::start(), RedisServer::start());
    let proxy = Proxy::start(server.address()).await;
    let cache = patient(&proxy.url(&server.url()));
    cache.set(&key("a"), Bytes::from_static(b"v"), Ttl::Forever).await.unwrap();
    let (era, session) = (cache.era(), cache.session());
    let demotion = Instant::now();
    let _: () = tell(&server, &format!("REPLICAOF 127.0.0.1 {}", other.port())).await;
    let refused =
        eventually_some("the replica is refused", || async { cache.get(&key("a")).await.err() })
            .await;
    let noticed = demotion.elapsed();
    println!("a demotion was noticed after {noticed:?}");
    assert_eq!(refused.kind(), ErrorKind::ReadOnly);
    assert!(noticed < 2 * SECOND, "{noticed:?}");
    let _: () = tell(&server, "REPLICAOF NO ONE").await;
    eventually("it is a primary again", || async { cache.ping().await.is_ok() }).await;
    assert_ne!(cache.era(), era, "its data has another history now");
    assert_ne!(cache.session(), session);
}

/// Nothing is asked while nobody calls; so the first call afterwards waits for the answer, and does not believe a
/// server that was demoted long ago.
#[tokio::test]
async fn after_an_idle_time_no_answer_is_taken_from_a_server_that_was_demoted() {
    let (server, other) = (RedisServer::start(), RedisServer::start());
    let cache = patient(&server.url());
    cache.set(&key("a"), Bytes::from_static(b"old"), Ttl::Forever).await.unwrap();
    let _: () = tell(&server, &format!("REPLICAOF 127.0.0.1 {}", other.port())).await;
    later(5 * SECOND).await;
    let answer = cache.get(&key("a")).await.map_err(|error| error.kind());
    assert_eq!(answer, Err(ErrorKind::ReadOnly));
}

#[tokio::test]
async fn a_server_with_another_history_is_another_era_on_the_same_socket() {
    let (server, other) = (RedisServer::start(), RedisServer::start());
    let proxy = Proxy::start(server.address()).await;
    let cache = patient(&proxy.url(&server.url()));
    cache.ping().await.unwrap();
    let (era, session) = (cache.era(), cache.session());
    // There and back again, unseen: the data is what the other one had.
    let _: () = tell(&server, &format!("REPLICAOF 127.0.0.1 {}", other.port())).await;
    let _: () = tell(&server, "REPLICAOF NO ONE").await;
    assert_eq!(proxy.open_connections(), 1, "the connection stands");
    later(5 * SECOND).await;
    cache.get(&key("a")).await.unwrap();
    assert_ne!(cache.era(), era);
    assert_ne!(cache.session(), session);
}

#[tokio::test]
async fn the_server_is_asked_once_a_second_while_it_is_used_and_not_else() {
    let server = RedisServer::start();
    let cache = patient(&server.url());
    for _ in 0..100 {
        cache.ping().await.unwrap();
    }
    assert_eq!(questions(&server).await, 1, "when the connection was opened");
    later(SECOND + SECOND / 10).await;
    for _ in 0..100 {
        cache.ping().await.unwrap();
    }
    eventually("it was asked again", || async { questions(&server).await == 2 }).await;
    later(60 * SECOND).await;
    assert_eq!(questions(&server).await, 2, "nobody called");
    for _ in 0..100 {
        cache.ping().await.unwrap();
    }
    assert_eq!(questions(&server).await, 3);
}

/// Many callers after an idle time: one asks, and all have their answer.
#[tokio::test]
async fn many_callers_after_an_idle_time_ask_once() {
    let server = RedisServer::start();
    let cache = patient(&server.url());
    cache.ping().await.unwrap();
    later(60 * SECOND).await;
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let cache = cache.clone();
        callers.spawn(async move { cache.get(&key("a")).await });
    }
    for answer in callers.join_all().await {
        assert_eq!(answer.unwrap(), None);
    }
    assert_eq!(questions(&server).await, 2);
}
