//! Transactions that go wrong: halfway, inside, at their end, and in one of two caches.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use cache_runtime::{CacheManager, CacheTransaction, Error, ErrorKind, State, Step};
use tests::{RedisServer, eventually, in_time};

use super::places::cached_in_the_end;
use super::world::{Cities, World, city};

async fn truth(world: &World, id: i64) -> Option<i64> {
    sqlx::query_scalar("SELECT population FROM cities WHERE id = $1")
        .bind(id)
        .fetch_optional(world.fixture.pool())
        .await
        .unwrap()
}

/// Polls a future so many times, and drops it; says whether it was done.
async fn dropped_after<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..polls {
        let poll = std::future::poll_fn(|_| {
            Poll::Ready(future.as_mut().poll(&mut Context::from_waker(Waker::noop())))
        })
        .await;
        if let Poll::Ready(output) = poll {
            return Some(output);
        }
        tokio::task::yield_now().await;
    }
    None
}

/// No reader of either process may see what is older than what the database had before it read.
async fn nobody_is_served_an_old_value(world: &World, id: i64) {
    for cities in [&world.here, &world.elsewhere] {
        let before = truth(world, id).await;
        let read = in_time("a read", cities.get(id)).await.unwrap().map(|row| row.population);
        let after = truth(world, id).await;
        assert!(read == before || read == after, "{before:?}, {read:?}, {after:?}");
    }
}

async fn pool_is_whole(world: &World) {
    eventually("no connection is left in a transaction", || async {
        let busy: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
             AND state <> 'idle'",
        )
        .fetch_one(world.fixture.pool())
        .await
        .unwrap();
        busy == 0
    })
    .await;
}

#[tokio::test]
async fn a_commit_that_is_dropped_anywhere_leaves_no_old_value() {
    let world = World::new().await;
    let (mut done, mut polls) = (0, 0);
    while done < 3 {
        assert!(polls < 10_000, "the commit never ends");
        cached_in_the_end(&world, 1).await;
        let mut tx = world.here.begin().await.unwrap();
        let population = 10_000 + i64::try_from(polls).unwrap();
        world.here.within(&mut tx).update(&city(1, "paris", "FR", population)).await.unwrap();
        if let Some(outcome) = dropped_after(polls, tx.commit()).await {
            outcome.unwrap();
            assert_eq!(truth(&world, 1).await, Some(population));
            done += 1;
        }
        nobody_is_served_an_old_value(&world, 1).await;
        pool_is_whole(&world).await;
        nobody_is_served_an_old_value(&world, 1).await;
        polls += 1 + polls / 10;
    }
}

/// The statement may have run although nobody heard of it: then its keys are not known, and it must not be committed
/// without them.
#[tokio::test]
async fn a_write_that_is_dropped_halfway_in_a_transaction_is_not_committed_unseen() {
    let world = World::new().await;
    let (mut done, mut polls) = (0, 0);
    while done < 3 {
        assert!(polls < 10_000, "the write never ends");
        cached_in_the_end(&world, 1).await;
        let population = 20_000 + i64::try_from(polls).unwrap();
        let mut tx = world.here.begin().await.unwrap();
        let finished = {
            let mut within = world.here.within(&mut tx);
            dropped_after(polls, within.update(&city(1, "paris", "FR", population))).await
        };
        done += usize::from(finished.is_some());
        // Whether this is refused or not is one thing; that nobody reads what was before is the other.
        let told = tx.commit().await;
        let changed = truth(&world, 1).await == Some(population);
        assert!(!changed || told.is_ok(), "{told:?}");
        nobody_is_served_an_old_value(&world, 1).await;
        pool_is_whole(&world).await;
        nobody_is_served_an_old_value(&world, 1).await;
        polls += 1 + polls / 10;
    }
}

#[tokio::test]
async fn a_savepoint_whose_end_is_dropped_anywhere_leaves_no_old_value() {
    let world = World::new().await;
    for commits in [true, false] {
        let (mut done, mut polls) = (0, 0);
        while done < 2 {
            assert!(polls < 10_000, "the savepoint never ends");
            cached_in_the_end(&world, 1).await;
            cached_in_the_end(&world, 2).await;
            let population = 30_000 + i64::try_from(polls).unwrap();
            let mut tx = world.here.begin().await.unwrap();
            world.here.within(&mut tx).update(&city(2, "lyon", "FR", population)).await.unwrap();
            let mut part = tx.savepoint().await.unwrap();
            world.here.within(&mut part).update(&city(1, "paris", "FR", population)).await.unwrap();
            let ended = if commits {
                dropped_after(polls, part.commit()).await
            } else {
                dropped_after(polls, part.rollback()).await
            };
            done += usize::from(ended.is_some());
            let _ = in_time("the commit", tx.commit()).await;
            for id in [1, 2] {
                nobody_is_served_an_old_value(&world, id).await;
            }
            pool_is_whole(&world).await;
            polls += 1 + polls / 10;
        }
    }
}

