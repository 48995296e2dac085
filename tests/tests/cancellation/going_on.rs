//! A call inside a transaction is dropped, and the transaction goes on.
//!
//! Then its commit says whether everything that had been answered is in the database, and either way the cache agrees.

use std::sync::Arc;

use cache_runtime::{BoxFuture, CacheTransaction};
use sqlx::Connection;
use tokio::task::JoinSet;

use super::dropping::{At, dropped_after, places};
use super::everywhere::{Start, all};
use super::invariants::{Outcome, Round};
use super::repositories::Cities;
use super::table::{Cast, Change, Table};
use super::world::{Site, World};

/// A call in a transaction, as its caller makes it.
type Inside =
    for<'c> fn(&'c Cities, &'c mut CacheTransaction, Cast) -> BoxFuture<'c, sqlx::Result<()>>;

/// What the caller does after the drop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Commits,
    WritesAndCommits,
    SavesAndCommits,
    RollsBack,
    Leaves,
}

const THEN: [Then; 5] =
    [Then::Commits, Then::WritesAndCommits, Then::SavesAndCommits, Then::RollsBack, Then::Leaves];

/// Drops `inside` at each of its awaits. Where the transaction is committed all the same, `changes` are what it may
/// have done; the last is what it does when it is not dropped.
async fn goes_on(name: &'static str, inside: Inside, changes: &'static [Change]) {
    let site = Site::new().await;
    let mut runs = JoinSet::new();
    for then in THEN {
        let site = Arc::clone(&site);
        runs.spawn(async move {
            let world = World::at(site).await;
            let mut done_in_a_row = 0;
            for (awaits, at) in places() {
                let when = format!("after {awaits} awaits, {at:?}, and then the caller {then:?}");
                let round = Round { op: name, start: Start::Warm, when };
                let cast = world.cast();
                world.put_away(world.prepare(Start::Warm, cast).await).await;
                let (done, outcome) = {
                    let work = dropped_inside(&world, cast, awaits, at, inside, changes, then);
                    round.in_time("the transaction", work).await
                };
                world.is_unharmed(&round, cast, &outcome).await;
                done_in_a_row = if done { done_in_a_row + 1 } else { 0 };
                if done_in_a_row == 3 {
                    break;
                }
            }
        });
    }
    all(runs).await;
    site.nothing_is_left().await;
}

async fn dropped_inside(
    world: &World,
    cast: Cast,
    awaits: usize,
    at: At,
    inside: Inside,
    changes: &[Change],
    then: Then,
) -> (bool, Outcome) {
    let cities = &world.here.cities;
    let before = Table::at_first(cast);
    let mut tx = cities.begin().await.expect("a transaction begins");
    // A savepoint of the same name as the one that the call may begin, which Postgres keeps.
    tx.savepoint().await.expect("a savepoint begins").rollback().await.expect("it ends");
    cities.within(&mut tx).update(&cast.moved(1)).await.expect("the first write");
    let dropped = dropped_after(awaits, at, inside(cities, &mut tx, cast)).await;
    if let Some(answer) = &dropped {
        answer.as_ref().expect("the call, where it was not dropped");
    }
    let done = dropped.is_some();

    let mut answered = before.clone();
    answered.put(cast.moved(1));
    let told = then_goes_on(cities, tx, cast, then).await;
    let commits = told.is_ok() && !matches!(then, Then::RollsBack | Then::Leaves);
    assert!(told.is_ok() || !done, "{then:?} after a call that was not dropped: {told:?}");
    let tables = if commits {
        let finish = |mut table: Table| {
            if then == Then::WritesAndCommits {
                table.row(cast.id(3)).extra = 7;
            }
            table
        };
        let with = |change: &Change| {
            let mut table = answered.clone();
            change(&mut table, cast);
            finish(table)
        };
        match changes.split_last() {
            Some((last, _)) if done => vec![with(last)],
            _ => changes.iter().map(with).chain([finish(answered.clone())]).collect(),
        }
    } else {
        vec![before.clone()]
    };
    let meanwhile = tables.iter().cloned().chain([before]).collect();
    (done, Outcome { tables, meanwhile, unknown: false })
}

