//! Thousands of steps in any order, against a model that is a page long.
#![expect(missing_docs, reason = "the name of each case is its documentation")]

use std::collections::BTreeMap;

use bytes::Bytes;
use fastrand::Rng;

use super::Backend;
use super::hold;
use super::room::{HOUR, Room, bytes, fill, ok, request, request_over};
use crate::entry::{Token, VALUE};
use crate::key::Key;
use crate::port::{LeaseOutcome, ReleaseOutcome};

const STEPS: usize = 2_000;

/// What stands at a key.
#[derive(Clone, Debug, PartialEq, Eq)]
enum There {
    Bytes(Bytes),
    /// In the order of their bytes.
    Held(Vec<Token>),
}

impl There {
    fn read(entry: Bytes) -> Self {
        match hold::tokens(&entry) {
            Some(tokens) => Self::Held(hold::sorted(tokens)),
            None => Self::Bytes(entry),
        }
    }
}

/// What came of a lease, without the deadlines of holds.
#[derive(Debug, PartialEq, Eq)]
enum Leased {
    Granted,
    Taken(There),
    Gone,
    Refused,
}

impl Leased {
    fn read(outcome: LeaseOutcome) -> Self {
        match outcome {
            LeaseOutcome::Granted => Self::Granted,
            LeaseOutcome::Taken(entry) => Self::Taken(There::read(entry)),
            LeaseOutcome::Gone => Self::Gone,
            LeaseOutcome::Refused(_) => Self::Refused,
        }
    }
}

/// What every backend must do, as plainly as it can be said.
#[derive(Debug, Default)]
struct Model(BTreeMap<Key, There>);

impl Model {
    fn lease(&mut self, key: &Key, token: Token, over: Option<&Bytes>) -> Leased {
        match (self.0.get(key), over) {
            (None, Some(_)) => return Leased::Gone,
            (Some(There::Bytes(there)), Some(over)) if there == over => {}
            (Some(there), _) => return Leased::Taken(there.clone()),
            (None, None) => {}
        }
        self.0.insert(key.clone(), There::Bytes(token.lease()));
        Leased::Granted
    }

    fn leased(&self, key: &Key, token: Token) -> bool {
        self.0.get(key) == Some(&There::Bytes(token.lease()))
    }

    fn fill(&mut self, key: &Key, token: Token, entry: &Bytes) -> bool {
        let stands = self.leased(key, token);
        if stands {
            self.0.insert(key.clone(), There::Bytes(entry.clone()));
        }
        stands
    }

    fn abandon(&mut self, key: &Key, token: Token) {
        if self.leased(key, token) {
            self.0.remove(key);
        }
    }

    fn pull(&mut self, key: &Key) -> Option<Bytes> {
        let There::Bytes(value) = self.0.get(key)? else { return None };
        let value = (value.first() == Some(&VALUE)).then(|| value.clone())?;
        self.0.remove(key);
        Some(value)
    }

    fn hold(&mut self, key: &Key, token: Token) {
        let mut writers = match self.0.remove(key) {
            Some(There::Held(writers)) => writers,
            _ => Vec::new(),
        };
        writers.retain(|writer| *writer != token);
        writers.push(token);
        self.0.insert(key.clone(), There::Held(hold::sorted(writers)));
    }

    fn release(&mut self, key: &Key, token: Token) -> ReleaseOutcome {
        let Some(There::Held(mut writers)) = self.0.remove(key) else {
            return ReleaseOutcome::WasGone;
        };
        let before = writers.len();
        writers.retain(|writer| *writer != token);
        let stood = writers.len() < before;
        if !writers.is_empty() {
            self.0.insert(key.clone(), There::Held(writers));
        }
        if stood { ReleaseOutcome::Released } else { ReleaseOutcome::WasGone }
    }
}

/// One of these.
fn any<T: Clone>(random: &mut Rng, of: &[T]) -> T {
    ok(random.choice(of).cloned().ok_or("nothing to choose from"), "choosing")
}

