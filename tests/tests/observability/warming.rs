//! Rows that are read into the cache before anyone asks for them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cache_runtime::entry::Token;
use cache_runtime::testing::ManualClock;
use cache_runtime::{CachedRepository, Clock, Key, Level, State, Step};
use sqlx::postgres::PgPoolOptions;
use tests::{eventually, in_time};

use super::world::{Cities, World, city};

async fn state(world: &World, id: i64) -> State {
    world.elsewhere.explain(id).await.state
}

/// The rows that were loaded here so far.
fn loaded(world: &World) -> Vec<Key> {
    let seen = world.stepper.seen().into_iter();
    seen.filter(|(step, _)| *step == Step::Load).map(|(_, key)| key).collect()
}

#[tokio::test]
async fn a_whole_table_is_warm_afterwards_and_not_loaded_again() {
    let world = World::new().await;
    world.cached(2).await;
    // Two pages.
    let report = world.here.warm_all().batch(2).run().await;
    assert_eq!((report.totals.done, report.totals.warm, report.totals.filled), (3, 1, 2));
    assert!(report.errors.is_empty() && !report.stopped, "{report:?}");
    for id in 1..=3 {
        assert_eq!(state(&world, id).await, State::Value, "{id}");
    }
    let before = world.here.stats();
    let again = world.here.warm_all().run().await.totals;
    assert_eq!((again.warm, again.filled), (3, 0));
    assert_eq!((world.here.stats() - before).loads, 0);
}

#[tokio::test]
async fn a_condition_with_parameters_narrows_it() {
    let world = World::new().await;
    let report = world.here.warm_where("country = $1 AND population > $2").bind("FR").bind(600_i64);
    assert_eq!(report.batch(1).run().await.totals.filled, 1);
    assert_eq!(state(&world, 1).await, State::Value);
    assert_eq!(state(&world, 2).await, State::Absent);
    assert_eq!(state(&world, 3).await, State::Absent);
}

#[tokio::test]
async fn too_few_or_too_many_parameters_end_it_and_say_so() {
    let world = World::new().await;
    let reports = [
        world.here.warm_where("id >= $1").run().await,
        world.here.warm_where("id >= $1").bind(1_i64).bind(2_i64).run().await,
        world.here.warm_where("slug <> '$1'").bind(1_i64).progress(|_| ()).run().await,
        world.here.warm_all().bind(1_i64).run().await,
    ];
    for (report, said) in reports.iter().zip(["names 1", "2 were given", "names 0", "warm_where"]) {
        assert!(report.stopped && report.totals.done == 0, "{report}");
        assert!(report.to_string().contains(said), "{report}");
    }
}

#[tokio::test]
async fn ids_from_anywhere_are_warmed_once_and_that_there_is_no_row_too() {
    let world = World::new().await;
    let report = world.here.repository().warm_ids([1, 99, 1]).run().await.totals;
    assert_eq!((report.done, report.warm, report.filled), (3, 1, 2));
    assert_eq!(state(&world, 99).await, State::Negative);
}

#[tokio::test]
async fn the_tier_in_the_process_is_warm_as_well_unless_it_is_spared() {
    let minute = Level::Bounded(Duration::from_secs(60));
    for (spared, admitted) in [(false, true), (true, false)] {
        let world = World::with(|builder| builder.level(minute)).await;
        eventually("the stream is followed", || async {
            world.here.get(3).await.unwrap();
            world.here.stats().tier_hits > 0
        })
        .await;
        let before = world.here.stats();
        world.here.warm_all().tier(!spared).run().await;
        let warmed = world.here.stats() - before;
        assert_eq!(warmed.fills, 2);
        assert_eq!(warmed.admitted > 0, admitted, "{warmed}");
    }
}

#[tokio::test]
async fn a_row_that_is_changed_while_it_is_warmed_is_left_out() {
    let world = World::new().await;
    let fill = world.stepper.park(Step::Fill, &world.row(1));
    let warming = tokio::spawn(world.here.warm_all().run());
    fill.arrived().await;
    world.elsewhere.update(&city(1, "paris", "FR", 7)).await.unwrap();
    fill.open();
    let totals = warming.await.unwrap().totals;
    assert_eq!((totals.filled, totals.unfilled), (2, 1));
    assert_eq!(world.here.get(1).await.unwrap().unwrap().population, 7);
}

#[tokio::test]
async fn a_row_that_is_held_is_not_loaded() {
    let world = World::new().await;
    let backend = world.here.cache.backend();
    backend.hold(&[world.row(1)], Token::new(), Duration::from_secs(20)).await.unwrap();
    let totals = world.here.warm_all().run().await.totals;
    assert_eq!((totals.filled, totals.unfilled), (2, 1));
    assert_eq!(loaded(&world), [world.row(2), world.row(3)]);
}

