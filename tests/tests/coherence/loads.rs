//! The cap on loads, and what may be served where a load fails or takes its time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cache_runtime::{Error, ErrorKind, State, Step};
use tests::{eventually, in_time};

use crate::world::{Cities, World, city};

const HOUR: Duration = Duration::from_secs(3600);

fn reader(cities: &Cities, id: i64) -> tokio::task::JoinHandle<sqlx::Result<Option<i64>>> {
    let cities = cities.clone();
    tokio::spawn(async move { Ok(cities.get(id).await?.map(|row| row.population)) })
}

fn loads(world: &World) -> usize {
    world.stepper.seen().iter().filter(|(step, _)| *step == Step::Load).count()
}

#[tokio::test]
async fn no_more_loads_run_at_once_than_the_cap_allows() {
    let world = World::with(|builder| builder.max_loads(2, 100)).await;
    let gates: Vec<_> = (1..=3).map(|id| world.stepper.park(Step::Load, &world.row(id))).collect();
    let readers: Vec<_> = (1..=9).map(|id| reader(&world.here, id)).collect();
    eventually("two loads run", || async { loads(&world) >= 2 }).await;
    // Everyone has asked the cache by now, and the first two have not moved on.
    eventually("all have looked", || async { world.here.stats().misses == 9 }).await;
    assert_eq!(loads(&world), 2);
    drop(gates);
    for reader in readers {
        in_time("a reader", reader).await.unwrap().unwrap();
    }
    assert_eq!(loads(&world), 9);
}

#[tokio::test]
async fn one_load_more_than_may_wait_is_refused_with_a_reason_and_the_next_is_not() {
    let world = World::with(|builder| builder.max_loads(1, 1)).await;
    let gate = world.stepper.park(Step::Load, &world.row(1));
    let first = reader(&world.here, 1);
    gate.arrived().await;
    let second = reader(&world.here, 2);
    eventually("the second waits", || async { world.here.stats().misses == 2 }).await;
    let refused = in_time("the third", world.here.get(3)).await.unwrap_err();
    let error = Error::of(&refused).expect("it is the cache's own");
    assert_eq!(error.kind(), ErrorKind::Overloaded);
    assert!(error.to_string().contains("max_loads"), "{error}");
    assert_eq!(world.here.stats().shed, 1);
    gate.open();
    for reader in [first, second] {
        in_time("a reader", reader).await.unwrap().unwrap();
    }
    assert_eq!(world.here.get(3).await.unwrap().unwrap().id, 3);
}

#[tokio::test]
async fn a_load_that_reads_through_the_repository_needs_one_turn() {
    let world = World::with(|builder| builder.max_loads(1, 10)).await;
    let answer = in_time("the answer", world.here.population_by_row(1)).await;
    assert_eq!(answer.unwrap(), Some(2100));
}

#[tokio::test]
async fn a_batch_takes_one_turn() {
    let world = World::with(|builder| builder.max_loads(1, 10)).await;
    let rows = in_time("the rows", world.here.get_many(&[1, 2, 3])).await.unwrap();
    assert_eq!(rows.into_iter().flatten().count(), 3);
}

/// Hazard 31.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cache_that_is_emptied_under_load_never_drives_the_database_past_the_cap() {
    const CAP: usize = 4;
    let world = World::with(|builder| builder.max_loads(CAP, 10_000)).await;
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let spec: &'static cache_runtime::CallSpec =
        Box::leak(Box::new(cache_runtime::CallSpec::new("i64")));
    let read = |number: i64| {
        let (here, running, most) = (world.here.clone(), running.clone(), most.clone());
        async move {
            use cache_runtime::CachedRepository;
            let call = here.repository().call::<cache_runtime::Whole<i64>>(spec);
            let call = call.key(|key| key.text("capped").value(&number));
            let load = || async {
                let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                let one = sqlx::query_scalar("SELECT pg_sleep(0.002)::text || 'x'")
                    .fetch_one(&here.db)
                    .await
                    .map(|_: String| number);
                running.fetch_sub(1, Ordering::SeqCst);
                one
            };
            call.cached(load).await
        }
    };
    for round in 0..5 {
        // Five times as many callers as the database takes, over and over.
        let callers: Vec<_> =
            (0..CAP as i64 * 50).map(|number| tokio::spawn(read(number % 100))).collect();
        for caller in callers {
            in_time("an answer", caller).await.unwrap().unwrap();
        }
        world.here.cache.drain().await;
        if round < 4 {
            world.here.cache.clear().await.unwrap();
        }
    }
    assert!(most.load(Ordering::SeqCst) <= CAP, "{most:?} at once");
    let before = world.here.stats();
    for number in 0..100 {
        read(number).await.unwrap();
    }
    assert_eq!((world.here.stats() - before).loads, 0, "it has recovered");
}

/// A cached row that has outlived its TTL, kept for the case that the database fails.
async fn expired(world: &World) {
    world.cached(1).await;
    let halfway = cache_runtime::Ttl::After(HOUR / 2);
    assert!(world.here.cache.backend().expire(&world.row(1), halfway).await.unwrap());
}

async fn break_the_table(world: &World) {
    world.sql("ALTER TABLE cities RENAME TO elsewhere").await;
}

async fn mend_the_table(world: &World) {
    world.sql("ALTER TABLE elsewhere RENAME TO cities").await;
}

