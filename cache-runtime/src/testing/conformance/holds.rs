//! Writers that are about to commit.
#![expect(missing_docs, reason = "the name of each case is its documentation")]

use bytes::Bytes;

use super::Backend;
use super::hold::{self, AHEAD, PAST};
use super::room::{HOUR, MINUTE, Room, bytes, ok};
use crate::entry::{Entry, Token};
use crate::policy::Ttl;
use crate::port::{LeaseOutcome, ReleaseOutcome};

pub async fn a_hold_takes_the_place_of_whatever_was_there<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let keys = room.some_keys();
    let [absent, value, forever, leased, foreign] = &keys;
    room.set(value, &bytes("v"), MINUTE).await;
    room.set(forever, &bytes("v"), Ttl::Forever).await;
    room.leased(leased).await;
    room.set(foreign, &bytes("foreign"), Ttl::Forever).await;
    let writer = Token::new();
    ok(room.cache.hold(&keys, writer, HOUR).await, "hold");
    for key in [absent, value, forever, leased, foreign] {
        let entry = room.get(key).await.as_ref().map(Entry::parse);
        assert_eq!(entry, Some(Entry::Hold), "it reads as a hold");
        room.expect_held(key, &[writer], "value and lease are gone").await;
        room.expect_left(key, HOUR, "with the hold's lifetime").await;
    }
}

pub async fn a_hold_is_written_in_the_format_of_the_entry<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    let (short, long) = (room.held(&key, MINUTE).await, room.held(&key, HOUR).await);
    let entry = ok(room.get(&key).await.ok_or("absent"), "reading the hold");
    let writers = ok(hold::writers(&entry).ok_or(&entry), "reading its writers");
    let deadline = |of: Token| {
        let found = writers.iter().find(|(token, _)| *token == of);
        ok(found.map(|(_, deadline)| *deadline).ok_or("no such writer"), "finding a writer")
    };
    assert_eq!(writers.len(), 2, "one mark for each writer");
    let apart = deadline(long).saturating_sub(deadline(short));
    let (least, most) = (57 * 60 * 1000, 60 * 60 * 1000);
    assert!(
        (least..most).contains(&apart),
        "deadlines are in milliseconds: those of an hour and a minute are {apart} apart"
    );
}

pub async fn a_hold_stands_for_its_time_and_then_frees_the_key<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    let writer = room.held(&key, MINUTE).await;
    let outcome = room.lease(&key, Token::new()).await;
    assert!(
        matches!(outcome, LeaseOutcome::Taken(_)),
        "while it stands nobody leases: {outcome:?}"
    );
    assert!(!room.fill(&key, writer, &bytes("v")).await, "nor fills, with whatever token");
    room.expect_held(&key, &[writer], "it stands").await;
    backend.expire_now(&*room.cache, &key).await;
    room.expect_absent(&key, "the writer died, and its hold ran out").await;
    let reader = room.leased(&key).await;
    assert!(room.fill(&key, reader, &bytes("v")).await, "the key is free");
}

pub async fn several_writers_hold_one_key<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    let mut writers = Vec::new();
    for count in 1..=5 {
        writers.push(room.held(&key, HOUR).await);
        room.expect_held(&key, &writers, "every writer's mark stands").await;
        assert_eq!(writers.len(), count, "one more");
    }
    while let Some(writer) = writers.pop() {
        assert_eq!(room.release(&key, writer).await, ReleaseOutcome::Released, "its mark stood");
        if writers.is_empty() {
            room.expect_absent(&key, "the last writer is done").await;
        } else {
            room.expect_held(&key, &writers, "the others' marks stand").await;
            let outcome = room.lease(&key, Token::new()).await;
            assert!(matches!(outcome, LeaseOutcome::Taken(_)), "a writer is left: {outcome:?}");
        }
    }
}

pub async fn a_held_key_lives_until_its_latest_deadline<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let (falling, rising) = (room.key("falling"), room.key("rising"));
    room.held(&falling, HOUR).await;
    room.held(&falling, MINUTE).await;
    room.expect_left(&falling, HOUR, "a shorter hold does not cut a longer one off").await;
    room.held(&rising, MINUTE).await;
    room.held(&rising, HOUR).await;
    room.expect_left(&rising, HOUR, "a longer hold prolongs the key's life").await;
}

