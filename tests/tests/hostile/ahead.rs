//! Holds that are placed beside their statement, and what comes between the two.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use cache_runtime::backend::RedisCache;
use cache_runtime::testing::{FaultyCache, ManualClock, Op};
use cache_runtime::{CacheManagerBuilder, ErrorKind, State, Step};
use sqlx::{Postgres, Transaction};
use tests::{RedisServer, eventually, in_time};
use tokio::task::JoinHandle;

use crate::world::{Cities, City, World, city, population};

type Written = sqlx::Result<Option<Arc<City>>>;

/// Both processes expect their writes to change something, because their last ones have.
async fn changing(world: World) -> World {
    for population in 1..=16 {
        world.here.update(&city(3, "rome", "IT", population)).await.unwrap();
        world.elsewhere.update(&city(3, "rome", "IT", population + 100)).await.unwrap();
    }
    world.released(3).await;
    world.cached(1).await;
    world
}

/// Keeps every write of this row waiting.
async fn locked(world: &World, id: i64) -> Transaction<'static, Postgres> {
    let mut lock = world.fixture.pool().begin().await.unwrap();
    let statement = sqlx::query("SELECT 1 FROM cities WHERE id = $1 FOR UPDATE");
    statement.bind(id).execute(&mut *lock).await.unwrap();
    lock
}

fn update(cities: &Cities, row: City) -> JoinHandle<Written> {
    let cities = cities.clone();
    tokio::spawn(async move { cities.update(&row).await })
}

/// Waits until so many writers hold the row.
async fn held(world: &World, id: i64, writers: usize) {
    let row = world.row(id);
    eventually("so many writers hold the row", || async {
        let entry = world.elsewhere.cache.backend().get(&row).await;
        entry
            .ok()
            .flatten()
            .is_some_and(|entry| entry[0] == b'H' && entry.len() == 1 + 24 * writers)
    })
    .await;
}

/// Hazards 8 and 9: the statement waits for long, and what was held before it is no more.
#[tokio::test]
async fn a_hold_that_redis_has_lost_behind_a_slow_statement_is_placed_again_before_the_commit() {
    let mut server = RedisServer::start();
    let world = changing(World::with(|builder| builder.redis(&server.url())).await).await;
    let lock = locked(&world, 1).await;
    let write = update(&world.here, city(1, "paris", "FR", 1));
    held(&world, 1, 1).await;
    server.restart_empty();
    for cities in [&world.here, &world.elsewhere] {
        eventually("it is there again", || async { cities.cache.ping().await.is_ok() }).await;
    }
    // What was there before the write, in the new life of the server.
    world.cached(1).await;
    let commit = world.stepper.park(Step::Commit, &world.row(1));
    lock.rollback().await.unwrap();
    commit.arrived().await;
    assert_eq!(world.elsewhere.explain(1).await.state, State::Hold);
    commit.open();
    in_time("the write", write).await.unwrap().unwrap();
    assert_eq!(population(&world.elsewhere, 1).await, 1);
}

#[tokio::test]
async fn of_two_writes_that_hold_a_row_ahead_the_one_that_fails_takes_only_its_own_hold() {
    let world = changing(World::new().await).await;
    let lock = locked(&world, 1).await;
    // Another row has this slug.
    let fails = update(&world.elsewhere, city(1, "lyon", "FR", 5));
    held(&world, 1, 1).await;
    let write = update(&world.here, city(1, "paris", "FR", 6));
    held(&world, 1, 2).await;
    let commit = world.stepper.park(Step::Commit, &world.row(1));
    lock.rollback().await.unwrap();
    in_time("the first", fails).await.unwrap().unwrap_err();
    commit.arrived().await;
    held(&world, 1, 1).await;
    assert_eq!(population(&world.elsewhere, 1).await, 2100);
    assert_eq!(world.elsewhere.explain(1).await.state, State::Hold, "nothing was filled");
    commit.open();
    in_time("the second", write).await.unwrap().unwrap();
    assert_eq!(population(&world.elsewhere, 1).await, 6);
    world.cached(1).await;
    assert_eq!(population(&world.here, 1).await, 6);
}

type Parked = Pin<Box<dyn Future<Output = Written> + Send>>;

