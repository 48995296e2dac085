//! Values that have outlived their TTL, kept for the case that the database fails: for how long, and for whom.

use std::time::Duration;

use cache_runtime::testing::ManualClock;
use cache_runtime::{CacheManagerBuilder, Key, Remaining, State, Step, Ttl};
use tests::{RedisServer, eventually, in_time};

use crate::world::{Cities, World, city};

const HOUR: Duration = Duration::from_secs(3600);

fn patient(builder: CacheManagerBuilder) -> CacheManagerBuilder {
    builder.stale_on_error(HOUR).lease_ttl(Duration::from_secs(60))
}

/// A world in which expired values are kept, and a clock that stands still.
async fn timed(
    options: impl Fn(CacheManagerBuilder) -> CacheManagerBuilder,
) -> (World, ManualClock) {
    let clock = ManualClock::new();
    let shared = clock.shared();
    let world = World::with(|builder| options(patient(builder)).clock(shared.clone())).await;
    (world, clock)
}

/// From now on this value is kept for half an hour, and only for the case that the database fails.
async fn expire(world: &World, key: &Key) {
    let halfway = Ttl::After(HOUR / 2);
    assert!(world.here.cache.backend().expire(key, halfway).await.unwrap());
}

async fn expired(world: &World) {
    world.cached(1).await;
    expire(world, &world.row(1)).await;
}

async fn break_the_table(world: &World) {
    world.sql("ALTER TABLE cities RENAME TO elsewhere").await;
}

/// A transaction that keeps everyone from reading the table.
async fn locked(world: &World) -> sqlx::Transaction<'static, sqlx::Postgres> {
    let mut lock = world.fixture.pool().begin().await.unwrap();
    sqlx::query("LOCK TABLE cities IN ACCESS EXCLUSIVE MODE").execute(&mut *lock).await.unwrap();
    lock
}

type Read = tokio::task::JoinHandle<sqlx::Result<i64>>;

fn reader(cities: &Cities, id: i64) -> Read {
    let cities = cities.clone();
    tokio::spawn(async move { Ok(cities.get(id).await?.expect("a row").population) })
}

async fn left(world: &World, id: i64) -> Duration {
    match world.elsewhere.explain(id).await.remaining {
        Remaining::Left(left) => left,
        other => panic!("it is kept for a time: {other:?}"),
    }
}

#[tokio::test]
async fn a_load_that_fails_does_not_lengthen_the_life_of_what_stood_in_for_it() {
    let (world, clock) = timed(|builder| builder).await;
    expired(&world).await;
    break_the_table(&world).await;
    let load = world.stepper.park(Step::Load, &world.row(1));
    let read = reader(&world.here, 1);
    load.arrived().await;
    clock.advance(HOUR / 4);
    load.open();
    assert_eq!(in_time("the reader", read).await.unwrap().unwrap(), 2100);
    assert!(left(&world, 1).await <= HOUR / 4);
    // In a batch as well.
    let load = world.stepper.park(Step::Load, &world.row(1));
    let here = world.here.clone();
    let batch = tokio::spawn(async move { here.get_many(&[1]).await });
    load.arrived().await;
    clock.advance(HOUR / 8);
    load.open();
    assert!(in_time("the batch", batch).await.unwrap().unwrap()[0].is_some());
    assert!(left(&world, 1).await <= HOUR / 8);
    // And once its time is over it is served no more.
    let load = world.stepper.park(Step::Load, &world.row(1));
    let read = reader(&world.here, 1);
    load.arrived().await;
    clock.advance(HOUR / 8);
    load.open();
    assert!(in_time("the reader", read).await.unwrap().is_err());
}

#[tokio::test]
async fn a_refresh_that_fails_does_not_lengthen_the_life_of_what_it_puts_back() {
    let (world, clock) = timed(|builder| builder).await;
    world.cached(1).await;
    let before = left(&world, 1).await;
    break_the_table(&world).await;
    let load = world.stepper.park(Step::Load, &world.row(1));
    let here = world.here.clone();
    let refresh = tokio::spawn(async move { here.refresh(1).await });
    load.arrived().await;
    clock.advance(HOUR / 2);
    load.open();
    assert!(in_time("the refresh", refresh).await.unwrap().is_err());
    assert!(left(&world, 1).await <= before - HOUR / 2);
}

