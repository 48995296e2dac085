use std::time::Duration;

use bytes::Bytes;
use cache_runtime::backend::RedisCache;
use cache_runtime::{BackendStats, BreakerState, Cache, ConnectionHealth, ErrorKind, Ttl, Watched};
use tests::{RedisServer, eventually};

use super::tools::{key, patient, tell};

async fn stats(cache: &RedisCache) -> BackendStats {
    cache.backend_stats().await.unwrap()
}

fn connection(stats: &BackendStats) -> &ConnectionHealth {
    stats.connection.as_ref().unwrap()
}

#[tokio::test]
async fn the_figures_are_those_of_the_database_and_the_server() {
    let server = RedisServer::options()
        .max_memory(8 << 20)
        .set("maxmemory-policy", &["allkeys-lru"])
        .start();
    let cache = patient(&format!("{}/3", server.url()));
    let other = patient(&server.url());
    for number in 0..7 {
        cache.set(&key(&number.to_string()), Bytes::from_static(b"v"), Ttl::Forever).await.unwrap();
    }
    other.set(&key("elsewhere"), Bytes::from_static(b"v"), Ttl::Forever).await.unwrap();
    let before = stats(&cache).await;
    assert_eq!((before.keys, stats(&other).await.keys), (Some(7), Some(1)), "of its own database");
    assert_eq!((before.sets, stats(&other).await.sets), (7, 1), "each counts its own");
    assert_eq!(before.memory_limit_bytes, Some(8 << 20));
    assert!(before.memory_bytes.is_some_and(|bytes| bytes > 100_000), "{before:?}");
    assert_eq!((before.evictions, before.expiries), (Some(0), Some(0)));
    assert!(connection(&before).round_trip.is_some_and(|time| time < Duration::from_secs(5)));

    cache.expire(&key("0"), Ttl::After(Duration::from_millis(1))).await.unwrap();
    eventually("it has expired", || async { !cache.exists(&key("0")).await.unwrap() }).await;
    let large = Bytes::from(vec![7; 100_000]);
    for number in 0..120 {
        cache.set(&key(&format!("large {number}")), large.clone(), Ttl::Forever).await.unwrap();
    }
    let after = stats(&cache).await;
    assert_eq!(after.expiries, Some(1));
    assert!(after.evictions.is_some_and(|evicted| evicted > 10), "{after:?}");
}

#[tokio::test]
async fn a_server_that_is_away_is_part_of_the_answer() {
    let mut server = RedisServer::start();
    let cache = RedisCache::open(&server.url()).unwrap();
    cache.get(&key("k")).await.unwrap();
    let up = stats(&cache).await;
    assert!(connection(&up).connected && connection(&up).breaker == BreakerState::Closed, "{up:?}");
    assert_eq!((connection(&up).reconnects, up.misses, up.errors), (0, 1, 0));
    assert!(connection(&up).last_error.is_none());

    server.kill();
    eventually("it is found to be away", || async { cache.get(&key("k")).await.is_err() }).await;
    eventually("the breaker is open", || async {
        connection(&stats(&cache).await).breaker != BreakerState::Closed
    })
    .await;
    let down = stats(&cache).await;
    assert!(!connection(&down).connected, "{down:?}");
    assert_eq!((connection(&down).round_trip, down.keys, down.memory_bytes), (None, None, None));
    assert!(down.errors >= 1 && down.misses == 1, "{down:?}");
    assert!(connection(&down).last_error.is_some());

    server.restart();
    eventually("it is back", || async { cache.get(&key("k")).await.is_ok() }).await;
    let back = stats(&cache).await;
    assert!(connection(&back).connected && connection(&back).reconnects >= 1, "{back:?}");
    assert_eq!(back.keys, Some(0));
    cache.close().await.unwrap();
    let closed = cache.backend_stats().await.unwrap_err();
    assert_eq!(closed.kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn who_may_not_ask_hears_nothing_made_up() {
    let server = RedisServer::start();
    let _: () = tell(&server, "ACL SETUSER app reset on >secret ~shop:* +@all -info").await;
    let cache = patient(&format!("redis://app:secret@{}", server.address()));
    cache.set(&key("k"), Bytes::from_static(b"v"), Ttl::Forever).await.unwrap();
    let stats = stats(&cache).await;
    assert_eq!((stats.keys, stats.memory_bytes, stats.expiries), (None, None, None), "{stats:?}");
    assert!(connection(&stats).round_trip.is_some(), "it answers all the same");
    assert_eq!((stats.sets, stats.errors), (1, 0), "the question counts nowhere");
}
