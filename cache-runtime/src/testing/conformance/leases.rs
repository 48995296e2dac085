//! Who may load.
#![expect(missing_docs, reason = "the name of each case is its documentation")]

use bytes::Bytes;

use super::Backend;
use super::room::{HOUR, MINUTE, Room, bytes, ok, request, request_over};
use crate::entry::{Entry, Token};
use crate::policy::Ttl;
use crate::port::LeaseOutcome;

pub async fn a_lease_on_an_absent_key_is_granted<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let (key, token) = (room.key("k"), Token::new());
    assert_eq!(room.lease(&key, token).await, LeaseOutcome::Granted, "nothing was there");
    room.expect_bytes(&key, &token.lease(), "the lease stands there, as the entry says").await;
    let entry = room.get(&key).await.as_ref().map(Entry::parse);
    assert_eq!(entry, Some(Entry::Lease(token)), "it reads as this reader's lease");
    room.expect_left(&key, MINUTE, "a lease runs out by itself").await;
}

pub async fn a_lease_on_a_standing_entry_shows_it_and_changes_nothing<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let (value, leased, held) = (room.key("value"), room.key("leased"), room.key("held"));
    room.set(&value, &bytes("v"), Ttl::Forever).await;
    let other = room.leased(&leased).await;
    let writer = room.held(&held, HOUR).await;
    let hold = ok(room.get(&held).await.ok_or("absent"), "reading the hold");

    let reader = Token::new();
    let outcome = room.lease(&value, reader).await;
    assert_eq!(outcome, LeaseOutcome::Taken(bytes("v")), "a value stands there");
    let outcome = room.lease(&leased, reader).await;
    assert_eq!(outcome, LeaseOutcome::Taken(other.lease()), "another reader's lease stands there");
    let outcome = room.lease(&leased, other).await;
    assert_eq!(outcome, LeaseOutcome::Taken(other.lease()), "even the own lease is in the way");
    let outcome = room.lease(&held, reader).await;
    assert_eq!(outcome, LeaseOutcome::Taken(hold), "a hold stands there");

    room.expect_bytes(&value, &bytes("v"), "it was not replaced").await;
    room.expect_forever(&value, "it got no lifetime").await;
    room.expect_bytes(&leased, &other.lease(), "it was not replaced").await;
    room.expect_held(&held, &[writer], "it was not replaced").await;
    room.expect_left(&held, HOUR, "its lifetime stayed").await;
}

pub async fn a_lease_over_the_bytes_that_stand_there_is_granted<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    // Garbage, an entry to be refreshed, and a lease of a reader that is known to be dead.
    for old in [bytes("\u{1}garbage"), bytes("V and more"), Token::new().lease()] {
        room.set(&key, &old, Ttl::Forever).await;
        let reader = Token::new();
        let outcome = room.lease_over(&key, reader, &old).await;
        assert_eq!(outcome, LeaseOutcome::Granted, "the bytes are the same");
        room.expect_bytes(&key, &reader.lease(), "the lease took their place").await;
        room.expect_left(&key, MINUTE, "the lease has its own lifetime").await;
        assert!(room.fill(&key, reader, &bytes("new")).await, "it is a lease like any other");
        room.expect_bytes(&key, &bytes("new"), "the repaired entry").await;
    }
}

pub async fn a_lease_over_other_bytes_is_not_granted<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    room.set(&key, &bytes("the bytes"), Ttl::Forever).await;
    for over in ["", "the", "the byte", "the bytes ", "The bytes", "the bytez"] {
        let outcome = room.lease_over(&key, Token::new(), &Bytes::from(over)).await;
        let expected = LeaseOutcome::Taken(bytes("the bytes"));
        assert_eq!(outcome, expected, "{over:?} is not what stands there");
        room.expect_bytes(&key, &bytes("the bytes"), "they were not replaced").await;
        room.expect_forever(&key, "they got no lifetime").await;
    }
    let writer = room.held(&key, HOUR).await;
    let outcome = room.lease_over(&key, Token::new(), &bytes("the bytes")).await;
    assert!(matches!(outcome, LeaseOutcome::Taken(_)), "a writer holds it now: {outcome:?}");
    room.expect_held(&key, &[writer], "the hold was not replaced").await;
}

pub async fn a_lease_over_an_absent_key_finds_it_gone<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    for over in [bytes("v"), Bytes::new()] {
        let outcome = room.lease_over(&key, Token::new(), &over).await;
        assert_eq!(outcome, LeaseOutcome::Gone, "nothing is there to be replaced");
        room.expect_absent(&key, "no lease was taken").await;
    }
}

pub async fn a_lease_that_ran_out_can_be_taken_anew<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    room.leased(&key).await;
    backend.expire_now(&*room.cache, &key).await;
    room.expect_absent(&key, "the lease ran out").await;
    let next = room.leased(&key).await;
    room.expect_bytes(&key, &next.lease(), "the next reader's lease stands there").await;
}

pub async fn of_two_leases_for_one_key_in_a_batch_the_first_is_granted<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let (key, first, second) = (room.key("k"), Token::new(), Token::new());
    let requests = [request(&key, first), request(&key, second), request(&key, first)];
    let outcomes = ok(room.cache.lease(&requests, MINUTE).await, "lease");
    let taken = LeaseOutcome::Taken(first.lease());
    assert_eq!(outcomes, [LeaseOutcome::Granted, taken.clone(), taken], "in the batch's order");
    room.expect_bytes(&key, &first.lease(), "the first stands").await;
}

pub async fn each_lease_of_a_batch_stands_for_itself<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let keys = room.some_keys();
    let [free, value, foreign, changed, gone, last] = &keys;
    let reader = Token::new();
    room.set(value, &bytes("v"), HOUR).await;
    room.set(foreign, &bytes("foreign"), HOUR).await;
    room.set(changed, &bytes("changed"), HOUR).await;
    let requests = [
        request(free, reader),
        request(value, reader),
        request_over(foreign, reader, &bytes("foreign")),
        request_over(changed, reader, &bytes("before")),
        request_over(gone, reader, &bytes("before")),
        request(last, reader),
    ];
    let outcomes = ok(room.cache.lease(&requests, MINUTE).await, "lease");
    let expected = [
        LeaseOutcome::Granted,
        LeaseOutcome::Taken(bytes("v")),
        LeaseOutcome::Granted,
        LeaseOutcome::Taken(bytes("changed")),
        LeaseOutcome::Gone,
        LeaseOutcome::Granted,
    ];
    assert_eq!(outcomes, expected, "each at its place, whatever became of the others");
    let lease = || Some(reader.lease());
    let expected = [lease(), Some(bytes("v")), lease(), Some(bytes("changed")), None, lease()];
    assert_eq!(room.get_many(&keys).await, expected, "what stands at each key");
}