/// A caller that stops at the first error, as callers do.
async fn then_goes_on(
    cities: &Cities,
    mut tx: CacheTransaction,
    cast: Cast,
    then: Then,
) -> sqlx::Result<()> {
    match then {
        Then::Commits => tx.commit().await,
        Then::WritesAndCommits => {
            cities.mark(&mut tx, cast.id(3)).await?;
            tx.commit().await
        }
        Then::SavesAndCommits => {
            tx.savepoint().await?.commit().await?;
            tx.commit().await
        }
        Then::RollsBack => {
            let _ = tx.rollback().await;
            Ok(())
        }
        Then::Leaves => Ok(()),
    }
}

#[tokio::test]
async fn a_transaction_goes_on_after_a_read_that_was_dropped() {
    let inside: Inside = |cities, tx, cast| {
        Box::pin(async move {
            let mut within = cities.within(tx);
            assert_eq!(within.get(cast.id(1)).await?.as_deref(), Some(&cast.moved(1)));
            assert_eq!(within.find_by_slug(&cast.slug(2)).await?.as_deref(), Some(&cast.city(2)));
            Ok(())
        })
    };
    goes_on("reads in a transaction", inside, &[]).await;
}

#[tokio::test]
async fn a_transaction_goes_on_after_a_write_that_was_dropped() {
    let inside: Inside = |cities, tx, cast| {
        Box::pin(async move { cities.within(tx).delete(cast.id(2)).await.map(drop) })
    };
    goes_on("delete in a transaction", inside, &[|table, cast| table.remove(cast.id(2))]).await;
}

#[tokio::test]
async fn a_transaction_goes_on_after_a_batch_of_writes_that_was_dropped() {
    let inside: Inside = |cities, tx, cast| {
        Box::pin(async move {
            let mut within = cities.within(tx);
            within.insert_many(&[cast.city(4), cast.city(5)]).await?;
            within.upsert(&cast.moved(2)).await.map(drop)
        })
    };
    goes_on(
        "insert_many and upsert in a transaction",
        inside,
        &[
            |table, cast| {
                table.put(cast.city(4));
                table.put(cast.city(5));
            },
            |table, cast| {
                table.put(cast.city(4));
                table.put(cast.city(5));
                table.put(cast.moved(2));
            },
        ],
    )
    .await;
}

#[tokio::test]
async fn a_transaction_goes_on_after_a_method_that_was_dropped() {
    let inside: Inside = |cities, tx, cast| {
        Box::pin(async move { cities.rename(tx, cast.id(2), &cast.slug(12)).await })
    };
    const CHANGES: &[Change] = &[|table, cast| table.row(cast.id(2)).city.slug = cast.slug(12)];
    goes_on("#[invalidates] in a transaction", inside, CHANGES).await;
}

#[tokio::test]
async fn a_transaction_goes_on_after_a_plain_statement_that_was_dropped() {
    let inside: Inside = |_, tx, cast| {
        Box::pin(async move {
            let statement = sqlx::query("UPDATE cities SET extra = 5 WHERE id = $1");
            statement.bind(cast.id(2)).execute(&mut **tx).await.map(drop)
        })
    };
    goes_on("a plain statement", inside, &[|table, cast| table.row(cast.id(2)).extra = 5]).await;
}

#[tokio::test]
async fn a_transaction_goes_on_after_a_statement_that_failed_unheard() {
    let inside: Inside = |_, tx, _| {
        Box::pin(async move {
            let failed = sqlx::query("SELECT 1 / 0").execute(&mut **tx).await;
            // A caller that is not dropped takes the failure back.
            assert!(failed.is_err());
            sqlx::query("ROLLBACK TO SAVEPOINT _sqlx_savepoint_1").execute(&mut **tx).await?;
            Ok(())
        })
    };
    // The savepoint that was rolled back before the first write: with it that write is gone.
    goes_on("a statement that fails", inside, &[|table, cast| table.put(cast.city(1))]).await;
}

#[tokio::test]
async fn a_transaction_goes_on_after_a_savepoint_that_was_dropped_as_it_began() {
    let inside: Inside = |_, tx, _| Box::pin(async move { tx.savepoint().await.map(drop) });
    goes_on("savepoint", inside, &[|_, _| {}]).await;
}

