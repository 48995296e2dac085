//! Drops a call while it is parked at a step of the protocol.

use std::pin::pin;
use std::sync::atomic::Ordering;

use cache_runtime::{Key, Step};

use super::everywhere::{Op, Start};
use super::invariants::Round;
use super::table::Table;
use super::world::World;

/// Parks the call at each step that it takes, drops it there, and lets go.
pub(crate) async fn at_every_step(world: &World, op: &Op) {
    let starts: &[Start] =
        if op.changes.is_empty() { &[Start::Cold, Start::Warm] } else { &[Start::Warm] };
    for &start in starts {
        for (step, place) in steps_of(world, op, start).await {
            at_step(world, op, start, step, place).await;
        }
    }
}

/// The steps that a call takes when it is left alone: the first and the last key of each, by their places among the
/// keys of a round.
async fn steps_of(world: &World, op: &Op, start: Start) -> Vec<(Step, usize)> {
    let cast = world.cast();
    world.put_away(world.prepare(start, cast).await).await;
    let before = world.stepper.seen().len();
    (op.call)(world, cast).await;
    world.here.cache.drain().await;
    let keys = world.keys(cast);
    let place = |key: &Key| {
        keys.iter().position(|known| known == key).unwrap_or_else(|| panic!("{key} is not known"))
    };
    let seen: Vec<_> = world
        .stepper
        .seen()
        .split_off(before)
        .iter()
        .map(|(step, key)| (*step, place(key)))
        .collect();
    let mut chosen = Vec::new();
    // Those after a release are not its own: a stream's, for one.
    for step in Step::ALL.into_iter().filter(|step| *step <= Step::Release) {
        let mut keys = seen.iter().filter(|(seen, _)| *seen == step);
        let (first, last) = (keys.next(), keys.next_back());
        chosen.extend(first.into_iter().chain(last.filter(|last| Some(*last) != first)));
    }
    chosen
}

/// Waits for the step. A read may get by without asking the backend, or without keeping what it said: whether the tier in the
/// process answers depends on when the last beat came back. Then nothing is under way once the manager is drained; where something is parked, draining waits for it.
async fn is_taken(
    world: &World,
    round: &Round,
    step: Step,
    arrived: impl Future<Output = ()>,
) -> bool {
    if !matches!(step, Step::Read | Step::Admit) {
        round.in_time("the step", arrived).await;
        return true;
    }
    let taken = async {
        tokio::select! {
            biased;
            () = arrived => true,
            () = world.here.cache.drain() => false,
        }
    };
    round.in_time("the step, or a drain", taken).await
}

async fn at_step(world: &World, op: &Op, start: Start, step: Step, place: usize) {
    let cast = world.cast();
    let key = world.keys(cast).into_iter().nth(place).expect("as many keys as in any round");
    let round = Round { op: op.name, start, when: format!("at {step:?} of {key}") };
    world.put_away(world.prepare(start, cast).await).await;
    let changes = world.here.changes.load(Ordering::SeqCst);
    let gate = world.stepper.park(step, &key);
    let done = {
        let (mut call, mut arrived) = (pin!((op.call)(world, cast)), pin!(gate.arrived()));
        let parked = async {
            tokio::select! {
                biased;
                () = &mut call => true,
                () = &mut arrived => false,
            }
        };
        round.in_time("the call, or its step", parked).await
    };
    if !is_taken(world, &round, step, gate.arrived()).await {
        gate.open();
        return;
    }
    let unknown = world.here.changes.load(Ordering::SeqCst) > changes;
    // Whoever looks from elsewhere is answered, and rightly, while the step is not done.
    let onlooker = &world.onlooker.cities;
    let read = round.in_time("a read from elsewhere", onlooker.get(cast.id(1))).await;
    let truth = Table::truth(&world.elsewhere.db, cast).await;
    assert_eq!(
        read.expect("the row is read").as_deref(),
        truth.get(cast.id(1)),
        "{round}: read elsewhere, and in the database"
    );
    gate.open();
    // Nothing stops a commit that has begun, least of all its caller. A hold that is placed ahead is no part of it.
    let first = if world.changing { Step::Commit } else { Step::Hold };
    let committed = op.commits && (first..=Step::Release).contains(&step);
    world.is_unharmed(&round, cast, &op.outcome(cast, done || committed, unknown)).await;
}
