//! Stale while revalidate, for rows and look-ups.

use std::time::Duration;

use cache_runtime::{Key, State, Step, Ttl};
use tests::{eventually, in_time};

use crate::world::{World, city};

pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// What is past its TTL is served for an hour.
async fn world() -> World {
    World::with(|builder| builder.stale_while_revalidate(HOUR)).await
}

/// Lets the TTL of what is cached there be over for half an hour.
pub(crate) async fn soften(world: &World, key: &Key) {
    let left = Ttl::After(HOUR / 2);
    assert!(world.here.cache.backend().expire(key, left).await.unwrap(), "{key} is cached");
}

async fn softened() -> World {
    let world = world().await;
    world.cached(1).await;
    soften(&world, &world.row(1)).await;
    world
}

async fn population(world: &World) -> i64 {
    in_time("an answer", world.here.get(1)).await.unwrap().unwrap().population
}

#[tokio::test]
async fn a_value_past_its_ttl_is_served_and_renewed_behind_its_reader() {
    let world = softened().await;
    world.sql("UPDATE cities SET population = 7 WHERE id = 1").await;
    let load = world.stepper.park(Step::Load, &world.row(1));
    assert_eq!(population(&world).await, 2100);
    load.arrived().await;
    assert_eq!(population(&world).await, 2100, "the load is under way");
    load.open();
    world.here.cache.drain().await;
    assert_eq!(population(&world).await, 7);
    let stats = world.here.stats();
    assert_eq!((stats.loads, stats.renewals, stats.misses), (2, 1, 1));
    let left = world.here.explain(1).await.remaining;
    let whole = matches!(left, cache_runtime::Remaining::Left(left) if left > HOUR);
    assert!(whole, "it begins its life anew: {left:?}");
}

/// The value is the lease: a hold has taken it away.
#[tokio::test]
async fn a_renewal_that_a_writer_overtook_is_refused() {
    let world = softened().await;
    let fill = world.stepper.park(Step::Fill, &world.row(1));
    assert_eq!(population(&world).await, 2100);
    fill.arrived().await;
    world.elsewhere.update(&city(1, "paris", "FR", 7)).await.unwrap();
    world.released(1).await;
    fill.open();
    world.here.cache.drain().await;
    let stats = world.here.stats();
    assert_eq!((stats.renewals, stats.refused_renewals), (0, 1));
    assert_eq!(world.elsewhere.explain(1).await.state, State::Absent, "nothing was put there");
    assert_eq!(population(&world).await, 7);
}

/// The same where another reader has filled what the writer committed.
#[tokio::test]
async fn a_renewal_of_a_value_that_was_filled_anew_is_refused() {
    let world = softened().await;
    let fill = world.stepper.park(Step::Fill, &world.row(1));
    assert_eq!(population(&world).await, 2100);
    fill.arrived().await;
    world.elsewhere.update(&city(1, "paris", "FR", 7)).await.unwrap();
    world.elsewhere.get(1).await.unwrap();
    world.elsewhere.cache.drain().await;
    assert_eq!(world.elsewhere.explain(1).await.state, State::Value);
    fill.open();
    world.here.cache.drain().await;
    assert_eq!(world.here.stats().refused_renewals, 1);
    assert_eq!(population(&world).await, 7);
}

#[tokio::test]
async fn a_renewal_under_a_writers_hold_is_refused() {
    let world = softened().await;
    let fill = world.stepper.park(Step::Fill, &world.row(1));
    assert_eq!(population(&world).await, 2100);
    fill.arrived().await;
    let release = world.unreleased(city(1, "paris", "FR", 7)).await;
    fill.open();
    eventually("it is decided", || async { world.here.stats().refused_renewals == 1 }).await;
    assert_eq!(world.elsewhere.explain(1).await.state, State::Hold);
    assert_eq!(population(&world).await, 7);
    release.open();
}

/// Hazard 24.
#[tokio::test]
async fn what_was_invalidated_is_never_served_however_much_of_the_while_is_left() {
    let world = softened().await;
    world.elsewhere.update(&city(1, "paris", "FR", 7)).await.unwrap();
    assert_eq!(population(&world).await, 7);
    world.cached(1).await;
    soften(&world, &world.row(1)).await;
    world.elsewhere.invalidate(1).await.unwrap();
    world.sql("ALTER TABLE cities RENAME TO elsewhere").await;
    assert!(world.here.get(1).await.is_err(), "there is nothing to serve");
}

#[tokio::test]
async fn a_stampede_at_the_soft_point_costs_one_load() {
    let world = softened().await;
    let load = world.stepper.park(Step::Load, &world.row(1));
    let read = || {
        let here = world.here.clone();
        tokio::spawn(async move { here.get(1).await.unwrap().unwrap().population })
    };
    let callers: Vec<_> = (0..1000).map(|_| read()).collect();
    load.arrived().await;
    for caller in callers {
        assert_eq!(in_time("an answer", caller).await.unwrap(), 2100);
    }
    load.open();
    world.here.cache.drain().await;
    let stats = world.here.stats();
    assert_eq!((stats.loads, stats.renewals, stats.refused_renewals), (2, 1, 0));
}