/// What plain sqlx does: Postgres answers a commit of an aborted transaction with a rollback.
#[tokio::test]
async fn a_transaction_that_an_error_aborted_changes_nothing_whatever_its_commit_says() {
    let world = World::new().await;
    for id in [1, 2, 3] {
        world.cached(id).await;
    }
    let mut tx = world.here.begin().await.unwrap();
    world.here.within(&mut tx).update(&city(1, "paris", "FR", 7)).await.unwrap();
    assert!(world.here.within(&mut tx).insert(&city(9, "lyon", "FR", 7)).await.is_err());
    assert!(world.here.within(&mut tx).update(&city(2, "lyon", "FR", 7)).await.is_err());
    let told = tx.commit().await;

    let mut plain = world.fixture.pool().begin().await.unwrap();
    assert!(sqlx::query("SELECT 1/0").execute(&mut *plain).await.is_err());
    let plain = plain.commit().await;
    assert_eq!(told.is_ok(), plain.is_ok(), "{told:?}, {plain:?}");
    assert_eq!(truth(&world, 1).await, Some(2100));
    for id in [1, 2, 3] {
        nobody_is_served_an_old_value(&world, id).await;
        cached_in_the_end(&world, id).await;
    }
    world.here.update(&city(1, "paris", "FR", 8)).await.unwrap();
    nobody_is_served_an_old_value(&world, 1).await;
    pool_is_whole(&world).await;
}