/// Takes one random batch to the cache and to the model, and compares their answers.
async fn step(
    room: &Room,
    model: &mut Model,
    random: &mut Rng,
    keys: &[Key],
    tokens: &[Token],
    at: &str,
) {
    let values = [bytes("V one"), bytes("two"), Bytes::new()];
    let token = any(random, tokens);
    // Duplicates are welcome.
    let batch: Vec<Key> = (0..random.usize(1..=4)).map(|_| any(random, keys)).collect();
    let cache = &room.cache;
    match random.u8(0..11) {
        0..=2 => {
            let over = |random: &mut Rng| match random.u8(0..4) {
                0 => Some(any(random, &values)),
                1 => Some(any(random, tokens).lease()),
                _ => None,
            };
            let requests: Vec<_> = batch
                .iter()
                .map(|key| match over(random) {
                    Some(over) => request_over(key, token, &over),
                    None => request(key, token),
                })
                .collect();
            let outcomes = ok(cache.lease(&requests, HOUR).await, at);
            let outcomes: Vec<_> = outcomes.into_iter().map(Leased::read).collect();
            let expected: Vec<_> = requests
                .iter()
                .map(|request| model.lease(&request.key, token, request.over.as_ref()))
                .collect();
            assert_eq!(outcomes, expected, "{at}: lease {requests:?}");
        }
        3 | 4 => {
            let fills: Vec<_> =
                batch.iter().map(|key| fill(key, token, &any(random, &values), HOUR)).collect();
            let stored = ok(cache.fill(&fills).await, at);
            let expected: Vec<_> =
                fills.iter().map(|fill| model.fill(&fill.key, token, &fill.entry)).collect();
            assert_eq!(stored, expected, "{at}: fill {fills:?}");
        }
        5 => {
            ok(cache.abandon(&batch, token).await, at);
            batch.iter().for_each(|key| model.abandon(key, token));
        }
        6 => {
            ok(cache.hold(&batch, token, HOUR).await, at);
            batch.iter().for_each(|key| model.hold(key, token));
        }
        7 | 8 => {
            let outcomes = ok(cache.release(&batch, token).await, at);
            let expected: Vec<_> = batch.iter().map(|key| model.release(key, token)).collect();
            assert_eq!(outcomes, expected, "{at}: release {batch:?} by {token:?}");
        }
        9 => {
            let pulled = ok(cache.pull(&batch).await, at).into_iter();
            let pulled: Vec<_> = pulled.map(|live| live.map(|(value, _)| value)).collect();
            let expected: Vec<_> = batch.iter().map(|key| model.pull(key)).collect();
            assert_eq!(pulled, expected, "{at}: pull {batch:?}");
        }
        _ => {
            let (key, value) = (any(random, keys), any(random, &values));
            if random.bool() {
                room.set(&key, &value, HOUR).await;
                model.0.insert(key, There::Bytes(value));
            } else {
                let there = model.0.remove(&key).is_some();
                assert_eq!(room.delete(&key).await, there, "{at}: delete {key:?}");
            }
        }
    }
}

pub async fn thousands_of_random_steps_agree_with_the_model<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let keys = room.keys(3);
    // Readers and writers share them: a backend must not take one's mark for the other's.
    let tokens = [Token::new(), Token::new(), Token::new()];
    let mut model = Model::default();
    let mut random = Rng::with_seed(0xC0FFEE);
    for number in 0..STEPS {
        let at = format!("step {number}");
        step(&room, &mut model, &mut random, &keys, &tokens, &at).await;
        let there = room.get_many(&keys).await.into_iter().map(|entry| entry.map(There::read));
        let expected: Vec<_> = keys.iter().map(|key| model.0.get(key).cloned()).collect();
        assert_eq!(there.collect::<Vec<_>>(), expected, "{at}: what stands at the keys after it");
    }
}