pub async fn a_renewed_hold_has_one_mark_and_a_new_deadline<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    let writer = room.held(&key, MINUTE).await;
    room.hold(&key, writer, HOUR).await;
    room.expect_held(&key, &[writer], "the same writer has one mark").await;
    room.expect_left(&key, HOUR, "the deadline is renewed").await;
    assert_eq!(room.release(&key, writer).await, ReleaseOutcome::Released, "its mark stood");
    room.expect_absent(&key, "one release undoes both").await;
    room.hold(&key, writer, MINUTE).await;
    backend.expire_now(&*room.cache, &key).await;
    room.hold(&key, writer, HOUR).await;
    room.expect_held(&key, &[writer], "a hold that ran out is placed anew").await;
}

pub async fn a_renewed_hold_leaves_other_writers_alone<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    let (first, second) = (room.held(&key, HOUR).await, room.held(&key, MINUTE).await);
    room.hold(&key, second, MINUTE).await;
    room.expect_held(&key, &[first, second], "both marks stand").await;
    room.expect_left(&key, HOUR, "the first writer's deadline stands").await;
    room.hold(&key, first, MINUTE).await;
    room.expect_held(&key, &[first, second], "both marks stand").await;
    room.expect_left(&key, MINUTE, "the latest deadline is a minute away now").await;
}

pub async fn a_writer_that_ran_out_is_forgotten_by_the_next_hold<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    let (dead, live) = (Token::new(), Token::new());
    room.set(&key, &hold::entry(&[(dead, PAST), (live, AHEAD)]), Ttl::Forever).await;
    let writer = room.held(&key, MINUTE).await;
    room.expect_held(&key, &[live, writer], "who ran out is gone, who lives stays").await;
    assert_eq!(room.release(&key, live).await, ReleaseOutcome::Released, "its mark stood");
    room.expect_held(&key, &[writer], "the last one left").await;
    room.expect_left(&key, MINUTE, "the key's life follows its writers").await;
    assert_eq!(room.release(&key, writer).await, ReleaseOutcome::Released, "its mark stood");
    room.expect_absent(&key, "no writer is left").await;
}

pub async fn a_damaged_hold_can_be_held_and_released<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    let cut = hold::entry(&[(Token::new(), AHEAD)]).slice(..20);
    for damaged in [bytes("H"), bytes("H!"), cut] {
        room.set(&key, &damaged, Ttl::Forever).await;
        let outcome = room.release(&key, Token::new()).await;
        assert_eq!(outcome, ReleaseOutcome::WasGone, "no writer can be read from {damaged:?}");
        room.expect_absent(&key, "nobody holds it").await;
        room.set(&key, &damaged, Ttl::Forever).await;
        let writer = room.held(&key, MINUTE).await;
        room.expect_held(&key, &[writer], "the hold is whole again").await;
        room.expect_left(&key, MINUTE, "and ends").await;
        assert_eq!(room.release(&key, writer).await, ReleaseOutcome::Released, "its mark stood");
        room.expect_absent(&key, "nobody holds it").await;
    }
}

pub async fn one_key_twice_in_a_hold_counts_once<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let (key, other, writer) = (room.key("k"), room.key("other"), Token::new());
    let keys = [key.clone(), other.clone(), key.clone()];
    room.set(&other, &Bytes::from_static(b"v"), HOUR).await;
    ok(room.cache.hold(&keys, writer, MINUTE).await, "hold");
    room.expect_held(&key, &[writer], "one mark").await;
    room.expect_held(&other, &[writer], "the key between is held too").await;
    let outcomes = ok(room.cache.release(&keys, writer).await, "release");
    let (released, gone) = (ReleaseOutcome::Released, ReleaseOutcome::WasGone);
    assert_eq!(outcomes, [released, released, gone], "the second time it is done already");
    room.expect_absent(&key, "it was released").await;
}
