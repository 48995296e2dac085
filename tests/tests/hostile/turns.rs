//! The cap on loads: what counts under it, and who waits for whom.

use std::time::Duration;

use cache_runtime::{Error, ErrorKind, Key, Step};
use tests::{eventually, in_time};

use crate::world::{Cities, World};

fn reader(cities: &Cities, id: i64) -> tokio::task::JoinHandle<sqlx::Result<i64>> {
    let cities = cities.clone();
    tokio::spawn(async move { Ok(cities.get(id).await?.expect("a row").population) })
}

/// A transaction that keeps everyone from reading the table.
async fn locked(world: &World) -> sqlx::Transaction<'static, sqlx::Postgres> {
    let mut lock = world.fixture.pool().begin().await.unwrap();
    sqlx::query("LOCK TABLE cities IN ACCESS EXCLUSIVE MODE").execute(&mut *lock).await.unwrap();
    lock
}

/// Waits until so many statements wait for a lock.
async fn waiting(world: &World, count: i64) {
    eventually("the loads are in the database", || async {
        let waiting: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity \
             WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
        .fetch_one(world.fixture.pool())
        .await
        .unwrap();
        waiting == count
    })
    .await;
}

fn is_overload(error: &sqlx::Error) -> bool {
    Error::of(error).is_some_and(|error| error.kind() == ErrorKind::Overloaded)
}

/// One of the ways to ask the database for rows.
async fn ask(here: &Cities, way: usize) {
    match way {
        0 => drop(here.get(1).await),
        1 => drop(here.get_many(&[1, 2]).await),
        2 => drop(here.find_by_slug("paris").await),
        3 => drop(here.list_by_country("FR", ..).await),
        _ => drop(here.refresh(1).await),
    }
}

/// Hazard 31: a database that hangs makes callers give up and come again, while their statements go on.
#[tokio::test]
async fn a_load_whose_caller_has_gone_counts_until_it_has_ended() {
    let world = World::with(|builder| builder.max_loads(1, 0)).await;
    for way in 0..5 {
        let lock = locked(&world).await;
        let here = world.here.clone();
        let caller = tokio::spawn(async move { ask(&here, way).await });
        waiting(&world, 1).await;
        caller.abort();
        let _ = caller.await;
        let refused = in_time("the next", world.here.get(3)).await.unwrap_err();
        assert!(is_overload(&refused), "{way}: {refused}");
        lock.rollback().await.unwrap();
        eventually("its turn is over", || async { world.here.get(3).await.is_ok() }).await;
        world.here.cache.drain().await;
        world.here.cache.clear().await.unwrap();
    }
}

/// A row that has moved on since its look-up was cached is asked for once more, under the cap like any other.
#[tokio::test]
async fn to_look_again_for_a_row_that_has_moved_on_needs_a_turn() {
    let world = World::with(|builder| builder.max_loads(1, 0)).await;
    world.here.find_by_slug("paris").await.unwrap();
    world.here.list_by_country("FR", ..).await.unwrap();
    world.cached(1).await;
    world.here.cache.drain().await;
    world.sql("UPDATE cities SET slug = 'paname', country = 'XX' WHERE id = 1").await;
    world.here.cache.backend().delete(&world.row(1)).await.unwrap();
    world.cached(1).await;
    world.here.cache.drain().await;
    let load = world.stepper.park(Step::Load, &world.row(3));
    let other = reader(&world.here, 3);
    load.arrived().await;
    let found = in_time("the look-up", world.here.find_by_slug("paris")).await;
    assert!(is_overload(&found.unwrap_err()));
    let listed = in_time("the list", world.here.list_by_country("FR", ..)).await;
    assert!(is_overload(&listed.unwrap_err()));
    load.open();
    assert_eq!(in_time("the other", other).await.unwrap().unwrap(), 2800);
    assert_eq!(world.here.find_by_slug("paris").await.unwrap(), None);
}

/// Who loads with a turn in hand must not wait for somebody who waits for a turn.
#[tokio::test]
async fn a_load_inside_a_load_waits_for_nobody_who_waits_for_its_turn() {
    let world = World::with(|builder| {
        // Nobody waits for a flight for longer than a lease lives.
        builder.max_loads(1, 10).lease_ttl(Duration::from_secs(600))
    })
    .await;
    let by_row: Key =
        world.here.cache.key().text("cities:call:by row").value(&1_i64).finish().unwrap();
    let load = world.stepper.park(Step::Load, &by_row);
    let here = world.here.clone();
    let outer = tokio::spawn(async move { here.population_by_row(1).await });
    load.arrived().await;
    let other = reader(&world.here, 1);
    eventually("the other waits for its turn", || async { world.here.stats().misses == 2 }).await;
    load.open();
    assert_eq!(in_time("the outer load", outer).await.unwrap().unwrap(), Some(2100));
    assert_eq!(in_time("the other", other).await.unwrap().unwrap(), 2100);
}
