//! Health: bypassed while the server is away, and back by itself.

use std::time::Duration;

use cache_runtime::{BreakerState, CacheManager, ErrorKind};
use tests::{RedisServer, eventually, in_time};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_goes_away_is_bypassed_and_used_again_when_it_is_back() {
    let mut server = RedisServer::start();
    let cache = CacheManager::builder("health").redis(&server.url()).build().unwrap();
    let up = cache.health().await;
    assert!(up.is_up(), "{up}");
    assert!(up.ping.unwrap() > Duration::ZERO);
    assert_eq!((up.state, up.last_error), (BreakerState::Closed, None));

    server.kill();
    eventually("it is bypassed", || async {
        let health = cache.health().await;
        !health.is_up() && health.state != BreakerState::Closed
    })
    .await;
    let away = in_time("while it is bypassed nobody waits", cache.health()).await;
    assert_eq!(away.last_error, Some(ErrorKind::Unreachable), "{away}");
    assert!(away.ping.is_err() && away.since > up.since, "{away:?}");
    assert!(away.to_string().starts_with("the cache is bypassed for "), "{away}");

    server.restart();
    eventually("it is used again", || async { cache.health().await.is_up() }).await;
    let back = cache.health().await;
    assert!(back.since > away.since && back.last_error == Some(ErrorKind::Unreachable), "{back:?}");
}

#[tokio::test]
async fn a_cache_that_was_closed_is_not_up() {
    let cache = CacheManager::builder("health").memory().build().unwrap();
    assert!(cache.health().await.is_up());
    cache.close().await.unwrap();
    let health = cache.health().await;
    assert!(!health.is_up());
    assert_eq!(health.ping, Err(ErrorKind::Closed));
}
