//! Who may renew a value that is being served.
#![expect(missing_docs, reason = "the name of each case is its documentation")]

use std::slice::from_ref;
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinSet;

use super::Backend;
use super::room::{HOUR, MINUTE, Room, ok, only};
use crate::entry::{Body, Mark, Token, Value, nonce};
use crate::key::Key;
use crate::policy::Ttl;
use crate::port::{CoherentCache, LeaseOutcome, ReleaseOutcome, Replacement};

const RACERS: usize = 16;
const ROUNDS: usize = 25;

/// Another fill of the same value.
fn value() -> Bytes {
    Value {
        fingerprint: 1,
        era: 0,
        filled_at: 1,
        nonce: nonce(),
        kept_millis: 0,
        load_micros: 1,
        stamps: Vec::new(),
        body: Body::Nothing,
    }
    .to_bytes()
}

fn replacement(key: &Key, over: &Bytes, entry: &Bytes, ttl: impl Into<Ttl>) -> Replacement {
    let over = ok(Mark::of(over).ok_or("no value"), "a mark");
    Replacement { key: key.clone(), over, entry: entry.clone(), ttl: ttl.into() }
}

/// Of a value that nobody has filled.
pub(super) fn of_no_value(key: &Key) -> Replacement {
    replacement(key, &value(), &value(), HOUR)
}

/// A value, and another that takes its place.
pub(super) fn a_renewal(key: &Key) -> (Bytes, Replacement) {
    let seen = value();
    let renewal = replacement(key, &seen, &value(), HOUR);
    (seen, renewal)
}

async fn replace(cache: &dyn CoherentCache, replacement: Replacement) -> bool {
    only(ok(cache.replace(&[replacement]).await, "replace"), "replace")
}

pub async fn a_replacement_of_the_value_that_was_seen_stores_its_own_and_its_lifetime<
    B: Backend,
>(
    backend: &B,
) {
    let room = Room::open(backend).await;
    let (key, seen, new, newest) = (room.key("k"), value(), value(), value());
    room.set(&key, &seen, MINUTE).await;
    assert!(replace(&*room.cache, replacement(&key, &seen, &new, HOUR)).await, "it stands there");
    room.expect_bytes(&key, &new, "the new value took its place").await;
    room.expect_left(&key, HOUR, "with its own lifetime").await;
    let forever = replacement(&key, &new, &newest, Ttl::Forever);
    assert!(replace(&*room.cache, forever).await, "it stands there");
    room.expect_bytes(&key, &newest, "the newest value took its place").await;
    room.expect_forever(&key, "the lifetime of the value before is gone").await;
}

pub async fn a_replacement_after_a_writer_is_rejected<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let (key, seen) = (room.key("k"), value());
    room.set(&key, &seen, HOUR).await;
    let old = replacement(&key, &seen, &value(), HOUR);
    let writer = room.held(&key, MINUTE).await;
    assert!(!replace(&*room.cache, old.clone()).await, "a writer came between");
    room.expect_held(&key, &[writer], "the hold still stands").await;
    room.expect_left(&key, MINUTE, "with its lifetime").await;
    assert_eq!(room.release(&key, writer).await, ReleaseOutcome::Released, "it stood");
    assert!(!replace(&*room.cache, old).await, "a writer came between and is done");
    room.expect_absent(&key, "nothing was stored").await;
}

pub async fn a_replacement_after_another_fill_is_rejected<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let (key, seen, filled) = (room.key("k"), value(), value());
    room.set(&key, &seen, HOUR).await;
    let late = replacement(&key, &seen, &value(), HOUR);
    room.set(&key, &filled, MINUTE).await;
    assert!(!replace(&*room.cache, late).await, "the same value, and another fill of it");
    room.expect_bytes(&key, &filled, "it was not replaced").await;
    room.expect_left(&key, MINUTE, "and got no new lifetime").await;
}

pub async fn a_replacement_over_a_lease_is_rejected<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let (key, seen) = (room.key("k"), value());
    room.set(&key, &seen, HOUR).await;
    let reader = Token::new();
    assert_eq!(room.lease_over(&key, reader, &seen).await, LeaseOutcome::Granted, "it stood");
    assert!(!replace(&*room.cache, replacement(&key, &seen, &value(), HOUR)).await, "a lease");
    room.expect_bytes(&key, &reader.lease(), "the lease still stands").await;
}

