//! How things stand at a moment.

use std::time::Duration;

use cache_runtime::{Error, ErrorKind, Level, Step};
use tests::{RedisServer, eventually};

use super::watched::Watched;
use super::world::World;

#[tokio::test]
async fn loads_that_run_wait_and_are_shed_are_told_apart() {
    let world = World::with(|builder| builder.max_loads(1, 1)).await;
    let watched = Watched::of(&world.here.cache);
    let now = |watched: &Watched| {
        ["running", "waiting"].map(|what| watched.gauge(&format!("cache_loads_{what}")).unwrap())
    };
    assert_eq!(now(&watched), [0.0, 0.0]);
    let load = world.stepper.park(Step::Load, &world.row(1));
    let get = |id| {
        let here = world.here.clone();
        tokio::spawn(async move { here.get(id).await })
    };
    let first = get(1);
    load.arrived().await;
    assert_eq!(now(&watched), [1.0, 0.0]);
    let second = get(2);
    eventually("the second load waits", || async { now(&watched) == [1.0, 1.0] }).await;
    watched.moved();
    let refused = world.here.get(3).await.unwrap_err();
    assert_eq!(Error::of(&refused).unwrap().kind(), ErrorKind::Overloaded);
    assert_eq!(watched.moved(), ["misses{get,backend} 1", "shed_loads{get} 1"]);
    load.open();
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    assert_eq!(now(&watched), [0.0, 0.0]);
}

#[tokio::test]
async fn the_breaker_is_seen_to_open_and_to_close() {
    let mut server = RedisServer::start();
    let world = World::with(|builder| builder.redis(&server.url())).await;
    let watched = Watched::of(&world.here.cache);
    world.cached(1).await;
    assert_eq!(watched.gauge("cache_breaker_state"), Some(0.0));
    watched.moved();
    server.kill();
    eventually("the breaker opens", || async {
        world.here.get(1).await.unwrap();
        watched.gauge("cache_breaker_state") > Some(0.0)
    })
    .await;
    let moved = watched.moved();
    assert!(moved.iter().any(|line| line.starts_with("errors{get}")), "{moved:?}");
    server.restart();
    eventually("the breaker closes", || async {
        world.here.get(1).await.unwrap();
        watched.gauge("cache_breaker_state") == Some(0.0)
    })
    .await;
}

#[tokio::test]
async fn what_the_backend_says_of_itself_is_passed_on() {
    let mut server = RedisServer::start();
    let world = World::with(|builder| builder.redis(&server.url())).await;
    let watched = Watched::of(&world.here.cache);
    world.cached(1).await;
    watched.publish_all().await;
    let gauge = |what: &str| watched.recorder.gauge(&format!("cache_backend_{what}")).unwrap();
    // The row and its table's tag, or the row alone: it has no tags of its own.
    assert!(gauge("keys") >= 1.0);
    assert!(gauge("memory_bytes") > 10_000.0);
    assert!(gauge("memory_limit_bytes") > 0.0 || gauge("memory_limit_bytes").is_nan());
    assert_eq!(gauge("evicted_keys"), 0.0);
    watched.moved();
    server.kill();
    eventually("nothing answers", || async { world.here.cache.ping().await.is_err() }).await;
    watched.publish_all().await;
    assert!(gauge("keys").is_nan(), "an old number would pass for a new one");
    server.restart();
    eventually("it is back", || async { world.here.cache.ping().await.is_ok() }).await;
    let moved = watched.moved();
    assert!(moved.contains(&"reconnects 1".to_owned()), "{moved:?}");
}

#[tokio::test]
async fn a_stream_that_is_followed_proves_itself_and_tells_its_lag() {
    let minute = Level::Bounded(Duration::from_secs(60));
    let world = World::with(|builder| builder.level(minute)).await;
    let watched = Watched::of(&world.here.cache);
    assert!(watched.gauge("cache_tier_proof_age_seconds").unwrap().is_nan());
    assert!(watched.values("cache_invalidation_lag_seconds").is_empty());
    eventually("beats come back", || async {
        world.here.get(1).await.unwrap();
        watched.values("cache_invalidation_lag_seconds").len() > 1
    })
    .await;
    let lags = watched.values("cache_invalidation_lag_seconds");
    assert!(lags.iter().all(|lag| (0.0..10.0).contains(lag)), "{lags:?}");
    let age = watched.gauge("cache_tier_proof_age_seconds").unwrap();
    assert!((0.0..10.0).contains(&age), "{age}");
}

#[tokio::test]
async fn a_manager_without_a_tier_or_a_breaker_tells_of_none() {
    let world = World::with(|builder| builder.memory().tier(0, 0)).await;
    let watched = Watched::of(&world.here.cache);
    assert_eq!(watched.gauge("cache_breaker_state"), None);
    assert_eq!(watched.gauge("cache_tier_entries"), None);
    assert_eq!(watched.gauge("cache_believed"), Some(1.0));
}
