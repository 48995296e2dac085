//! Many at one key at the same time.
#![expect(missing_docs, reason = "the name of each case is its documentation")]

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::Backend;
use super::room::{HOUR, MINUTE, Room, bytes, fill, ok, only, request, request_over};
use crate::entry::Token;
use crate::key::Key;
use crate::port::{CoherentCache, LeaseOutcome, LeaseRequest, ReleaseOutcome};

const RACERS: usize = 32;
const ROUNDS: usize = 25;

/// Runs so many tasks that all begin at the same moment; answers with what each came to, in no order.
async fn race<T, F>(racers: usize, racer: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let start = Arc::new(Barrier::new(racers));
    let mut tasks = JoinSet::new();
    for number in 0..racers {
        let (start, racer) = (Arc::clone(&start), racer(number));
        tasks.spawn(async move {
            start.wait().await;
            racer.await
        });
    }
    tasks.join_all().await
}

async fn lease(cache: Arc<dyn CoherentCache>, request: LeaseRequest) -> (Token, LeaseOutcome) {
    let token = request.token;
    (token, only(ok(cache.lease(&[request], MINUTE).await, "lease"), "lease"))
}

/// Exactly one of the outcomes is a lease, and the others show it.
async fn expect_one_winner(room: &Room, key: &Key, outcomes: &[(Token, LeaseOutcome)]) {
    let granted = |(token, outcome): &(Token, LeaseOutcome)| {
        (*outcome == LeaseOutcome::Granted).then_some(*token)
    };
    let winners: Vec<Token> = outcomes.iter().filter_map(granted).collect();
    assert_eq!(winners.len(), 1, "one reader of {} gets the lease", outcomes.len());
    for winner in winners {
        let taken = LeaseOutcome::Taken(winner.lease());
        let losers = outcomes.iter().filter(|(_, outcome)| *outcome == taken).count();
        assert_eq!(losers, outcomes.len() - 1, "every other reader is shown the winner's lease");
        room.expect_bytes(key, &winner.lease(), "the winner's lease stands").await;
    }
}

pub async fn of_many_readers_exactly_one_gets_the_lease<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    for key in room.keys(ROUNDS) {
        let racer = |_| lease(Arc::clone(&room.cache), request(&key, Token::new()));
        let outcomes = race(RACERS, racer).await;
        expect_one_winner(&room, &key, &outcomes).await;
    }
}

pub async fn of_many_readers_over_the_same_bytes_exactly_one_gets_the_lease<B: Backend>(
    backend: &B,
) {
    let room = Room::open(backend).await;
    let garbage = bytes("garbage");
    for key in room.keys(ROUNDS) {
        room.set(&key, &garbage, HOUR).await;
        let racer = |_| lease(Arc::clone(&room.cache), request_over(&key, Token::new(), &garbage));
        let outcomes = race(RACERS, racer).await;
        expect_one_winner(&room, &key, &outcomes).await;
    }
}

pub async fn of_many_fills_under_one_lease_exactly_one_is_stored<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    for key in room.keys(ROUNDS) {
        let reader = room.leased(&key).await;
        let outcomes = race(RACERS, |number| {
            let (cache, value) = (Arc::clone(&room.cache), Bytes::from(format!("value {number}")));
            let fills = [fill(&key, reader, &value, HOUR)];
            async move { (only(ok(cache.fill(&fills).await, "fill"), "fill"), value) }
        })
        .await;
        let stored: Vec<Bytes> =
            outcomes.into_iter().filter_map(|(stored, value)| stored.then_some(value)).collect();
        assert_eq!(stored.len(), 1, "one fill uses the lease up");
        assert_eq!(room.get(&key).await.as_slice(), stored, "its value stands there");
    }
}

