use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use cache_runtime::{CacheTransaction, State};
use tests::eventually;

use super::world::{Cities, World, city};

/// Hazard 12.
#[tokio::test]
async fn a_read_inside_a_transaction_sees_it_and_fills_nothing() {
    let world = World::new().await;
    let mut tx = world.here.begin().await.unwrap();
    world.here.within(&mut tx).update(&city(1, "paname", "IT", 1)).await.unwrap();
    let mut inside = world.here.within(&mut tx);
    assert_eq!(inside.get(1).await.unwrap().unwrap().population, 1);
    assert_eq!(inside.get_many(&[1, 9]).await.unwrap()[0].as_ref().unwrap().population, 1);
    assert_eq!(inside.find_by_slug("paname").await.unwrap().unwrap().id, 1);
    assert_eq!(inside.find_by_slug("paris").await.unwrap(), None);
    assert_eq!(inside.list_by_country("IT", ..).await.unwrap().len(), 2);
    assert!(world.stepper.seen().is_empty(), "the cache was not asked");
    assert_eq!(world.here.explain(1).await.state, State::Absent);

    assert_eq!(world.elsewhere.get(1).await.unwrap().unwrap().population, 2100);
    tx.rollback().await.unwrap();
    assert_eq!(world.here.get(1).await.unwrap().unwrap().population, 2100);
    assert_eq!(world.here.find_by_slug("paname").await.unwrap(), None);
}

#[tokio::test]
async fn a_transaction_that_is_dropped_is_rolled_back() {
    let world = World::new().await;
    world.cached(1).await;
    let mut tx = world.here.begin().await.unwrap();
    world.here.within(&mut tx).update(&city(1, "paname", "IT", 1)).await.unwrap();
    drop(tx);
    // Waits for the row's lock, which the rollback frees.
    world.here.update(&city(1, "paris", "FR", 5)).await.unwrap();
    assert_eq!(world.here.get(1).await.unwrap().unwrap().slug, "paris");
}

#[tokio::test]
async fn an_inner_rollback_forgets_only_the_inner_keys() {
    let world = World::new().await;
    for id in [1, 2, 3] {
        world.cached(id).await;
    }
    let mut tx = world.here.begin().await.unwrap();
    world.here.within(&mut tx).update(&city(1, "paris", "FR", 1)).await.unwrap();
    let mut inner = tx.savepoint().await.unwrap();
    world.here.within(&mut inner).update(&city(2, "lyon", "FR", 1)).await.unwrap();
    inner.rollback().await.unwrap();
    {
        let mut dropped = tx.savepoint().await.unwrap();
        world.here.within(&mut dropped).update(&city(2, "lyon", "FR", 2)).await.unwrap();
    }
    let mut kept = tx.savepoint().await.unwrap();
    world.here.within(&mut kept).update(&city(3, "rome", "IT", 1)).await.unwrap();
    kept.commit().await.unwrap();
    tx.commit().await.unwrap();

    assert_eq!(world.here.explain(2).await.state, State::Value, "its keys were forgotten");
    let populations = world.here.get_many(&[1, 2, 3]).await.unwrap();
    let populations: Vec<_> = populations.iter().flatten().map(|row| row.population).collect();
    assert_eq!(populations, [1, 500, 1]);
}

#[tokio::test]
async fn a_method_with_a_statement_of_its_own_invalidates_what_the_row_was_and_is() {
    let world = World::new().await;
    world.cached(1).await;
    assert!(world.here.find_by_slug("paris").await.unwrap().is_some());
    assert!(world.here.find_by_slug("paname").await.unwrap().is_none());
    let mut tx = world.here.begin().await.unwrap();
    world.here.rename(&mut tx, 1, "paname").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.elsewhere.get(1).await.unwrap().unwrap().slug, "paname");
    assert!(world.elsewhere.find_by_slug("paris").await.unwrap().is_none());
    assert!(world.elsewhere.find_by_slug("paname").await.unwrap().is_some());
}

#[tokio::test]
async fn plain_statements_run_in_the_transaction() {
    let world = World::new().await;
    let mut tx = CacheTransaction::begin(world.fixture.pool()).await.unwrap();
    world.here.within(&mut tx).insert(&city(9, "nice", "FR", 1)).await.unwrap();
    let count: i64 =
        sqlx::query_scalar("SELECT count(*) FROM cities").fetch_one(&mut *tx).await.unwrap();
    assert_eq!(count, 4);
    tx.commit().await.unwrap();
}

/// How a call is dropped: after so many polls that left it pending.
async fn dropped_after<F: Future>(polls: usize, future: F) -> bool {
    let mut future = pin!(future);
    for _ in 0..polls {
        let poll = std::future::poll_fn(|_| {
            Poll::Ready(future.as_mut().poll(&mut Context::from_waker(Waker::noop())))
        })
        .await;
        if poll.is_ready() {
            return true;
        }
        tokio::task::yield_now().await;
    }
    false
}

