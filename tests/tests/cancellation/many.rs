//! Many callers at once, most of whom go away.

use std::sync::Arc;

use fastrand::Rng;
use tokio::task::JoinSet;

use super::dropping::{dropped_after, places};
use super::everywhere::{Op, Start};
use super::invariants::Round;
use super::methods::{TOTAL, TWICE, WIDEN};
use super::reads::{FIND_BY, GET, GET_MANY, LIST_BY, REFRESH};
use super::table::Cast;
use super::transactions::SAVEPOINTS;
use super::world::World;
use super::writes::{DELETE, INSERT_MANY, UPDATE};

const OPS: [Op; 12] = [
    GET,
    GET_MANY,
    FIND_BY,
    LIST_BY,
    REFRESH,
    TWICE,
    TOTAL,
    WIDEN,
    INSERT_MANY,
    UPDATE,
    DELETE,
    SAVEPOINTS,
];
const CALLERS: usize = 8;
const CALLS: usize = 12;

/// They share one connection to the database and one to Redis, on two threads, so that replies of calls that are gone
/// stand beside those of calls that are not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_that_go_away_in_a_crowd_harm_nobody() {
    let world = Arc::new(World::new().await);
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let world = Arc::clone(&world);
        callers.spawn(async move {
            let mut calls = Vec::new();
            for _ in 0..CALLS {
                calls.push(one_call(&world).await);
            }
            calls
        });
    }
    let calls = callers.join_all().await.concat();
    assert!(calls.iter().any(|call| call.done) && calls.iter().any(|call| !call.done));
    for Made { op, round, cast, done } in calls {
        let around = !op.commits && !op.changes.is_empty();
        world.is_unharmed(&round, cast, &op.outcome(cast, done, around)).await;
    }
    world.site.nothing_is_left().await;
}

#[derive(Clone)]
struct Made {
    op: Op,
    round: Round,
    cast: Cast,
    done: bool,
}

async fn one_call(world: &World) -> Made {
    let mut rng = Rng::new();
    let op = OPS[rng.usize(..OPS.len())];
    let (awaits, at) = places().nth(rng.usize(..40)).expect("there is no end to them");
    let when = format!("after {awaits} awaits, {at:?}, in a crowd");
    let round = Round { op: op.name, start: Start::Cold, when };
    let cast = world.cast();
    let call = dropped_after(awaits, at, (op.call)(world, cast));
    let done = round.in_time("the call itself", call).await.is_some();
    Made { op, round, cast, done }
}
