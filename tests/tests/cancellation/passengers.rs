//! Callers who share a load, and one of them goes away.

use std::cell::Cell;
use std::time::Duration;

use cache_runtime::{Key, Step};
use tokio::sync::Notify;

use super::dropping::{dropped_after, dropped_after_all, places};
use super::everywhere::{Op, Start};
use super::invariants::Round;
use super::methods::{TOTAL, TWICE};
use super::reads::{FIND_BY, GET, LIST_BY};
use super::table::Cast;
use super::world::World;

const PASSENGERS: u64 = 3;

/// The first caller loads for the others, and is dropped at each of its awaits, when the others are waiting for it.
async fn the_leader_goes_away(op: Op, starts: &[Start]) {
    let world = World::new().await;
    for start in starts {
        let mut done_in_a_row = 0;
        for (awaits, at) in places() {
            let when = format!("as the leader after {awaits} awaits, {at:?}");
            let round = Round { op: op.name, start: *start, when };
            let cast = world.cast();
            let foreign = world.prepare(*start, cast).await;
            let misses = world.here.cache.stats().misses;
            let (come, served) = (Notify::new(), Cell::new(0));
            // What it found counts as a miss right before it takes the flight.
            let aboard = async |awaited| {
                if world.here.cache.stats().misses == misses {
                    return;
                }
                come.notify_waiters();
                let all_wait = || world.here.cache.stats().misses - misses > PASSENGERS;
                while awaited == awaits && !all_wait() && served.get() < PASSENGERS {
                    tokio::time::sleep(Duration::from_micros(200)).await;
                }
            };
            let leader = async {
                let call = (op.call)(&world, cast);
                let done = dropped_after_all(awaits, at, call, aboard).await.is_some();
                come.notify_waiters();
                done
            };
            let passenger = || {
                // Registered before the leader is polled.
                let mut called = Box::pin(come.notified());
                called.as_mut().enable();
                async {
                    called.await;
                    // Each checks its own answer.
                    (op.call)(&world, cast).await;
                    served.set(served.get() + 1);
                }
            };
            let together = async { tokio::join!(leader, passenger(), passenger(), passenger()).0 };
            let done = round.in_time("an answer for everyone", together).await;
            world.put_away(foreign).await;
            world.is_unharmed(&round, cast, &op.outcome(cast, done, false)).await;
            done_in_a_row = if done { done_in_a_row + 1 } else { 0 };
            if done_in_a_row == 3 {
                break;
            }
        }
    }
    let stats = world.here.cache.stats();
    assert!(stats.coalesced > 0, "nobody waited for another's load: {stats}");
    world.site.nothing_is_left().await;
}

/// One of those who wait is dropped at each of its awaits. The leader's load does not begin before.
async fn a_passenger_goes_away(op: Op, key: fn(&World, Cast) -> Key) {
    let world = World::new().await;
    let mut done_in_a_row = 0;
    for (awaits, at) in places() {
        let when = format!("as a passenger after {awaits} awaits, {at:?}");
        let round = Round { op: op.name, start: Start::Cold, when };
        let cast = world.cast();
        let misses = world.here.cache.stats().misses;
        let gate = world.stepper.park(Step::Load, &key(&world, cast));
        let call = || (op.call)(&world, cast);
        let gone = Cell::new(false);
        let passenger = async {
            let done = dropped_after(awaits, at, call()).await.is_some();
            gone.set(true);
            done
        };
        let opens = async {
            gate.arrived().await;
            // Both others are aboard, or one of them has gone before.
            while !gone.get() && world.here.cache.stats().misses < misses + 3 {
                tokio::time::sleep(Duration::from_micros(200)).await;
            }
            gate.open();
        };
        let together = async { tokio::join!(call(), passenger, call(), opens).1 };
        let done = round.in_time("an answer for everyone", together).await;
        world.is_unharmed(&round, cast, &op.outcome(cast, done, false)).await;
        done_in_a_row = if done { done_in_a_row + 1 } else { 0 };
        if done_in_a_row == 3 {
            break;
        }
    }
    let stats = world.here.cache.stats();
    assert!(stats.coalesced > 0, "nobody waited for another's load: {stats}");
    world.site.nothing_is_left().await;
}

const STARTS: [Start; 3] = [Start::Cold, Start::Leased, Start::Held];

#[tokio::test]
async fn who_waits_for_the_load_of_a_row_is_served_when_the_leader_goes_away() {
    the_leader_goes_away(GET, &STARTS).await;
}

#[tokio::test]
async fn who_waits_for_a_look_up_is_served_when_the_leader_goes_away() {
    the_leader_goes_away(FIND_BY, &[Start::Cold]).await;
}

#[tokio::test]
async fn who_waits_for_a_list_is_served_when_the_leader_goes_away() {
    the_leader_goes_away(LIST_BY, &[Start::Cold]).await;
}

#[tokio::test]
async fn who_waits_for_a_method_is_served_when_the_leader_goes_away() {
    the_leader_goes_away(TWICE, &STARTS).await;
}

#[tokio::test]
async fn who_waits_for_a_method_with_tags_is_served_when_the_leader_goes_away() {
    the_leader_goes_away(TOTAL, &STARTS).await;
}

#[tokio::test]
async fn a_passenger_of_the_load_of_a_row_may_go_away() {
    a_passenger_goes_away(GET, |world, cast| world.row_key(cast, 1)).await;
}

#[tokio::test]
async fn a_passenger_of_a_look_up_may_go_away() {
    a_passenger_goes_away(FIND_BY, |world, cast| world.slug_key(cast, 2)).await;
}

#[tokio::test]
async fn a_passenger_of_a_method_with_tags_may_go_away() {
    a_passenger_goes_away(TOTAL, |world, cast| world.total_key(cast)).await;
}
