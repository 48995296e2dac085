//! A database that has gone back in time, or is another one.

use cache_runtime::Step;
use tests::eventually;

use super::world::World;

/// Hazard 30: a failover has lost commits that were cached.
#[tokio::test]
async fn another_timeline_empties_the_namespace_before_a_hit_is_believed() {
    for change in [
        "UPDATE cache_runtime.state SET timeline = timeline - 1",
        "UPDATE cache_runtime.state SET system_identifier = 42",
        "UPDATE cache_runtime.state SET database = 42",
        "DELETE FROM cache_runtime.state",
    ] {
        let world = World::new().await;
        let relay = world.ready_relay().await;
        assert_eq!(relay.stats().emptied, 1, "nothing was known of the cache before");
        world.cached(1).await;
        world.cached(2).await;
        let other = world.elsewhere();
        let foreign = other.cache.key().text("mine").finish().unwrap();
        let kept =
            cache_runtime::Namespace::new("another").unwrap().key().text("x").finish().unwrap();
        for key in [&foreign, &kept] {
            let value = bytes::Bytes::from_static(b"v");
            let ttl = std::time::Duration::from_secs(60).into();
            other.cache.backend().set(key, value, ttl).await.unwrap();
        }
        world.sql(change).await;
        eventually("the namespace is emptied", || async { relay.stats().emptied == 2 }).await;
        assert!(!world.is_cached(1).await && !world.is_cached(2).await);
        let backend = other.cache.backend();
        assert!(!backend.exists(&foreign).await.unwrap());
        assert!(backend.exists(&kept).await.unwrap(), "another namespace is left alone");
        world.cached(1).await;
        assert_eq!(relay.stats().emptied, 2, "it is noted");
    }
}

/// Also what other processes have put there since is not believed until the outbox has been drained.
#[tokio::test]
async fn a_failover_closes_the_cache_until_the_outbox_is_drained() {
    let world = World::new().await;
    let relay = world.ready_relay().await;
    let first = world.stepper.park(Step::Deliver, &world.row(1));
    world.post(&[world.row(1)]).await;
    first.arrived().await;
    // Its connection breaks, and the server that it finds is on another timeline.
    let second = world.stepper.park(Step::Deliver, &world.row(2));
    world.post(&[world.row(2)]).await;
    world.sql("UPDATE cache_runtime.state SET timeline = 77").await;
    assert_eq!(world.cut_off_relays().await, 1);
    first.open();
    second.arrived().await;
    assert_eq!(relay.stats().emptied, 2);
    world.cached(3).await;
    let before = world.cities.stats();
    world.cities.get(3).await.unwrap();
    world.cities.get(1).await.unwrap();
    let since = world.cities.stats() - before;
    assert_eq!((since.hits, since.tier_hits, since.fills, since.loads), (0, 0, 0, 2), "{since:?}");
    second.open();
    eventually("the process hits again", || async {
        let before = world.cities.stats();
        world.cities.get(3).await.unwrap();
        let since = world.cities.stats() - before;
        since.hits + since.tier_hits > 0
    })
    .await;
}