pub async fn a_fill_that_races_a_hold_never_outlives_it<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    for key in room.keys(ROUNDS * 4) {
        let reader = room.leased(&key).await;
        let writer = Token::new();
        race(2, |number| {
            let (cache, keys) = (Arc::clone(&room.cache), [key.clone()]);
            let fills = [fill(&key, reader, &bytes("old"), HOUR)];
            async move {
                match number {
                    0 => drop(ok(cache.fill(&fills).await, "fill")),
                    _ => ok(cache.hold(&keys, writer, MINUTE).await, "hold"),
                }
            }
        })
        .await;
        room.expect_held(&key, &[writer], "whoever was first, the hold stands").await;
        assert_eq!(room.release(&key, writer).await, ReleaseOutcome::Released, "it stood");
        room.expect_absent(&key, "no old value is left").await;
    }
}

pub async fn many_writers_that_hold_one_key_at_once_all_stand<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    for key in room.keys(ROUNDS) {
        let writers = race(RACERS, |_| {
            let (cache, keys, writer) = (Arc::clone(&room.cache), [key.clone()], Token::new());
            async move {
                ok(cache.hold(&keys, writer, MINUTE).await, "hold");
                writer
            }
        })
        .await;
        room.expect_held(&key, &writers, "nobody's mark was lost").await;
        let outcomes = race(RACERS, |number| {
            let (cache, keys) = (Arc::clone(&room.cache), [key.clone()]);
            let writer = writers.get(number).copied().unwrap_or_default();
            async move { only(ok(cache.release(&keys, writer).await, "release"), "release") }
        })
        .await;
        assert_eq!(
            outcomes,
            [ReleaseOutcome::Released; RACERS],
            "every hold stood until its release"
        );
        room.expect_absent(&key, "the last writer is done").await;
    }
}

pub async fn while_one_writer_holds_nobody_gets_the_lease<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    let steady = room.held(&key, HOUR).await;
    let broken: Vec<String> = race(RACERS, |number| {
        let (cache, keys) = (Arc::clone(&room.cache), [key.clone()]);
        async move {
            let mut broken = Vec::new();
            for _ in 0..ROUNDS {
                let [key] = &keys;
                let token = Token::new();
                if number.is_multiple_of(2) {
                    ok(cache.hold(&keys, token, MINUTE).await, "hold");
                    let outcomes = ok(cache.release(&keys, token).await, "release");
                    if outcomes != [ReleaseOutcome::Released] {
                        broken.push(format!("a writer's own hold was lost: {outcomes:?}"));
                    }
                } else {
                    let (_, outcome) = lease(Arc::clone(&cache), request(key, token)).await;
                    if !matches!(outcome, LeaseOutcome::Taken(_)) {
                        broken.push(format!("a lease under a hold: {outcome:?}"));
                    }
                }
            }
            broken
        }
    })
    .await
    .concat();
    assert_eq!(broken, Vec::<String>::new(), "the steady writer's hold stood all the while");
    room.expect_held(&key, &[steady], "the steady writer's mark alone is left").await;
    room.expect_left(&key, HOUR, "with its lifetime").await;
}

pub async fn of_many_callers_exactly_one_takes_the_value<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    for round in 0..20 {
        let key = room.key(&format!("round {round}"));
        room.set(&key, &bytes("v"), MINUTE).await;
        let mut callers = JoinSet::new();
        for _ in 0..16 {
            let (cache, key) = (Arc::clone(&room.cache), key.clone());
            callers.spawn(async move { ok(cache.take(&key).await, "take") });
        }
        let taken = callers.join_all().await.into_iter().flatten().count();
        assert_eq!(taken, 1, "one of them");
    }
}

pub async fn of_many_callers_exactly_one_sets_the_absent_key<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    for round in 0..20 {
        let key = room.key(&format!("round {round}"));
        let mut callers = JoinSet::new();
        for caller in 0..16_u8 {
            let (cache, key) = (Arc::clone(&room.cache), key.clone());
            callers.spawn(async move {
                let value = Bytes::from(vec![caller]);
                let set = cache.set_if_absent(&key, value.clone(), MINUTE.into()).await;
                ok(set, "set_if_absent").then_some(value)
            });
        }
        let set: Vec<Bytes> = callers.join_all().await.into_iter().flatten().collect();
        assert_eq!(set.len(), 1, "one of them");
        assert_eq!(room.get(&key).await, set.first().cloned(), "and its value stands");
    }
}
