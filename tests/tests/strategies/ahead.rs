//! Refresh ahead.

use cache_runtime::{Step, Ttl};
use tests::in_time;

use crate::world::{World, city};

/// So large that every reader is chosen.
const ALWAYS: f64 = 1e12;

async fn population(world: &World) -> i64 {
    in_time("an answer", world.here.get(1)).await.unwrap().unwrap().population
}

#[tokio::test]
async fn a_value_is_renewed_ahead_of_its_ttl_behind_the_reader_that_is_chosen() {
    let world = World::with(|builder| builder.refresh_ahead(ALWAYS)).await;
    world.cached(1).await;
    world.sql("UPDATE cities SET population = 7 WHERE id = 1").await;
    let load = world.stepper.park(Step::Load, &world.row(1));
    assert_eq!(population(&world).await, 2100);
    load.arrived().await;
    assert_eq!(population(&world).await, 2100, "one is enough");
    load.open();
    world.here.cache.drain().await;
    assert_eq!(world.here.stats().renewals, 1);
    assert_eq!(population(&world).await, 7);
}

#[tokio::test]
async fn far_from_its_ttl_nobody_is_chosen() {
    let world = World::with(|builder| builder.refresh_ahead(1.0)).await;
    world.cached(1).await;
    for _ in 0..200 {
        assert_eq!(population(&world).await, 2100);
    }
    world.here.cache.drain().await;
    let stats = world.here.stats();
    assert_eq!((stats.loads, stats.renewals), (1, 0));
}

#[tokio::test]
async fn a_renewal_ahead_that_a_writer_overtook_is_refused() {
    let world = World::with(|builder| builder.refresh_ahead(ALWAYS)).await;
    world.cached(1).await;
    let fill = world.stepper.park(Step::Fill, &world.row(1));
    assert_eq!(population(&world).await, 2100);
    fill.arrived().await;
    world.elsewhere.update(&city(1, "paris", "FR", 7)).await.unwrap();
    fill.open();
    world.here.cache.drain().await;
    assert_eq!(world.here.stats().refused_renewals, 1);
    assert_eq!(population(&world).await, 7);
}

/// Refresh ahead alone serves nothing past the TTL.
#[tokio::test]
async fn a_value_past_its_ttl_is_gone() {
    let world = World::with(|builder| builder.refresh_ahead(1.0)).await;
    world.cached(1).await;
    world.sql("UPDATE cities SET population = 7 WHERE id = 1").await;
    world.expire(&world.row(1)).await;
    assert_eq!(population(&world).await, 7);
}

/// One that never expires is never renewed.
#[tokio::test]
async fn what_lives_for_ever_is_left_alone() {
    let world = World::with(|builder| builder.refresh_ahead(ALWAYS)).await;
    world.cached(1).await;
    world.here.cache.backend().expire(&world.row(1), Ttl::Forever).await.unwrap();
    for _ in 0..10 {
        assert_eq!(population(&world).await, 2100);
    }
    world.here.cache.drain().await;
    assert_eq!(world.here.stats().renewals, 0);
}