pub async fn a_replacement_of_a_value_that_ran_out_is_rejected<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let (key, seen) = (room.key("k"), value());
    room.set(&key, &seen, MINUTE).await;
    backend.expire_now(&*room.cache, &key).await;
    assert!(!replace(&*room.cache, replacement(&key, &seen, &value(), HOUR)).await, "it is gone");
    room.expect_absent(&key, "nothing was stored").await;
}

/// The lease proves that no writer came between.
pub async fn a_value_that_was_put_back_under_its_lease_can_be_replaced<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let (key, seen, new) = (room.key("k"), value(), value());
    room.set(&key, &seen, HOUR).await;
    let reader = Token::new();
    assert_eq!(room.lease_over(&key, reader, &seen).await, LeaseOutcome::Granted, "it stood");
    assert!(room.fill(&key, reader, &seen).await, "it is put back");
    assert!(replace(&*room.cache, replacement(&key, &seen, &new, HOUR)).await, "it stands there");
    room.expect_bytes(&key, &new, "the new value took its place").await;
}

pub async fn each_replacement_of_a_batch_stands_for_itself<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let keys: [Key; 4] = room.some_keys();
    let [first, ..] = &keys;
    let (seen, new) = (value(), value());
    let mut replacements = Vec::new();
    for (number, key) in keys.iter().enumerate() {
        if number % 2 == 0 {
            room.set(key, &seen, MINUTE).await;
        }
        replacements.push(replacement(key, &seen, &new, HOUR));
    }
    replacements.push(replacement(first, &seen, &value(), HOUR));
    let stored = ok(room.cache.replace(&replacements).await, "replace");
    assert_eq!(stored, [true, false, true, false, false], "each at its place, the first once");
    for (number, key) in keys.iter().enumerate() {
        if number % 2 == 0 {
            room.expect_bytes(key, &new, "it was replaced").await;
        } else {
            room.expect_absent(key, "there was nothing to replace").await;
        }
    }
    assert_eq!(ok(room.cache.replace(&[]).await, "replace"), [true; 0], "none of none");
}

pub async fn of_many_replacements_of_one_value_exactly_one_is_stored<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    for key in room.keys(ROUNDS) {
        let seen = value();
        room.set(&key, &seen, HOUR).await;
        let mut racers = JoinSet::new();
        for _ in 0..RACERS {
            let (cache, new) = (Arc::clone(&room.cache), value());
            let replacement = replacement(&key, &seen, &new, HOUR);
            racers.spawn(async move { replace(&*cache, replacement).await.then_some(new) });
        }
        let stored: Vec<Bytes> = racers.join_all().await.into_iter().flatten().collect();
        assert_eq!(stored.len(), 1, "the value is there once to be replaced");
        assert_eq!(room.get(&key).await.as_slice(), stored, "the winner's stands there");
    }
}

pub async fn a_replacement_that_races_a_hold_never_outlives_it<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    for key in room.keys(ROUNDS * 4) {
        let seen = value();
        room.set(&key, &seen, HOUR).await;
        let replacement = replacement(&key, &seen, &value(), HOUR);
        let (cache, writer) = (Arc::clone(&room.cache), Token::new());
        let racer = tokio::spawn(async move { replace(&*cache, replacement).await });
        ok(room.cache.hold(from_ref(&key), writer, MINUTE).await, "hold");
        ok(racer.await, "the racer");
        room.expect_held(&key, &[writer], "whoever was first, the hold stands").await;
        assert_eq!(room.release(&key, writer).await, ReleaseOutcome::Released, "it stood");
        room.expect_absent(&key, "no old value is left").await;
    }
}

pub async fn another_data_type_is_not_replaced<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let (other, key, seen, new) = (room.key("other"), room.key("k"), value(), value());
    if !backend.put_another_type(&other).await {
        return;
    }
    room.set(&key, &seen, HOUR).await;
    let both = [&other, &key].map(|key| replacement(key, &seen, &new, HOUR));
    assert_eq!(ok(room.cache.replace(&both).await, "replace"), [false, true], "each for itself");
    room.expect_bytes(&key, &new, "the neighbour was replaced").await;
}
