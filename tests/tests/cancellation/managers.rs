//! What a manager does for all its repositories.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use cache_runtime::Step;

use super::dropping::{dropped_after, places};
use super::everywhere::{Op, Start, everywhere};
use super::invariants::{Outcome, Round};
use super::repositories::Process;
use super::table::Table;
use super::world::{World, manager};

#[tokio::test]
async fn ping_may_be_dropped_anywhere() {
    let op = Op::read("ping", |world, _| {
        Box::pin(async move { world.here.cache.ping().await.unwrap() })
    });
    everywhere(op, &[Start::Cold]).await;
}

#[tokio::test]
async fn clear_may_be_dropped_anywhere() {
    let op = Op::read("clear", |world, _| {
        Box::pin(async move { world.here.cache.clear().await.map(drop).unwrap() })
    });
    everywhere(op, &[Start::Cold, Start::Warm]).await;
}

#[tokio::test]
async fn invalidate_tags_may_be_dropped_anywhere() {
    let op = Op::read("invalidate_tags", |world, cast| {
        Box::pin(async move {
            let tags = [format!("country:{}", cast.home()), "cities".to_owned()];
            world.here.cache.invalidate_tags(&tags).await.unwrap();
        })
    });
    everywhere(op, &[Start::Cold, Start::Warm, Start::Held]).await;
}

#[tokio::test]
async fn drain_may_be_dropped_anywhere() {
    let op = Op::write(
        "a write, a read and drain",
        |world, cast| {
            Box::pin(async move {
                let cities = &world.here.cities;
                cities.update(&cast.moved(1)).await.unwrap();
                cities.get(cast.id(2)).await.unwrap();
                world.here.cache.drain().await;
            })
        },
        &[|table, cast| table.put(cast.moved(1))],
    );
    everywhere(op, &[Start::Warm]).await;
}

/// What `drain` is for: after it the process may end, and no hold of its writes has to run out by itself.
#[tokio::test]
async fn a_drain_waits_for_a_write_whose_caller_has_gone() {
    let world = World::new().await;
    for step in [Step::Hold, Step::Commit, Step::Release] {
        let (cast, when) = (world.cast(), format!("at {step:?}"));
        let round = Round { op: "update, and drain", start: Start::Cold, when };
        let gate = world.stepper.park(step, &world.row_key(cast, 1));
        {
            let (rows, update) = (gate.arrived(), cast.moved(1));
            let mut call = pin!(world.here.cities.update(&update));
            let parked = async {
                tokio::select! { _ = &mut call => (), () = rows => () }
            };
            round.in_time("the step, or the write", parked).await;
            round.in_time("the step", gate.arrived()).await;
        }
        let mut drain = pin!(world.here.cache.drain());
        let waits = poll_fn(|context| Poll::Ready(drain.as_mut().poll(context).is_pending())).await;
        assert!(waits, "{round}: it did not wait");
        gate.open();
        round.in_time("the drain", drain).await;
        let held = world.held(&round, cast).await;
        assert!(held.is_empty(), "{round}: held for nobody: {held:?}");
        assert_eq!(
            Table::truth(&world.elsewhere.db, cast).await.get(cast.id(1)),
            Some(&cast.moved(1))
        );
    }
}

#[tokio::test]
async fn close_may_be_dropped_anywhere() {
    let world = World::new().await;
    let mut closed_in_a_row = 0;
    for (awaits, at) in places() {
        let when = format!("after {awaits} awaits, {at:?}");
        let round = Round { op: "close", start: Start::Cold, when };
        let cast = world.cast();
        // Nobody opens a manager again, so each round closes one of its own.
        let own = manager(&world.name).build().unwrap();
        let own = Process::new(world.here.db.clone(), own);
        let read = round.in_time("a read", own.cities.get(cast.id(1))).await.unwrap();
        assert_eq!(read.as_deref(), Some(&cast.city(1)));
        own.cache.drain().await;
        let closed = dropped_after(awaits, at, own.cache.close()).await;
        for number in [1, 2] {
            let read = round.in_time("a read", own.cities.get(cast.id(number))).await.unwrap();
            assert_eq!(read.as_deref(), Some(&cast.city(number)), "{round}");
        }
        round.in_time("the work in the background", own.cache.drain()).await;
        let alive = own.cache.ping().await.is_ok();
        assert!(closed.is_none() || !alive, "{round}: it is open");
        let tables = vec![Table::at_first(cast)];
        let outcome = Outcome { meanwhile: tables.clone(), tables, unknown: false };
        world.is_unharmed(&round, cast, &outcome).await;
        closed_in_a_row = if closed.is_some() { closed_in_a_row + 1 } else { 0 };
        if closed_in_a_row == 3 {
            return;
        }
    }
}
