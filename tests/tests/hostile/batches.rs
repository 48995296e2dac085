//! Batches, and single reads that go together, where a writer or a failure comes between their steps.

use std::sync::Arc;

use cache_runtime::backend::RedisCache;
use cache_runtime::testing::{FaultyCache, Op};
use cache_runtime::{CacheManager, Entity, ErrorKind, State, Step, cached_repository};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgPool};
use tests::{RedisServer, eventually, in_time};
use tokio::task::JoinSet;

use crate::world::{Cities, World, city, population};

/// Reads that find nothing, until that is expected.
async fn make_cold(cities: &Cities) {
    for id in 1000..1040 {
        assert_eq!(cities.get(id).await.unwrap(), None);
    }
    cities.cache.drain().await;
}

async fn populations(cities: &Cities, ids: &[i64]) -> Vec<Option<i64>> {
    let rows = cities.get_many(ids).await.unwrap();
    rows.into_iter().map(|row| row.map(|row| row.population)).collect()
}

/// A world whose processes share a cache that fails where it is told to.
async fn failing(server: &RedisServer) -> (World, FaultyCache) {
    let faulty = FaultyCache::over(Arc::new(RedisCache::open(&server.url()).unwrap()));
    let backend = faulty.clone();
    let world = World::with(move |builder| builder.backend(Arc::new(backend.clone()))).await;
    (world, faulty)
}

/// Hazards 1 and 26: leased by another process, held and released by a writer after the leases, absent, twice.
#[tokio::test]
async fn a_batch_in_a_cold_repository_meets_each_key_in_its_own_state() {
    let world = World::new().await;
    make_cold(&world.here).await;
    let token = cache_runtime::entry::Token::new();
    let lease = cache_runtime::LeaseRequest { key: world.row(3), token, over: None };
    let minute = std::time::Duration::from_secs(60);
    world.elsewhere.cache.backend().lease(&[lease], minute).await.unwrap();
    let load = world.stepper.park(Step::Load, &world.row(1));
    let here = world.here.clone();
    let batch = tokio::spawn(async move { populations(&here, &[1, 2, 2, 3, 99, 1]).await });
    load.arrived().await;
    world.elsewhere.update(&city(2, "lyon", "FR", 7)).await.unwrap();
    load.open();
    let found = in_time("the batch", batch).await.unwrap();
    assert_eq!(found, [Some(2100), Some(7), Some(7), Some(2800), None, Some(2100)]);
    world.here.cache.drain().await;
    let mut states = Vec::new();
    for id in [1, 2, 3, 99] {
        states.push(world.elsewhere.explain(id).await.state);
    }
    assert_eq!(states, [State::Value, State::Absent, State::Lease, State::Negative]);
}

/// What was loaded before a write is not kept, whichever of the leases it has taken.
#[tokio::test]
async fn what_a_batch_of_a_cold_repository_loaded_before_a_write_is_not_kept() {
    let world = World::new().await;
    make_cold(&world.here).await;
    let fill = world.stepper.park(Step::Fill, &world.row(1));
    assert_eq!(populations(&world.here, &[1, 2]).await, [Some(2100), Some(500)]);
    fill.arrived().await;
    world.elsewhere.update(&city(2, "lyon", "FR", 7)).await.unwrap();
    fill.open();
    eventually("the fills are decided", || async { world.here.stats().rejected_fills == 1 }).await;
    assert_eq!(populations(&world.here, &[1, 2]).await, [Some(2100), Some(7)]);
}

/// Its leases are given back, and nobody else's entry is.
#[tokio::test]
async fn the_fills_of_a_batch_that_fail_give_back_their_own_leases_alone() {
    let server = RedisServer::start();
    let (world, faulty) = failing(&server).await;
    let fill = world.stepper.park(Step::Fill, &world.row(1));
    populations(&world.here, &[1, 2, 3]).await;
    fill.arrived().await;
    // A writer has taken the lease of the second away, and somebody has filled it since.
    world.elsewhere.update(&city(2, "lyon", "FR", 7)).await.unwrap();
    assert_eq!(population(&world.elsewhere, 2).await, 7);
    world.elsewhere.cache.drain().await;
    // And somebody else loads the third.
    let backend = world.elsewhere.cache.backend();
    backend.delete(&world.row(3)).await.unwrap();
    let token = cache_runtime::entry::Token::new();
    let lease = cache_runtime::LeaseRequest { key: world.row(3), token, over: None };
    backend.lease(&[lease], std::time::Duration::from_secs(60)).await.unwrap();
    faulty.fail_next(Op::Fill, 1, ErrorKind::Timeout);
    fill.open();
    eventually("its own lease is given back", || async {
        world.elsewhere.explain(1).await.state == State::Absent
    })
    .await;
    assert_eq!(world.elsewhere.explain(2).await.state, State::Value);
    assert_eq!(backend.get(&world.row(3)).await.unwrap(), Some(token.lease()));
    assert_eq!(populations(&world.here, &[1, 2]).await, [Some(2100), Some(7)]);
}