/// An update that was polled until its row was held, and is not polled any more.
async fn parked(world: &World, row: City) -> Parked {
    let (here, id) = (world.here.clone(), row.id);
    let mut write: Parked = Box::pin(async move { here.update(&row).await });
    let mut looks = Box::pin(held(world, id, 1));
    poll_fn(|context| {
        assert!(write.as_mut().poll(context).is_pending(), "its row is locked");
        looks.as_mut().poll(context)
    })
    .await;
    write
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_nobody_polls_keeps_no_reader_waiting_and_leaves_nothing_when_it_is_dropped() {
    let world = changing(World::new().await).await;
    let lock = locked(&world, 1).await;
    let write = parked(&world, city(1, "paris", "FR", 1)).await;
    assert_eq!(in_time("a read", population(&world.elsewhere, 1)).await, 2100);
    lock.rollback().await.unwrap();
    assert_eq!(in_time("a read", population(&world.here, 1)).await, 2100);
    drop(write);
    world.released(1).await;
    let again = update(&world.elsewhere, city(1, "paris", "FR", 9));
    in_time("the next write", again).await.unwrap().unwrap();
    assert_eq!(population(&world.here, 1).await, 9);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_goes_on_in_another_runtime_is_done_there() {
    let world = changing(World::new().await).await;
    let lock = locked(&world, 1).await;
    let write = parked(&world, city(1, "paris", "FR", 1)).await;
    lock.rollback().await.unwrap();
    let elsewhere = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(write)
    });
    let joined = tokio::task::spawn_blocking(|| elsewhere.join().unwrap());
    assert_eq!(in_time("the write", joined).await.unwrap().unwrap().unwrap().population, 1);
    assert_eq!(population(&world.elsewhere, 1).await, 1);
    world.cached(1).await;
}

/// Hazard 1, with a row that was not there before.
#[tokio::test]
async fn an_upsert_that_inserts_lets_nobody_fill_that_there_is_no_row() {
    let world = changing(World::new().await).await;
    world.cached(9).await;
    assert_eq!(world.elsewhere.get(9).await.unwrap(), None);
    world.here.cache.backend().delete(&world.row(9)).await.unwrap();
    let fill = world.stepper.park(Step::Fill, &world.row(9));
    assert_eq!(world.here.get(9).await.unwrap(), None);
    fill.arrived().await;
    let stored = world.elsewhere.upsert(&city(9, "bari", "IT", 300)).await.unwrap();
    assert_eq!(stored.id, 9);
    fill.open();
    eventually("the fill is decided", || async { world.here.stats().rejected_fills == 1 }).await;
    for cities in [&world.here, &world.elsewhere] {
        assert_eq!(population(cities, 9).await, 300);
        assert_eq!(cities.find_by_slug("bari").await.unwrap().unwrap().id, 9);
    }
}

/// Reads that find nothing, until that is expected.
async fn make_cold(cities: &Cities) {
    for id in 1000..1040 {
        assert_eq!(cities.get(id).await.unwrap(), None);
    }
    cities.cache.drain().await;
}

#[tokio::test]
async fn in_a_cold_repository_a_row_that_is_about_to_be_deleted_is_read_and_not_kept() {
    let world = changing(World::new().await).await;
    make_cold(&world.elsewhere).await;
    let lock = locked(&world, 1).await;
    let here = world.here.clone();
    let delete = tokio::spawn(async move { here.delete(1).await });
    held(&world, 1, 1).await;
    assert_eq!(population(&world.elsewhere, 1).await, 2100);
    let many = world.elsewhere.get_many(&[1, 2]).await.unwrap();
    assert!(many.iter().all(Option::is_some));
    lock.rollback().await.unwrap();
    assert_eq!(in_time("the delete", delete).await.unwrap().unwrap().unwrap().id, 1);
    for _ in 0..2 {
        assert_eq!(world.elsewhere.get(1).await.unwrap(), None);
        assert_eq!(world.elsewhere.get_many(&[1]).await.unwrap(), [None]);
    }
}

/// The lease that was taken without a look is gone with the hold, like any other.
#[tokio::test]
async fn in_a_cold_repository_what_was_read_before_a_delete_is_not_kept() {
    let world = changing(World::new().await).await;
    world.here.cache.backend().delete(&world.row(1)).await.unwrap();
    make_cold(&world.here).await;
    let fill = world.stepper.park(Step::Fill, &world.row(1));
    assert_eq!(population(&world.here, 1).await, 2100);
    fill.arrived().await;
    world.elsewhere.delete(1).await.unwrap();
    fill.open();
    eventually("the fill is decided", || async { world.here.stats().rejected_fills == 1 }).await;
    assert_eq!(world.here.get(1).await.unwrap(), None);
    assert_eq!(world.elsewhere.get(1).await.unwrap(), None);
}

