//! A Redis that goes away.

use std::collections::HashMap;
use std::time::Duration;

use cache_runtime::{CacheManager, Cached, ErrorKind, Level, OnUnreachable};
use tests::{RedisServer, eventually, in_time};

use crate::world::HOUR;

fn manager(server: &RedisServer) -> CacheManager {
    CacheManager::builder("shop")
        .redis(&server.url())
        .level(Level::Strong)
        .on_unreachable(OnUnreachable::Reject)
        .hang_after(Duration::from_millis(250))
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_redis_that_is_gone_fails_no_load_and_says_so_to_everything_else() {
    let mut server = RedisServer::start();
    let cache = manager(&server);
    cache.set("k", &1_u64, HOUR).await.unwrap();
    server.kill();
    let load = || async { Ok::<_, String>(7_u64) };
    assert_eq!(in_time("an answer", cache.remember("k", HOUR, load)).await, Ok(7));
    let failing = || async { Err::<u64, _>("the database is away, too".to_owned()) };
    let failure = in_time("a failure", cache.remember("k", HOUR, failing)).await.unwrap_err();
    assert_eq!(failure, "the database is away, too");
    assert_eq!(cache.get_or_set("k", HOUR, 7_u64).await, 7);
    let batch =
        cache.get_many_or_load(["k"], |_| async { Ok::<_, String>(HashMap::from([("k", 7_u64)])) });
    assert_eq!(batch.await.unwrap()["k"], 7);
    let kinds = [
        cache.get::<u64>("k").await.map(drop),
        cache.set("k", &2_u64, HOUR).await.map(drop),
        cache.set_nothing::<u64>("k").await.map(drop),
        cache.pull::<u64>("k").await.map(drop),
        cache.forget("k").await,
        cache.flush().await.map(drop),
    ]
    .map(|outcome| outcome.unwrap_err().kind());
    assert!(kinds.iter().all(|kind| *kind == ErrorKind::Unreachable), "{kinds:?}");
    let held = cache.hold(["k"]).await.unwrap_err();
    assert_eq!(held.kind(), ErrorKind::HoldNotPlaced);

    server.restart_empty();
    eventually("Redis is reached again", || async { cache.ping().await.is_ok() }).await;
    // The release of the hold that was refused is repeated, and takes away what is being set at that moment.
    eventually("the item is set", || async { cache.set("k", &3_u64, HOUR).await.unwrap() }).await;
    assert_eq!(cache.get::<u64>("k").await.unwrap().value(), Some(3));
}

/// The data is what it was, but nobody knows what happened to the database meanwhile.
#[tokio::test]
async fn what_a_restarted_redis_brings_back_is_a_miss() {
    let mut server = RedisServer::options().durable().start();
    let cache = manager(&server);
    cache.set("k", &1_u64, HOUR).await.unwrap();
    cache.set("code", &2_u64, HOUR).await.unwrap();
    server.restart();
    eventually("Redis is reached again", || async { cache.ping().await.is_ok() }).await;
    assert_eq!(cache.get::<u64>("k").await.unwrap(), Cached::Miss);
    assert_eq!(cache.pull::<u64>("code").await.unwrap(), None);
    assert_eq!(cache.get_or_set("k", HOUR, 7_u64).await, 7);
    cache.drain().await;
    assert_eq!(cache.get::<u64>("k").await.unwrap().value(), Some(7));
}

/// Another program has put a list there.
#[tokio::test]
async fn a_value_of_another_data_type_fails_no_load_and_is_not_ours_to_remove() {
    let server = RedisServer::start();
    let cache = manager(&server);
    let key = cache.item_key("k").finish().unwrap();
    let client = redis::Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let push = redis::cmd("RPUSH").arg(key.as_str()).arg("x").to_owned();
    let _: i64 = push.query_async(&mut connection).await.unwrap();
    assert_eq!(cache.get_or_set("k", HOUR, 7_u64).await, 7);
    let kinds =
        [cache.get::<u64>("k").await.map(drop), cache.set("k", &2_u64, HOUR).await.map(drop)]
            .map(|outcome| outcome.unwrap_err().kind());
    assert_eq!(kinds, [ErrorKind::WrongType; 2]);
    assert_eq!(cache.pull::<u64>("k").await.unwrap(), None);
    cache.forget("k").await.unwrap();
    let left: i64 =
        redis::cmd("LLEN").arg(key.as_str()).query_async(&mut connection).await.unwrap();
    assert_eq!(left, 1);
}