/// They stand, and whoever gives back what may be left of their leases leaves them.
#[tokio::test]
async fn fills_whose_answer_is_lost_stay() {
    let server = RedisServer::start();
    let (world, faulty) = failing(&server).await;
    let before = faulty.calls(Op::Abandon);
    faulty.lose_next_reply(Op::Fill, 1, ErrorKind::Timeout);
    populations(&world.here, &[1, 2]).await;
    world.here.cache.drain().await;
    assert_eq!(faulty.calls(Op::Abandon), before + 1);
    faulty.lose_next_reply(Op::Fill, 1, ErrorKind::Timeout);
    population(&world.here, 3).await;
    world.here.cache.drain().await;
    assert_eq!(faulty.calls(Op::Abandon), before + 2);
    for id in [1, 2, 3] {
        assert_eq!(world.elsewhere.explain(id).await.state, State::Value);
    }
}

/// Whether they were granted nobody knows: nothing is filled under them, and they are given back.
#[tokio::test]
async fn leases_of_a_cold_repository_whose_answer_is_lost_are_given_back() {
    let server = RedisServer::start();
    let (world, faulty) = failing(&server).await;
    for alone in [false, true] {
        make_cold(&world.here).await;
        let (fills, reads) = (faulty.calls(Op::Fill), faulty.calls(Op::GetMany));
        faulty.lose_next_reply(Op::Lease, 1, ErrorKind::Timeout);
        match alone {
            true => assert_eq!(population(&world.here, 1).await, 2100),
            false => assert_eq!(populations(&world.here, &[1, 2]).await, [Some(2100), Some(500)]),
        }
        world.here.cache.drain().await;
        assert_eq!((faulty.calls(Op::Fill), faulty.calls(Op::GetMany)), (fills, reads));
        for id in [1, 2] {
            assert_eq!(world.elsewhere.explain(id).await.state, State::Absent, "alone: {alone}");
        }
        assert_eq!(population(&world.elsewhere, 1).await, 2100);
        world.elsewhere.cache.drain().await;
        world.elsewhere.cache.clear().await.unwrap();
    }
}

/// Who waits for one that has given its lease back, because its fill has failed, is not kept waiting.
#[tokio::test]
async fn a_lease_whose_fill_failed_and_that_could_not_be_given_back_keeps_its_own_process_waiting_for_nothing()
 {
    let server = RedisServer::start();
    let (world, faulty) = failing(&server).await;
    faulty.fail_next(Op::Fill, 2, ErrorKind::Timeout);
    faulty.fail(Op::Abandon, ErrorKind::Timeout);
    populations(&world.here, &[1, 2]).await;
    population(&world.here, 3).await;
    world.here.cache.drain().await;
    for id in [1, 2, 3] {
        assert_eq!(world.elsewhere.explain(id).await.state, State::Lease);
        let looks = faulty.calls(Op::Get);
        in_time("a read", population(&world.here, id)).await;
        assert_eq!(faulty.calls(Op::Get), looks + 1, "it looked once, and waited for nobody");
    }
}

