//! From the outbox to the cache.

use std::time::Duration;

use cache_runtime::{ErrorKind, Step};
use tests::{eventually, in_time};

use super::world::World;

#[tokio::test]
async fn what_waits_in_the_outbox_is_removed_from_the_cache() {
    let world = World::new().await;
    let relay = world.ready_relay().await;
    world.cached(1).await;
    world.cached(2).await;
    world.post(&[world.row(1)]).await;
    world.caught_up(&relay).await;
    assert!(!world.is_cached(1).await, "it was delivered before its row was deleted");
    assert!(world.is_cached(2).await, "nothing else is removed");
    eventually("it is counted", || async { relay.stats().rows == 1 }).await;
    let stats = relay.stats();
    assert_eq!((stats.keys, stats.failures, stats.failing), (1, 0, None));
    assert!(stats.lag.max > Duration::ZERO && stats.lag.max < Duration::from_secs(5), "{stats:?}");
    assert_eq!(relay.backlog().await.unwrap().rows, 0);
    relay.stop().await;
}

#[tokio::test]
async fn a_manager_has_one_relay_at_a_time() {
    let world = World::new().await;
    let relay = world.relay();
    let error = world.cities.cache.relay(world.pool()).spawn().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    in_time("the end of the relay", relay.stop()).await;
    drop(world.relay());
    // The one that was dropped ends by itself.
    eventually("there is room for another", || async {
        world.cities.cache.relay(world.pool()).spawn().is_ok()
    })
    .await;
}

/// Hazard 4: the row with the lower number commits after the one with the higher number was delivered.
#[tokio::test]
async fn a_row_that_commits_late_is_not_passed_by() {
    let world = World::new().await;
    let relay = world.ready_relay().await;
    world.cached(1).await;
    world.cached(2).await;
    let insert =
        "INSERT INTO cache_runtime.outbox (namespace, keys) VALUES ($1, ARRAY[$2]) RETURNING id";
    let mut late = world.pool().begin().await.unwrap();
    let low: i64 = sqlx::query_scalar(insert)
        .bind(world.fixture.namespace())
        .bind(world.row(1).as_str())
        .fetch_one(&mut *late)
        .await
        .unwrap();
    let high: i64 = sqlx::query_scalar(insert)
        .bind(world.fixture.namespace())
        .bind(world.row(2).as_str())
        .fetch_one(world.pool())
        .await
        .unwrap();
    assert!(low < high);
    eventually("the later row is delivered", || async { relay.stats().rows == 1 }).await;
    assert!(world.is_cached(1).await && !world.is_cached(2).await);
    late.commit().await.unwrap();
    eventually("the earlier row is delivered", || async { relay.stats().rows == 2 }).await;
    assert!(!world.is_cached(1).await);
}

#[tokio::test]
async fn a_relay_that_is_held_up_holds_up_no_other() {
    let world = World::new().await;
    let slow = world.ready_relay().await;
    world.cached(1).await;
    world.cached(2).await;
    let gate = world.stepper.park(Step::Deliver, &world.row(1));
    world.post(&[world.row(1)]).await;
    gate.arrived().await;

    let other = world.elsewhere();
    let quick = other.cache.relay(world.pool()).spawn().unwrap();
    world.post(&[world.row(2)]).await;
    eventually("the other relay delivers", || async { quick.stats().rows == 1 }).await;
    assert!(!world.is_cached(2).await);
    assert!(world.is_cached(1).await, "the first row is still the first relay's");
    gate.open();
    eventually("the first one delivers, too", || async { slow.stats().rows == 1 }).await;
    assert!(!world.is_cached(1).await);
    assert_eq!(quick.stats().rows, 1, "each row was delivered once");
}

#[tokio::test]
async fn a_relay_that_dies_in_the_middle_of_a_delivery_leaves_its_rows_to_the_next() {
    let world = World::new().await;
    let relay = world.ready_relay().await;
    world.cached(1).await;
    let gate = world.stepper.park(Step::Deliver, &world.row(1));
    world.post(&[world.row(1)]).await;
    gate.arrived().await;
    // The rows were delivered as far as anybody can see: the delete is there, and not committed.
    assert_eq!(world.cut_off_relays().await, 1);
    assert_eq!(world.waiting().await.rows, 1);
    gate.open();
    eventually("it is delivered after all", || async { relay.stats().rows == 1 }).await;
    assert!(relay.stats().failures > 0);
    assert!(!world.is_cached(1).await);
    assert_eq!(world.waiting().await.rows, 0);
}

#[tokio::test]
async fn a_relay_and_a_write_share_a_pool_of_one_connection() {
    let world = World::new().await;
    let pool = world.fixture.database().connect(1).await;
    let relay = world.cities.cache.relay(&pool).spawn().unwrap();
    let cities = super::world::Cities { db: pool.clone(), cache: world.cities.cache.clone() };
    for population in 0..20 {
        let row = super::world::city(1, "paris", "FR", population);
        in_time("the write", cities.update(&row)).await.unwrap();
        world.post(&[world.row(2)]).await;
    }
    world.caught_up(&relay).await;
    assert_eq!(relay.stats().failures, 0, "{:?}", relay.stats());
}

/// Where every statement is serializable by default, the relay's are not.
#[tokio::test]
async fn a_relay_works_whatever_the_default_isolation_is() {
    let world = World::new().await;
    for level in ["serializable", "repeatable read"] {
        let options = (*world.pool().connect_options()).clone();
        let options = options.options([("default_transaction_isolation", level)]);
        let pool = sqlx::PgPool::connect_with(options).await.unwrap();
        let relay = world.cities.cache.relay(&pool).spawn().unwrap();
        world.cached(1).await;
        world.post(&[world.row(1)]).await;
        eventually("it is delivered", || async { relay.stats().rows == 1 }).await;
        assert!(!world.is_cached(1).await);
        assert_eq!(relay.stats().failures, 0);
        relay.stop().await;
    }
}