#[tokio::test]
async fn a_transaction_goes_on_after_a_savepoint_whose_commit_was_dropped() {
    let inside: Inside = |cities, tx, cast| {
        Box::pin(async move {
            let mut part = tx.savepoint().await?;
            cities.within(&mut part).delete(cast.id(2)).await?;
            part.commit().await
        })
    };
    goes_on("a savepoint's commit", inside, &[|table, cast| table.remove(cast.id(2))]).await;
}

#[tokio::test]
async fn a_transaction_goes_on_after_a_savepoint_whose_rollback_was_dropped() {
    let inside: Inside = |cities, tx, cast| {
        Box::pin(async move {
            let mut part = tx.savepoint().await?;
            cities.within(&mut part).delete(cast.id(2)).await?;
            part.rollback().await
        })
    };
    goes_on("a savepoint's rollback", inside, &[|_, _| {}]).await;
}

#[tokio::test]
async fn a_transaction_goes_on_after_a_savepoint_in_a_savepoint_that_was_dropped() {
    let inside: Inside = |cities, tx, cast| {
        Box::pin(async move {
            let mut outer = tx.savepoint().await?;
            cities.within(&mut outer).delete(cast.id(2)).await?;
            let mut inner = outer.savepoint().await?;
            cities.within(&mut inner).insert(&cast.city(4)).await?;
            inner.commit().await?;
            outer.commit().await
        })
    };
    const CHANGES: &[Change] = &[|table, cast| {
        table.remove(cast.id(2));
        table.put(cast.city(4));
    }];
    goes_on("a savepoint in a savepoint", inside, CHANGES).await;
}

/// sqlx takes a part that it could not begin for a reason to roll back everything around it.
#[tokio::test]
async fn a_transaction_ends_with_a_part_that_was_dropped_as_it_began_on_the_raw_connection() {
    let inside: Inside =
        |_, tx, _| Box::pin(async move { tx.connection().begin().await?.rollback().await });
    goes_on("sqlx's own savepoint", inside, &[|_, _| {}]).await;
}

/// The same in a savepoint of the transaction's own, which sqlx then takes for gone: what is sent as its end would be
/// the end of the transaction.
#[tokio::test]
async fn a_transaction_ends_with_a_savepoint_in_which_such_a_part_was_dropped_as_it_began() {
    let world = World::new().await;
    for end in ["kept", "rolled back", "left"] {
        let mut done_in_a_row = 0;
        for (awaits, at) in places() {
            let when = format!("after {awaits} awaits, {at:?}, and then the savepoint is {end}");
            let round = Round { op: "sqlx's own savepoint", start: Start::Warm, when };
            let cast = world.cast();
            world.put_away(world.prepare(Start::Warm, cast).await).await;
            let cities = &world.here.cities;
            let mut tx = cities.begin().await.unwrap();
            cities.within(&mut tx).update(&cast.moved(1)).await.unwrap();
            let mut part = tx.savepoint().await.unwrap();
            let begun = dropped_after(awaits, at, part.connection().begin()).await;
            let done = begun.is_some();
            drop(begun);
            let told = async move {
                cities.within(&mut part).delete(cast.id(2)).await?;
                match end {
                    "kept" => part.commit().await,
                    "rolled back" => part.rollback().await,
                    _ => Ok(()),
                }
            };
            let told = match round.in_time("the savepoint", told).await {
                Ok(()) => round.in_time("the commit", tx.commit()).await,
                Err(error) => Err(error),
            };
            assert!(told.is_ok() || !done, "{round}: {told:?}");
            let mut table = Table::at_first(cast);
            let mut meanwhile = vec![table.clone()];
            if told.is_ok() {
                table.put(cast.moved(1));
                if end == "kept" {
                    table.remove(cast.id(2));
                }
                meanwhile.push(table.clone());
            }
            let outcome = Outcome { tables: vec![table], meanwhile, unknown: false };
            world.is_unharmed(&round, cast, &outcome).await;
            done_in_a_row = if done { done_in_a_row + 1 } else { 0 };
            if done_in_a_row == 3 {
                break;
            }
        }
    }
    world.site.nothing_is_left().await;
}