async fn connections_in_a_transaction(world: &World) -> i64 {
    sqlx::query_scalar(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
         AND state <> 'idle'",
    )
    .fetch_one(world.fixture.pool())
    .await
    .unwrap()
}

/// Hazard 7.
#[tokio::test]
async fn a_begin_that_is_dropped_leaves_no_transaction_behind() {
    let world = World::new().await;
    let pool = world.fixture.database().connect(1).await;
    for polls in 0..30 {
        dropped_after(polls, CacheTransaction::begin(&pool)).await;
        // Before anyone uses the connection again: a next begin would end what this one left open.
        eventually("no connection is left in a transaction", || async {
            pool.size() as usize == pool.num_idle()
                && connections_in_a_transaction(&world).await == 0
        })
        .await;
    }
    let tx = CacheTransaction::begin(&pool).await.unwrap();
    tx.rollback().await.unwrap();
}

/// Hazard 7: on a pool of one connection, a call that was dropped at any point leaves neither a wrong reply, nor a
/// changed row without its invalidation, nor a connection that is never given back.
#[tokio::test]
async fn a_call_that_is_dropped_anywhere_harms_no_later_one() {
    let world = World::new().await;
    let pool = world.fixture.database().connect(1).await;
    let cities = Cities { db: pool, ..world.here.clone() };
    let (mut finished, mut polls) = (0, 0);
    while finished < 3 {
        assert!(polls < 10_000, "the calls never finish");
        let step = 1 + polls / 10;
        let population = i64::try_from(polls).unwrap();
        finished += usize::from(
            dropped_after(polls, cities.update(&city(1, "paris", "FR", population))).await,
        );
        dropped_after(polls, cities.get_many(&[1, 2, 3])).await;
        dropped_after(polls, cities.find_by_slug("rome")).await;
        dropped_after(polls, cities.get(1)).await;
        let truth: i64 = sqlx::query_scalar("SELECT population FROM cities WHERE id = 1")
            .fetch_one(&cities.db)
            .await
            .unwrap();
        // What was dropped may have been committed after that statement, and never before it.
        let read = tests::in_time("a read", cities.get(1)).await.unwrap().unwrap();
        assert!(
            read.population == truth || read.population == population,
            "{read:?}, {truth}, {population}"
        );
        assert_eq!(cities.get(2).await.unwrap().unwrap().slug, "lyon");
        assert_eq!(cities.find_by_slug("rome").await.unwrap().unwrap().id, 3);
        polls += step;
    }
    eventually("no connection is left in a transaction", || async {
        connections_in_a_transaction(&world).await == 0
    })
    .await;
    let truth: i64 = sqlx::query_scalar("SELECT population FROM cities WHERE id = 1")
        .fetch_one(&cities.db)
        .await
        .unwrap();
    assert_eq!(cities.get(1).await.unwrap().unwrap().population, truth);
}

/// Hazard 7: sqlx takes a savepoint that was not begun for a reason to roll back what is around it.
#[tokio::test]
async fn a_savepoint_that_is_dropped_before_it_began_commits_nothing_unseen() {
    let world = World::new().await;
    world.cached(1).await;
    for polls in 0..12 {
        let mut tx = world.here.begin().await.unwrap();
        world.here.within(&mut tx).update(&city(1, "paris", "FR", 5)).await.unwrap();
        let begun = dropped_after(polls, tx.savepoint()).await;
        let after = world.here.within(&mut tx).update(&city(1, "paris", "FR", 6)).await;
        let committed = tx.commit().await;
        assert_eq!(after.is_ok(), committed.is_ok(), "{after:?}, {committed:?}");
        assert!(committed.is_ok() || !begun);
        let truth: i64 = sqlx::query_scalar("SELECT population FROM cities WHERE id = 1")
            .fetch_one(world.fixture.pool())
            .await
            .unwrap();
        assert_eq!(world.elsewhere.get(1).await.unwrap().unwrap().population, truth);
        eventually("no connection is left in a transaction", || async {
            connections_in_a_transaction(&world).await == 0
        })
        .await;
    }
}

#[tokio::test]
async fn a_savepoint_that_fails_ends_the_transaction() {
    let world = World::new().await;
    let mut tx = world.here.begin().await.unwrap();
    world.here.within(&mut tx).update(&city(1, "paris", "FR", 5)).await.unwrap();
    sqlx::query("SELECT 1 / 0").execute(tx.connection()).await.unwrap_err();
    tx.savepoint().await.map(drop).unwrap_err();
    world.here.within(&mut tx).update(&city(1, "paris", "FR", 6)).await.unwrap_err();
    assert!(tx.commit().await.unwrap_err().to_string().contains("has ended"));
    assert_eq!(world.here.get(1).await.unwrap().unwrap().population, 2100);
}