#[tokio::test]
async fn an_expired_value_is_served_where_the_database_fails_and_only_there() {
    let world = World::with(|builder| builder.stale_on_error(HOUR)).await;
    expired(&world).await;
    break_the_table(&world).await;
    for _ in 0..3 {
        assert_eq!(world.here.get(1).await.unwrap().unwrap().population, 2100);
    }
    let batch = world.here.get_many(&[1, 1]).await.unwrap();
    assert_eq!(batch[1].as_ref().unwrap().population, 2100);
    assert_eq!(world.here.stats().stale, 4);
    assert!(world.here.get(2).await.is_err(), "of this one there is nothing");
    assert!(world.here.get_many(&[1, 2]).await.is_err(), "half an answer is none");
    mend_the_table(&world).await;
    world.sql("UPDATE cities SET population = 7 WHERE id = 1").await;
    assert_eq!(world.here.get(1).await.unwrap().unwrap().population, 7);
}

#[tokio::test]
async fn a_value_that_has_not_expired_is_an_answer_as_ever() {
    let world = World::with(|builder| builder.stale_on_error(HOUR)).await;
    world.cached(1).await;
    let before = world.here.stats();
    world.here.get(1).await.unwrap();
    assert_eq!((world.here.stats() - before).hits, 1);
    let left = world.here.explain(1).await.remaining;
    assert!(
        matches!(left, cache_runtime::Remaining::Left(left) if left > HOUR),
        "it is kept for longer than it lives: {left:?}"
    );
}

/// Hazard 24.
#[tokio::test]
async fn a_value_that_was_invalidated_is_never_served_in_place_of_a_failed_load() {
    let world = World::with(|builder| builder.stale_on_error(HOUR)).await;
    expired(&world).await;
    world.elsewhere.update(&city(1, "paris", "FR", 7)).await.unwrap();
    break_the_table(&world).await;
    assert!(world.here.get(1).await.is_err());
}

/// Hazard 24: the invalidation comes while the load is under way.
#[tokio::test]
async fn a_value_that_is_invalidated_during_a_load_that_fails_is_not_served() {
    let world = World::with(|builder| builder.stale_on_error(HOUR)).await;
    expired(&world).await;
    let load = world.stepper.park(Step::Load, &world.row(1));
    let reader = reader(&world.here, 1);
    load.arrived().await;
    world.elsewhere.update(&city(1, "paris", "FR", 7)).await.unwrap();
    break_the_table(&world).await;
    load.open();
    assert!(in_time("the reader", reader).await.unwrap().is_err());
    assert_eq!(world.here.stats().stale, 0);
}

/// A transaction that keeps everyone from reading the table.
async fn locked(world: &World) -> sqlx::Transaction<'static, sqlx::Postgres> {
    let mut lock = world.fixture.pool().begin().await.unwrap();
    sqlx::query("LOCK TABLE cities IN ACCESS EXCLUSIVE MODE").execute(&mut *lock).await.unwrap();
    lock
}

async fn impatient() -> World {
    let soft = Duration::from_millis(20);
    World::with(|builder| builder.stale_on_error(HOUR).soft_timeout(soft)).await
}

#[tokio::test]
async fn who_waits_too_long_for_a_load_gets_the_expired_value_and_the_load_goes_on() {
    let world = impatient().await;
    expired(&world).await;
    let mut lock = locked(&world).await;
    for _ in 0..3 {
        let row = in_time("the expired value", world.here.get(1)).await.unwrap().unwrap();
        assert_eq!(row.population, 2100);
    }
    assert_eq!(loads(&world), 2, "one for the cache, one that goes on");
    sqlx::query("UPDATE cities SET population = 7 WHERE id = 1").execute(&mut *lock).await.unwrap();
    lock.commit().await.unwrap();
    eventually("the load has filled", || async {
        world.here.get(1).await.unwrap().unwrap().population == 7
    })
    .await;
    assert_eq!(loads(&world), 2);
}

/// Hazard 24: what is kept beside a load is good only while its lease stands.
#[tokio::test]
async fn an_expired_value_is_not_served_during_a_load_once_it_was_invalidated() {
    let world = impatient().await;
    expired(&world).await;
    let lock = locked(&world).await;
    assert_eq!(world.here.get(1).await.unwrap().unwrap().population, 2100);
    let nobody = cache_runtime::entry::Token::new();
    world.here.cache.backend().release(&[world.row(1)], nobody).await.unwrap();
    let reader = reader(&world.here, 1);
    eventually("a load of its own", || async { loads(&world) == 3 }).await;
    assert!(!reader.is_finished());
    lock.rollback().await.unwrap();
    assert_eq!(in_time("the reader", reader).await.unwrap().unwrap(), Some(2100));
}

#[tokio::test]
async fn a_load_that_fails_behind_its_callers_leaves_the_expired_value() {
    let world = impatient().await;
    expired(&world).await;
    let mut lock = locked(&world).await;
    assert_eq!(world.here.get(1).await.unwrap().unwrap().population, 2100);
    sqlx::query("ALTER TABLE cities RENAME TO elsewhere").execute(&mut *lock).await.unwrap();
    lock.commit().await.unwrap();
    eventually("it is put back", || async {
        world.elsewhere.explain(1).await.state == State::Value
    })
    .await;
    assert_eq!(world.here.get(1).await.unwrap().unwrap().population, 2100);
}