#[tokio::test]
async fn a_batch_that_fails_stops_no_other() {
    let world = World::new().await;
    world.sql("ALTER TABLE cities ALTER slug DROP NOT NULL; UPDATE cities SET slug = NULL WHERE id = 2").await;
    let report = world.here.warm_all().batch(1).run().await;
    let totals = report.totals;
    assert_eq!((totals.done, totals.filled, totals.failed), (3, 2, 1));
    assert!(!report.stopped);
    assert!(matches!(report.errors[..], [sqlx::Error::ColumnDecode { .. }]), "{:?}", report.errors);
    world.here.cache.drain().await;
    assert_eq!(state(&world, 2).await, State::Absent, "its lease was given back");
}

#[tokio::test]
async fn a_table_that_cannot_be_read_ends_it_and_says_so() {
    let world = World::new().await;
    let report = world.here.warm_where("no_such_column = 1").run().await;
    assert!(report.stopped && report.totals.done == 0);
    assert!(report.errors[0].to_string().contains("no_such_column"), "{:?}", report.errors);
    let nothing = World::with(|builder| builder.level(Level::Database)).await;
    let report = nothing.here.warm_all().run().await;
    assert!(report.stopped && report.errors[0].to_string().contains("nothing to warm"));
}

#[tokio::test]
async fn it_waits_for_its_turn_among_the_loads_where_others_would_be_refused() {
    let world = World::with(|builder| builder.max_loads(1, 0)).await;
    let load = world.stepper.park(Step::Load, &world.row(1));
    let here = world.here.clone();
    let first = tokio::spawn(async move { here.get(1).await });
    load.arrived().await;
    world.here.get(2).await.unwrap_err();
    let before = world.here.stats();
    let warming = tokio::spawn(world.here.repository().warm_ids([2, 3]).run());
    eventually("it has looked", || async { (world.here.stats() - before).misses == 2 }).await;
    // Others come and go meanwhile.
    for _ in 0..50 {
        world.elsewhere.cache.ping().await.unwrap();
    }
    assert!(!warming.is_finished() && !loaded(&world).contains(&world.row(2)));
    load.open();
    first.await.unwrap().unwrap();
    assert_eq!(warming.await.unwrap().totals.filled, 2);
}

#[tokio::test]
async fn dropped_it_stops_and_gives_its_leases_back() {
    let world = World::new().await;
    let load = world.stepper.park(Step::Load, &world.row(2));
    let warming = tokio::spawn(world.here.warm_all().batch(1).run());
    load.arrived().await;
    assert_eq!(state(&world, 2).await, State::Lease);
    warming.abort();
    assert!(warming.await.unwrap_err().is_cancelled());
    eventually("the lease is given back", || async { state(&world, 2).await == State::Absent })
        .await;
    load.open();
    world.here.cache.drain().await;
    assert_eq!(state(&world, 1).await, State::Value);
    assert_eq!(state(&world, 3).await, State::Absent);
}

#[tokio::test]
async fn one_connection_is_enough() {
    let world = World::new().await;
    let options = world.fixture.pool().connect_options();
    let db = PgPoolOptions::new().max_connections(1).connect_with((*options).clone());
    let alone = Cities { db: db.await.unwrap(), ..world.here.clone() };
    let report = alone.warm_all().batch(1).concurrency(3).progress(|_| {}).run();
    assert_eq!(in_time("a warming over one connection", report).await.totals.filled, 3);
}

#[tokio::test]
async fn who_is_told_hears_of_each_batch_and_of_the_total() {
    let world = World::new().await;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let told = {
        let heard = Arc::clone(&heard);
        move |progress: &cache_runtime::WarmProgress| {
            heard.lock().unwrap().push((progress.done, progress.total));
        }
    };
    world.here.warm_all().batch(2).progress(told).run().await;
    assert_eq!(*heard.lock().unwrap(), [(2, Some(3)), (3, Some(3))]);
}

/// Time passes only by the clock that the test moves.
#[tokio::test]
async fn no_more_rows_are_read_in_a_second_than_the_rate_says() {
    let clock = ManualClock::new();
    let world = World::with(|builder| builder.clock(clock.shared())).await;
    world
        .sql("INSERT INTO cities SELECT n, 'town ' || n, 'FR', n FROM generate_series(10, 16) n")
        .await;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let told = {
        let (heard, clock) = (Arc::clone(&heard), clock.clone());
        move |progress: &cache_runtime::WarmProgress| {
            heard.lock().unwrap().push((progress.done, clock.elapsed()));
        }
    };
    // Ten rows; one at a time, and four in a second.
    let warming = tokio::spawn(world.here.warm_all().rate(4.0).progress(told).run());
    eventually("all is warm", || async {
        // A step only when what may go on has gone on: the clock stands meanwhile.
        let due = clock.elapsed().as_millis() / 250 + 1;
        if heard.lock().unwrap().len() as u128 >= due {
            clock.advance(Duration::from_millis(125));
        }
        warming.is_finished()
    })
    .await;
    let totals = warming.await.unwrap().totals;
    assert_eq!((totals.done, totals.filled), (10, 10));
    for (batch, (done, at)) in heard.lock().unwrap().iter().enumerate() {
        assert_eq!(*done, batch as u64 + 1);
        assert_eq!(*at, Duration::from_millis(250) * batch as u32, "the batch of row {done}");
    }
}