#[tokio::test]
async fn a_load_that_fails_behind_its_callers_does_not_lengthen_the_life_of_what_they_got() {
    let soft = Duration::from_millis(20);
    let (world, clock) = timed(|builder| builder.soft_timeout(soft)).await;
    expired(&world).await;
    let mut lock = locked(&world).await;
    assert_eq!(in_time("the reader", reader(&world.here, 1)).await.unwrap().unwrap(), 2100);
    clock.advance(HOUR / 4);
    sqlx::query("ALTER TABLE cities RENAME TO elsewhere").execute(&mut *lock).await.unwrap();
    lock.commit().await.unwrap();
    eventually("it is put back", || async {
        world.elsewhere.explain(1).await.state == State::Value
    })
    .await;
    assert!(left(&world, 1).await <= HOUR / 4);
}

/// A database that hangs makes callers give up: that is when the next one needs the value.
#[tokio::test]
async fn a_caller_that_gives_up_leaves_the_expired_value_to_the_next() {
    let world = World::with(patient).await;
    expired(&world).await;
    let back = async || {
        eventually("the value is back", || async {
            world.elsewhere.explain(1).await.state == State::Value
        })
        .await;
        assert!(left(&world, 1).await <= HOUR / 2);
    };
    let load = world.stepper.park(Step::Load, &world.row(1));
    let read = reader(&world.here, 1);
    load.arrived().await;
    read.abort();
    back().await;
    drop(load);
    let load = world.stepper.park(Step::Load, &world.row(1));
    let here = world.here.clone();
    let batch = tokio::spawn(async move { here.get_many(&[1]).await });
    load.arrived().await;
    batch.abort();
    back().await;
    break_the_table(&world).await;
    assert_eq!(reader(&world.here, 1).await.unwrap().unwrap(), 2100);
}

/// Hazard 24, for an answer under tags: its lease outlives a write that changes only a tag.
#[tokio::test]
async fn an_answer_whose_tag_was_written_does_not_stand_in_for_who_came_after_the_write() {
    let world = World::with(patient).await;
    assert_eq!(world.here.largest(1).await.unwrap()[0].slug, "rome");
    world.here.cache.drain().await;
    expire(&world, &world.largest(1)).await;
    let read = || {
        let here = world.here.clone();
        tokio::spawn(async move { here.largest(1).await })
    };
    let lease = world.stepper.park(Step::Lease, &world.largest(1));
    let leader = read();
    lease.arrived().await;
    world.elsewhere.update(&city(2, "lyon", "FR", 9000)).await.unwrap();
    let misses = world.here.stats().misses;
    let passenger = read();
    eventually("it is aboard", || async { world.here.stats().misses > misses }).await;
    break_the_table(&world).await;
    lease.open();
    let answer = in_time("the passenger", passenger).await.unwrap();
    assert!(answer.is_err(), "what the write has invalidated: {answer:?}");
    let _ = in_time("the leader", leader).await.unwrap();
}

/// Hazards 9 and 24: a server that comes back with an older state brings the lease back, and not the write that took it.
#[tokio::test]
async fn what_stands_in_for_a_load_does_so_in_one_life_of_the_server() {
    let mut server = RedisServer::start();
    let url = server.url();
    let soft = Duration::from_millis(20);
    let world = World::with(|builder| patient(builder).redis(&url).soft_timeout(soft)).await;
    expired(&world).await;
    let fill = world.stepper.park(Step::Fill, &world.row(1));
    let lock = locked(&world).await;
    assert_eq!(in_time("the reader", reader(&world.here, 1)).await.unwrap().unwrap(), 2100);
    lock.rollback().await.unwrap();
    fill.arrived().await;
    let client = redis::Client::open(url.as_str()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let _: () = redis::cmd("SAVE").query_async(&mut connection).await.unwrap();
    world.elsewhere.update(&city(1, "paris", "FR", 7)).await.unwrap();
    server.restart();
    eventually("it is there again", || async { world.here.cache.ping().await.is_ok() }).await;
    assert_eq!(world.here.explain(1).await.state, State::Lease, "the past is back");
    assert_eq!(in_time("the reader", reader(&world.here, 1)).await.unwrap().unwrap(), 7);
}