/// A world whose processes share a cache that fails where it is told to.
async fn failing(server: &RedisServer) -> (World, FaultyCache) {
    let faulty = FaultyCache::over(Arc::new(RedisCache::open(&server.url()).unwrap()));
    let backend = faulty.clone();
    let world = World::with(move |builder| builder.backend(Arc::new(backend.clone()))).await;
    (changing(world).await, faulty)
}

/// A hold whose answer was lost stands, and nobody would know: it is released, beside the one that the commit places.
#[tokio::test]
async fn a_hold_ahead_whose_answer_is_lost_does_not_stand_after_the_write() {
    let server = RedisServer::start();
    let (world, faulty) = failing(&server).await;
    faulty.lose_next_reply(Op::Hold, 1, ErrorKind::Timeout);
    let write = update(&world.here, city(1, "paris", "FR", 1));
    in_time("the write", write).await.unwrap().unwrap();
    assert_eq!(population(&world.elsewhere, 1).await, 1);
    world.here.cache.drain().await;
    world.cached(1).await;
    assert_eq!(population(&world.here, 1).await, 1);
}

/// Nobody waits for a hold that was placed for nothing.
#[tokio::test]
async fn a_write_that_changes_nothing_does_not_wait_for_a_cache_that_is_silent() {
    let server = RedisServer::start();
    let (world, faulty) = failing(&server).await;
    faulty.stall(Op::Hold);
    let same = update(&world.here, city(1, "paris", "FR", 2100));
    assert!(in_time("the write", same).await.unwrap().unwrap().is_some());
    let wrong = update(&world.elsewhere, city(1, "lyon", "FR", 2100));
    assert!(in_time("a write that fails", wrong).await.unwrap().is_err());
    faulty.heal();
    world.here.cache.drain().await;
    assert_eq!(population(&world.here, 1).await, 2100);
}

/// The server has dropped it by itself, over the same connection.
#[tokio::test]
async fn a_hold_that_nobody_is_sure_of_any_more_is_placed_again_before_the_commit() {
    let clock = ManualClock::new();
    clock.advance(Duration::from_secs(60));
    let shared = clock.shared();
    let world = World::with(|builder| builder.clock(shared.clone())).await;
    let world = changing(world).await;
    let lock = locked(&world, 1).await;
    let write = update(&world.here, city(1, "paris", "FR", 1));
    held(&world, 1, 1).await;
    world.expire(&world.row(1)).await;
    world.cached(1).await;
    clock.advance(Duration::from_secs(2));
    let commit = world.stepper.park(Step::Commit, &world.row(1));
    lock.rollback().await.unwrap();
    commit.arrived().await;
    held(&world, 1, 1).await;
    commit.open();
    in_time("the write", write).await.unwrap().unwrap();
    assert_eq!(population(&world.elsewhere, 1).await, 1);
    world.cached(1).await;
}

/// Where it cannot be placed again there is no commit, as if it had not been placed ahead.
#[tokio::test]
async fn a_hold_that_cannot_be_placed_again_is_no_hold() {
    let server = RedisServer::start();
    let clock = ManualClock::new();
    clock.advance(Duration::from_secs(60));
    let faulty = FaultyCache::over(Arc::new(RedisCache::open(&server.url()).unwrap()));
    let (backend, shared) = (faulty.clone(), clock.shared());
    let options = move |builder: CacheManagerBuilder| {
        builder.backend(Arc::new(backend.clone())).clock(shared.clone())
    };
    let world = changing(World::with(options).await).await;
    let lock = locked(&world, 1).await;
    let write = update(&world.here, city(1, "paris", "FR", 1));
    held(&world, 1, 1).await;
    clock.advance(Duration::from_secs(2));
    faulty.fail(Op::Hold, ErrorKind::Unreachable);
    lock.rollback().await.unwrap();
    let error = in_time("the write", write).await.unwrap().unwrap_err();
    let cause = cache_runtime::Error::of(&error).expect("the cache's error");
    assert_eq!(cause.kind(), ErrorKind::HoldNotPlaced);
    faulty.heal();
    world.released(1).await;
    assert_eq!(population(&world.elsewhere, 1).await, 2100);
}