#[tokio::test]
async fn a_savepoint_takes_a_failing_statement_upon_itself() {
    let world = World::new().await;
    for id in [1, 2, 3] {
        world.cached(id).await;
    }
    let mut tx = world.here.begin().await.unwrap();
    world.here.within(&mut tx).update(&city(1, "paris", "FR", 7)).await.unwrap();
    for ends_by_rollback in [true, false] {
        let mut part = tx.savepoint().await.unwrap();
        world.here.within(&mut part).update(&city(3, "rome", "IT", 7)).await.unwrap();
        assert!(world.here.within(&mut part).update(&city(2, "paris", "FR", 7)).await.is_err());
        if ends_by_rollback {
            part.rollback().await.unwrap();
        }
    }
    // To keep a savepoint in which something failed is refused, and it is rolled back.
    let mut part = tx.savepoint().await.unwrap();
    assert!(world.here.within(&mut part).insert(&city(9, "paris", "FR", 7)).await.is_err());
    assert!(part.commit().await.is_err());
    world.here.within(&mut tx).insert(&city(8, "nice", "FR", 7)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(truth(&world, 1).await, Some(7));
    assert_eq!(truth(&world, 3).await, Some(2800));
    assert_eq!(
        world.here.explain(3).await.state,
        State::Value,
        "what was rolled back was not held"
    );
    for id in [1, 2, 3, 8, 9] {
        nobody_is_served_an_old_value(&world, id).await;
    }
}

/// Repositories under two managers: another namespace on the same Redis, or another Redis.
#[tokio::test]
async fn one_transaction_tells_both_of_two_managers() {
    let world = World::new().await;
    let redis = RedisServer::start();
    let cache = CacheManager::builder("other").redis(&redis.url()).build().unwrap();
    let other = Cities { cache, runs: Arc::default(), ..world.here.clone() };
    let is_cached = async || {
        eventually("the row is cached in both", || async {
            world.here.get(1).await.unwrap();
            other.get(1).await.unwrap();
            world.here.explain(1).await.state == State::Value
                && other.explain(1).await.state == State::Value
        })
        .await;
    };
    is_cached().await;
    let mut tx = CacheTransaction::begin(world.fixture.pool()).await.unwrap();
    // The same row under both: who caches a table twice has to write through both.
    world.here.within(&mut tx).update(&city(1, "paris", "FR", 7)).await.unwrap();
    other.within(&mut tx).update(&city(1, "paris", "FR", 8)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.elsewhere.get(1).await.unwrap().unwrap().population, 8);
    assert_eq!(other.get(1).await.unwrap().unwrap().population, 8);
}

#[tokio::test]
async fn one_cache_that_is_away_rejects_the_write_and_leaves_the_other_cache_free() {
    let world = World::new().await;
    let mut redis = RedisServer::start();
    let cache = CacheManager::builder("other").redis(&redis.url()).build().unwrap();
    let other = Cities { cache, runs: Arc::default(), ..world.here.clone() };
    cached_in_the_end(&world, 1).await;
    other.get(2).await.unwrap();
    redis.kill();
    for here_first in [true, false] {
        let mut tx = CacheTransaction::begin(world.fixture.pool()).await.unwrap();
        if here_first {
            world.here.within(&mut tx).update(&city(1, "paris", "FR", 7)).await.unwrap();
        }
        other.within(&mut tx).update(&city(2, "lyon", "FR", 7)).await.unwrap();
        if !here_first {
            world.here.within(&mut tx).update(&city(1, "paris", "FR", 7)).await.unwrap();
        }
        let error = tx.commit().await.unwrap_err();
        assert_eq!(Error::of(&error).unwrap().kind(), ErrorKind::HoldNotPlaced, "{error:?}");
        assert_eq!((truth(&world, 1).await, truth(&world, 2).await), (Some(2100), Some(500)));
        // The hold in the cache that is there is given back, long before it would run out.
        cached_in_the_end(&world, 1).await;
    }
    assert_eq!(other.get(2).await.unwrap().unwrap().population, 500);
}

/// A deferred constraint speaks at the commit: nothing was committed, and the keys are free at once.
#[tokio::test]
async fn a_commit_that_the_database_refuses_gives_its_keys_back() {
    let world = World::new().await;
    world
        .sql(
            "CREATE TABLE notes (city int8 REFERENCES cities DEFERRABLE INITIALLY DEFERRED); \
             ALTER TABLE cities DROP CONSTRAINT cities_slug_key; \
             ALTER TABLE cities ADD CONSTRAINT later UNIQUE (slug) DEFERRABLE INITIALLY DEFERRED",
        )
        .await;
    cached_in_the_end(&world, 1).await;
    let mut tx = world.here.begin().await.unwrap();
    world.here.within(&mut tx).update(&city(1, "lyon", "FR", 7)).await.unwrap();
    let error = tx.commit().await.unwrap_err();
    assert!(error.as_database_error().unwrap().is_unique_violation(), "{error:?}");
    assert_eq!(truth(&world, 1).await, Some(2100));
    cached_in_the_end(&world, 1).await;
    pool_is_whole(&world).await;
}

/// A row that the program cannot read any more: the change is made, its keys are not known.
#[tokio::test]
async fn a_change_whose_row_cannot_be_read_is_not_committed_unseen() {
    let world = World::new().await;
    cached_in_the_end(&world, 1).await;
    world
        .sql(
            "ALTER TABLE cities ALTER population DROP NOT NULL; \
             CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN NEW.population := NULL; RETURN NEW; END $$; \
             CREATE TRIGGER spoil BEFORE UPDATE ON cities FOR EACH ROW WHEN (NEW.population = 7) \
             EXECUTE FUNCTION spoil()",
        )
        .await;
    let mut tx = world.here.begin().await.unwrap();
    let error = world.here.within(&mut tx).update(&city(1, "paris", "IT", 7)).await.unwrap_err();
    assert!(matches!(error, sqlx::Error::ColumnDecode { .. }), "{error:?}");
    let told = tx.commit().await;
    let country: Option<String> = sqlx::query_scalar("SELECT country FROM cities WHERE id = 1")
        .fetch_one(world.fixture.pool())
        .await
        .unwrap();
    let read = world.elsewhere.get(1).await;
    let is_old = matches!(&read, Ok(Some(row)) if row.country != country);
    assert!(!is_old, "committed: {told:?}, {country:?}; read: {read:?}");
}

#[tokio::test]
async fn a_transaction_without_a_change_touches_no_cache() {
    let world = World::new().await;
    let hold = world.stepper.park(Step::Hold, &world.row(1));
    let mut tx = world.here.begin().await.unwrap();
    let row = world.here.within(&mut tx).get(1).await.unwrap().unwrap();
    world.here.within(&mut tx).update(&row).await.unwrap();
    assert!(world.here.within(&mut tx).delete(99).await.unwrap().is_none());
    in_time("the commit", tx.commit()).await.unwrap();
    assert!(world.stepper.seen().is_empty(), "{:?}", world.stepper.seen());
    drop(hold);
}