/// Nobody is given another's row, or no row where there is one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_rows_that_are_loaded_together_each_caller_is_given_its_own() {
    let world = World::new().await;
    let rows: Vec<_> =
        (1000..1300).map(|id| city(id, &format!("city-{id}"), "FR", id * 2)).collect();
    world.here.insert_many(&rows).await.unwrap();
    let mut lock = world.fixture.pool().begin().await.unwrap();
    sqlx::query("LOCK TABLE cities IN ACCESS EXCLUSIVE MODE").execute(&mut *lock).await.unwrap();
    let mut readers = JoinSet::new();
    for id in 900..1400 {
        let here = world.here.clone();
        readers.spawn(async move { (id, here.get(id).await.unwrap()) });
    }
    eventually("all have asked", || async { world.here.stats().misses == 500 }).await;
    lock.rollback().await.unwrap();
    while let Some(read) = in_time("a reader", readers.join_next()).await {
        let (id, row) = read.unwrap();
        let expected = (1000..1300).contains(&id).then_some(id * 2);
        assert_eq!(row.map(|row| (row.id, row.population)), expected.map(|it| (id, it)));
    }
}

/// The statements that are under way belong to a runtime that ends: who waits behind them asks by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_runtime_that_ends_keeps_nobody_waiting_for_its_loads() {
    for first in [true, false] {
        let world = World::new().await;
        world.here.cache.ping().await.unwrap();
        let mut lock = world.fixture.pool().begin().await.unwrap();
        let whole = "LOCK TABLE cities IN ACCESS EXCLUSIVE MODE";
        sqlx::query(whole).execute(&mut *lock).await.unwrap();
        let (here, stepper) = (world.here.clone(), world.stepper.clone());
        let ends = tokio::task::spawn_blocking(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                for id in [1, 2] {
                    let here = here.clone();
                    drop(tokio::spawn(async move { here.get(id).await }));
                }
                let loads =
                    || stepper.seen().iter().filter(|(step, _)| *step == Step::Load).count();
                eventually("both load", || async { loads() == 2 }).await;
                for _ in 0..100 {
                    tokio::task::yield_now().await;
                }
            });
            runtime
        });
        let runtime = ends.await.unwrap();
        let mut readers = JoinSet::new();
        for id in [3, 4, 5, 6] {
            let here = world.here.clone();
            readers.spawn(async move { here.get(id).await.unwrap().map(|row| row.population) });
        }
        eventually("all have asked", || async { world.here.stats().misses == 6 }).await;
        if first {
            runtime.shutdown_background();
            lock.rollback().await.unwrap();
        } else {
            lock.rollback().await.unwrap();
            runtime.shutdown_background();
        }
        let found = in_time("the readers", readers.join_all()).await;
        assert_eq!(found.into_iter().flatten().collect::<Vec<_>>(), [2800]);
        // And whoever comes later is answered as well, the rows of the first two among them.
        assert_eq!(in_time("a read", population(&world.elsewhere, 3)).await, 2800);
        for id in [1, 2] {
            let row = in_time("a row of those that were let go", world.here.get(id)).await;
            assert!(row.unwrap().is_some());
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "codes")]
struct Code {
    #[entity(id)]
    code: String,
    number: i64,
}

#[cached_repository(entity = Code)]
#[derive(Clone)]
struct Codes {
    db: PgPool,
    cache: CacheManager,
}

/// `verify_schema` says no to such ids. A read is none the wiser for those that it was loaded with.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_under_an_id_that_only_the_database_takes_for_equal_is_found_together_as_alone() {
    let world = World::new().await;
    world
        .sql(
            "CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false); \
             CREATE TABLE codes (code text COLLATE loose PRIMARY KEY, number int8 NOT NULL); \
             INSERT INTO codes VALUES ('a', 1), ('b', 2), ('c', 3), ('d', 4)",
        )
        .await;
    let codes = Codes { db: world.fixture.pool().clone(), cache: world.here.cache.clone() };
    let mut lock = world.fixture.pool().begin().await.unwrap();
    sqlx::query("LOCK TABLE codes IN ACCESS EXCLUSIVE MODE").execute(&mut *lock).await.unwrap();
    let mut readers = JoinSet::new();
    for (loads, id, number) in [(1, "b", 2), (2, "c", 3), (3, "A", 1), (4, "d", 4)] {
        let reads = codes.clone();
        readers.spawn(async move {
            let row = reads.get(id).await.unwrap();
            (row.map(|row| row.number), Some(number))
        });
        eventually("it loads", || async { codes.stats().loads == loads }).await;
    }
    lock.rollback().await.unwrap();
    for (found, expected) in in_time("the readers", readers.join_all()).await {
        assert_eq!(found, expected);
    }
}