#[tokio::test]
async fn two_processes_renew_a_value_once() {
    let world = softened().await;
    let load = world.stepper.park(Step::Load, &world.row(1));
    assert_eq!(population(&world).await, 2100);
    load.arrived().await;
    for _ in 0..3 {
        let row = in_time("an answer", world.elsewhere.get(1)).await.unwrap().unwrap();
        assert_eq!(row.population, 2100);
        world.elsewhere.cache.drain().await;
    }
    assert_eq!(world.elsewhere.stats().loads, 0, "the other process has the claim");
    load.open();
    world.here.cache.drain().await;
    assert_eq!(world.here.stats().renewals, 1);
    world.elsewhere.get(1).await.unwrap();
    world.elsewhere.cache.drain().await;
    assert_eq!(world.elsewhere.stats().loads, 0);
}

#[tokio::test]
async fn a_renewal_that_fails_leaves_the_value_and_is_not_repeated_at_once() {
    let world = softened().await;
    world.sql("ALTER TABLE cities RENAME TO elsewhere").await;
    for _ in 0..5 {
        assert_eq!(population(&world).await, 2100);
        world.here.cache.drain().await;
        world.elsewhere.get(1).await.unwrap();
        world.elsewhere.cache.drain().await;
    }
    let (here, elsewhere) = (world.here.stats(), world.elsewhere.stats());
    assert_eq!((here.failed_renewals, elsewhere.failed_renewals), (1, 0));
    assert_eq!((here.loads, here.renewals), (2, 0));
}

#[tokio::test]
async fn after_the_while_a_value_is_kept_for_failures_alone() {
    let world =
        World::with(|builder| builder.stale_while_revalidate(HOUR / 4).stale_on_error(HOUR)).await;
    world.cached(1).await;
    soften(&world, &world.row(1)).await;
    world.sql("UPDATE cities SET population = 7 WHERE id = 1").await;
    assert_eq!(population(&world).await, 7, "it was waited for");
    assert_eq!(world.here.stats().renewals, 0);
    world.cached(1).await;
    soften(&world, &world.row(1)).await;
    world.sql("ALTER TABLE cities RENAME TO elsewhere").await;
    assert_eq!(population(&world).await, 7);
    assert_eq!(world.here.stats().stale, 1);
}

/// A value that another program kept for a while is nothing to one that allows no while.
#[tokio::test]
async fn a_reader_without_a_while_is_served_nothing_past_the_ttl() {
    let world = softened().await;
    let strict = crate::world::Cities {
        cache: cache_runtime::CacheManager::builder(world.fixture.namespace())
            .redis(world.fixture.redis_url())
            .build()
            .unwrap(),
        ..world.here.clone()
    };
    world.sql("UPDATE cities SET population = 7 WHERE id = 1").await;
    assert_eq!(strict.get(1).await.unwrap().unwrap().population, 7);
}

#[tokio::test]
async fn a_batch_is_renewed_in_one_load() {
    let world = world().await;
    world.here.get_many(&[1, 2, 3]).await.unwrap();
    world.here.cache.drain().await;
    for id in [1, 3] {
        soften(&world, &world.row(id)).await;
    }
    world.sql("UPDATE cities SET population = 7").await;
    let populations = async || {
        let rows = in_time("a batch", world.here.get_many(&[3, 2, 1, 99])).await.unwrap();
        rows.into_iter().map(|row| row.map(|row| row.population)).collect::<Vec<_>>()
    };
    assert_eq!(populations().await, [Some(2800), Some(500), Some(2100), None]);
    world.here.cache.drain().await;
    assert_eq!(populations().await, [Some(7), Some(500), Some(7), None]);
    let stats = world.here.stats();
    assert_eq!((stats.renewals, stats.loads), (2, 3), "the batch, the absent row, the renewal");
}

#[tokio::test]
async fn look_ups_lists_and_the_knowledge_that_there_is_nothing_are_renewed_too() {
    let world = world().await;
    assert!(world.here.find_by_slug("nice").await.unwrap().is_none());
    assert_eq!(world.here.list_by_country("IT", ..).await.unwrap().len(), 1);
    world.here.cache.drain().await;
    soften(&world, &world.slug("nice")).await;
    soften(&world, &world.list("IT")).await;
    world.sql("INSERT INTO cities VALUES (4, 'nice', 'IT', 340)").await;
    assert!(world.here.find_by_slug("nice").await.unwrap().is_none());
    assert_eq!(world.here.list_by_country("IT", ..).await.unwrap().len(), 1);
    world.here.cache.drain().await;
    assert!(world.here.find_by_slug("nice").await.unwrap().is_some());
    assert_eq!(world.here.list_by_country("IT", ..).await.unwrap().len(), 2);
    assert_eq!(world.here.stats().renewals, 2);
}
