//! What a relay moves.

use cache_runtime::{Step, migrate};
use tests::eventually;

use super::watched::Watched;
use super::world::World;

async fn post(world: &World) {
    sqlx::query("INSERT INTO cache_runtime.outbox (namespace, keys) VALUES ($1, $2)")
        .bind(world.fixture.namespace())
        .bind(vec![world.row(1).as_str().to_owned()])
        .execute(world.fixture.pool())
        .await
        .unwrap();
}

#[tokio::test]
async fn what_waits_in_the_outbox_and_what_is_delivered_is_seen() {
    let world = World::new().await;
    migrate(world.fixture.pool()).await.unwrap();
    let watched = Watched::of(&world.here.cache);
    watched.publish_all().await;
    assert_eq!(watched.recorder.gauge("cache_outbox_rows"), None, "without a relay nobody asks");

    let relay = world.here.cache.relay(world.fixture.pool()).spawn().unwrap();
    eventually("the outbox is drained", || async { watched.gauge("cache_believed") == Some(1.0) })
        .await;
    watched.moved();
    let deliver = world.stepper.park(Step::Deliver, &world.row(1));
    post(&world).await;
    deliver.arrived().await;
    watched.publish_all().await;
    assert_eq!(watched.recorder.gauge("cache_outbox_rows"), Some(1.0));
    let oldest = watched.recorder.gauge("cache_outbox_oldest_seconds").unwrap();
    assert!((0.0..60.0).contains(&oldest), "{oldest}");
    assert_eq!(watched.moved(), [""; 0]);
    assert!(watched.values("cache_relay_lag_seconds").is_empty());

    deliver.open();
    eventually("the row is delivered", || async { relay.stats().rows == 1 }).await;
    watched.publish_all().await;
    assert_eq!(watched.recorder.gauge("cache_outbox_rows"), Some(0.0));
    assert_eq!(watched.moved(), ["relay_rows 1"]);
    assert_eq!(watched.values("cache_relay_lag_seconds").len(), 1);

    relay.stop().await;
    let relay = world.here.cache.relay(world.fixture.pool()).spawn().unwrap();
    post(&world).await;
    eventually("another relay delivers", || async { relay.stats().rows == 1 }).await;
    assert_eq!(watched.moved(), ["relay_rows 1"], "a second relay's count begins anew");
    assert_eq!(watched.values("cache_relay_lag_seconds").len(), 2);
}

#[tokio::test]
async fn an_outbox_that_cannot_be_asked_is_no_number() {
    let world = World::new().await;
    migrate(world.fixture.pool()).await.unwrap();
    let watched = Watched::of(&world.here.cache);
    let relay = world.here.cache.relay(world.fixture.pool()).spawn().unwrap();
    world.sql("DROP SCHEMA cache_runtime CASCADE").await;
    watched.publish_all().await;
    assert!(watched.recorder.gauge("cache_outbox_rows").unwrap().is_nan());
    assert!(watched.recorder.gauge("cache_outbox_oldest_seconds").unwrap().is_nan());
    eventually("the relay's rounds fail", || async { relay.stats().failures > 0 }).await;
    let moved = watched.moved();
    assert!(moved.iter().any(|line| line.starts_with("relay_failures ")), "{moved:?}");
}
