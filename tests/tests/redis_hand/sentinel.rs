//! Sentinels: the primary is where they say, also after a failover.

use bytes::Bytes;
use cache_runtime::backend::RedisCache;
use cache_runtime::{Cache, CoherentCache, Ttl};
use tests::{RedisOptions, RedisServer, eventually};

use super::tools::{MINUTE, key, shop, tell};

const VALUE: Bytes = Bytes::from_static(b"v");

/// The first of them does not answer at all.
fn by(sentinel: &RedisServer, service: &str) -> RedisCache {
    let url = format!("redis+sentinel://127.0.0.1:1,{}/{service}", sentinel.address());
    RedisCache::builder(&url).operation_timeout(MINUTE).hang_after(MINUTE).build().unwrap()
}

#[tokio::test]
async fn a_failover_is_followed_and_is_another_era() {
    let mut first = RedisServer::start();
    let second = RedisOptions::default().replica_of(&first).start();
    let sentinel = RedisOptions::default().sentinel_of(&first).start();
    let cache = by(&sentinel, "main");
    cache.set(&key("a"), VALUE, Ttl::Forever).await.unwrap();
    let (era, session) = (cache.era(), cache.session());
    eventually("the Sentinel knows the replica, which has everything", || async {
        let replicas: Vec<redis::Value> = tell(&sentinel, "SENTINEL REPLICAS main").await;
        let copied: Option<String> = tell(&second, &format!("GET {}", key("a").as_str())).await;
        !replicas.is_empty() && copied.is_some()
    })
    .await;

    first.kill();
    eventually("the second is the primary", || async {
        cache.set(&key("b"), VALUE, Ttl::Forever).await.is_ok()
    })
    .await;
    let there: Option<String> = tell(&second, &format!("GET {}", key("b").as_str())).await;
    assert_eq!(there.as_deref(), Some("v"));
    assert_ne!(cache.era(), era, "what the first had last is not known to the second");
    assert_ne!(cache.session(), session);
    let mut heard = cache.invalidations(&shop()).await.unwrap();
    heard.beat(7).await.unwrap();
}

#[tokio::test]
async fn a_service_that_no_sentinel_knows_is_named() {
    let primary = RedisServer::start();
    let sentinel = RedisOptions::default().sentinel_of(&primary).start();
    let error = by(&sentinel, "mian").ping().await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("mian"), "{error}: {cause}");
    assert!(error.to_string().contains("mian by the Sentinels at 127.0.0.1:1,"), "{error}");
}
