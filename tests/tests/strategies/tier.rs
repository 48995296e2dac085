//! The soft point travels with the value into the tier in the process.

use std::time::Duration;

use cache_runtime::testing::ManualClock;
use cache_runtime::{Level, Origin, Step};
use tests::{eventually, in_time};

use crate::renewals::{HOUR, soften};
use crate::world::{World, city};

const BOUND: Duration = Duration::from_secs(1);

/// The first process has a tier with the row, on a clock that stands still, and its TTL is over there and in Redis.
async fn softened() -> World {
    let clock = ManualClock::new();
    // Zero means "never" to the proof of a stream.
    clock.advance(Duration::from_secs(60));
    let shared = clock.shared();
    let world = World::with(|builder| {
        let builder = builder.level(Level::Bounded(BOUND)).clock(shared.clone());
        builder.stale_while_revalidate(HOUR)
    })
    .await;
    near(&world).await;
    // With the jitter a row lives for no more than sixteen and a half minutes.
    clock.advance(Duration::from_secs(17 * 60));
    soften(&world, &world.row(1)).await;
    eventually("beats go on", || async { world.here.explain(1).await.origin == Origin::Process })
        .await;
    world
}

async fn near(world: &World) {
    eventually("the tier has the row", || async {
        world.here.get(1).await.unwrap();
        world.here.explain(1).await.origin == Origin::Process
    })
    .await;
}

async fn population(world: &World) -> i64 {
    in_time("an answer", world.here.get(1)).await.unwrap().unwrap().population
}

#[tokio::test]
async fn a_hit_in_the_process_past_the_soft_point_is_served_at_once_and_renewed_behind() {
    let world = softened().await;
    world.sql("UPDATE cities SET population = 7 WHERE id = 1").await;
    let before = world.here.stats();
    let load = world.stepper.park(Step::Load, &world.row(1));
    for _ in 0..100 {
        assert_eq!(population(&world).await, 2100);
    }
    load.arrived().await;
    let since = world.here.stats() - before;
    assert_eq!((since.tier_hits, since.hits, since.misses), (100, 0, 0), "the tier answered");
    load.open();
    eventually("the tier has what was loaded", || async {
        population(&world).await == 7 && world.here.explain(1).await.origin == Origin::Process
    })
    .await;
    let since = world.here.stats() - before;
    assert_eq!((since.loads, since.renewals, since.misses), (1, 1, 0));
}

#[tokio::test]
async fn a_hit_before_the_soft_point_asks_nobody() {
    let world = World::with(|builder| {
        builder.level(Level::Bounded(BOUND)).stale_while_revalidate(HOUR).refresh_ahead(1.0)
    })
    .await;
    near(&world).await;
    world.here.cache.drain().await;
    let reads = || world.stepper.seen().iter().filter(|(step, _)| *step == Step::Read).count();
    let (before, seen) = (world.here.stats(), reads());
    eventually("a thousand hits", || async {
        for _ in 0..500 {
            population(&world).await;
        }
        (world.here.stats() - before).tier_hits >= 1000
    })
    .await;
    let since = world.here.stats() - before;
    assert_eq!((since.loads, since.renewals), (0, 0));
    let asked = reads() - seen;
    let all = since.tier_hits + since.hits;
    assert_eq!(asked as u64, since.hits, "of {all} reads only those that found no beat in time");
}

#[tokio::test]
async fn a_renewed_value_that_an_invalidation_overtook_is_not_kept() {
    let world = softened().await;
    let admit = world.stepper.park(Step::Admit, &world.row(1));
    // The look of the renewal would be admitted first.
    assert_eq!(population(&world).await, 2100);
    admit.arrived().await;
    world.elsewhere.update(&city(1, "paris", "FR", 7)).await.unwrap();
    eventually("the invalidation is here", || async {
        world.stepper.seen().contains(&(Step::Evict, world.row(1)))
    })
    .await;
    admit.open();
    world.here.cache.drain().await;
    assert_eq!(population(&world).await, 7);
}

/// Another process has renewed it: there is nothing left to load.
#[tokio::test]
async fn what_another_process_has_renewed_is_taken_from_there() {
    let world = softened().await;
    world.sql("UPDATE cities SET population = 7 WHERE id = 1").await;
    // It has no tier of its own yet: its read goes to Redis, and finds the value past its TTL.
    let elsewhere = || world.elsewhere.get(1);
    assert_eq!(elsewhere().await.unwrap().unwrap().population, 2100);
    world.elsewhere.cache.drain().await;
    assert_eq!(world.elsewhere.stats().renewals, 1);
    let before = world.here.stats();
    assert_eq!(population(&world).await, 2100, "this one asks behind its reader");
    eventually("it has come", || async { population(&world).await == 7 }).await;
    let since = world.here.stats() - before;
    assert_eq!((since.loads, since.renewals, since.misses), (0, 0, 0));
}

#[tokio::test]
async fn a_batch_in_the_process_is_renewed_in_one_load() {
    let clock = ManualClock::new();
    clock.advance(Duration::from_secs(60));
    let shared = clock.shared();
    let world = World::with(|builder| {
        let builder = builder.level(Level::Bounded(BOUND)).clock(shared.clone());
        builder.stale_while_revalidate(HOUR)
    })
    .await;
    let all = || async {
        let rows = in_time("a batch", world.here.get_many(&[1, 2, 3])).await.unwrap();
        rows.into_iter().map(|row| row.unwrap().population).collect::<Vec<_>>()
    };
    eventually("the tier has the rows", || async {
        let before = world.here.stats();
        all().await;
        (world.here.stats() - before).tier_hits == 3
    })
    .await;
    clock.advance(Duration::from_secs(17 * 60));
    for id in [1, 2, 3] {
        soften(&world, &world.row(id)).await;
    }
    world.sql("UPDATE cities SET population = 7").await;
    eventually("beats go on", || async { world.here.explain(1).await.origin == Origin::Process })
        .await;
    let before = world.here.stats();
    eventually("they are renewed", || async { all().await == [7, 7, 7] }).await;
    let since = world.here.stats() - before;
    assert_eq!((since.loads, since.renewals, since.misses), (1, 3, 0));
}
