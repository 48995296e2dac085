//! Who may store what it loaded.
#![expect(missing_docs, reason = "the name of each case is its documentation")]

use bytes::Bytes;

use super::Backend;
use super::room::{HOUR, MINUTE, Room, bytes, fill, ok, only, request};
use crate::entry::Token;
use crate::policy::Ttl;
use crate::port::{LeaseOutcome, ReleaseOutcome};

pub async fn a_fill_under_its_lease_stores_the_value_and_its_lifetime<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let (finite, forever) = (room.key("finite"), room.key("forever"));
    let reader = room.leased(&finite).await;
    assert!(room.fill(&finite, reader, &bytes("v")).await, "the lease stands");
    room.expect_bytes(&finite, &bytes("v"), "the value took the lease's place").await;
    room.expect_left(&finite, HOUR, "with the fill's lifetime, not the lease's").await;
    let reader = room.leased(&forever).await;
    let fills = [fill(&forever, reader, &bytes("v"), Ttl::Forever)];
    assert!(only(ok(room.cache.fill(&fills).await, "fill"), "fill"), "the lease stands");
    room.expect_forever(&forever, "the lease's lifetime is gone").await;
}

pub async fn a_fill_after_a_writers_hold_is_rejected<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    let reader = room.leased(&key).await;
    let writer = room.held(&key, HOUR).await;
    assert!(!room.fill(&key, reader, &bytes("old")).await, "a writer came between");
    room.expect_held(&key, &[writer], "the hold still stands").await;
    room.expect_left(&key, HOUR, "with its lifetime").await;
}

pub async fn a_fill_after_a_writers_release_is_rejected<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    let reader = room.leased(&key).await;
    let writer = room.held(&key, HOUR).await;
    assert_eq!(room.release(&key, writer).await, ReleaseOutcome::Released, "it stood");
    assert!(!room.fill(&key, reader, &bytes("old")).await, "a writer came between and is done");
    room.expect_absent(&key, "nothing was stored").await;
    let next = room.leased(&key).await;
    assert!(!room.fill(&key, reader, &bytes("old")).await, "another lease stands there");
    assert!(room.fill(&key, next, &bytes("new")).await, "who leased after the release may fill");
    room.expect_bytes(&key, &bytes("new"), "what was loaded after the release").await;
}

pub async fn a_fill_whose_lease_ran_out_is_rejected<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    let reader = room.leased(&key).await;
    backend.expire_now(&*room.cache, &key).await;
    assert!(!room.fill(&key, reader, &bytes("late")).await, "the lease ran out");
    room.expect_absent(&key, "nothing was stored").await;
    let never = Token::new();
    assert!(!room.fill(&key, never, &bytes("never")).await, "there was never such a lease");
    room.expect_absent(&key, "nothing was stored").await;
}

pub async fn a_fill_whose_lease_was_abandoned_is_rejected<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    let reader = room.leased(&key).await;
    room.abandon(&key, reader).await;
    assert!(!room.fill(&key, reader, &bytes("late")).await, "the lease was given up");
    room.expect_absent(&key, "nothing was stored").await;
}

pub async fn a_fill_under_another_readers_lease_is_rejected<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    let reader = room.leased(&key).await;
    backend.expire_now(&*room.cache, &key).await;
    let next = room.leased(&key).await;
    assert!(!room.fill(&key, reader, &bytes("late")).await, "another reader's lease stands there");
    room.expect_bytes(&key, &next.lease(), "that lease still stands").await;
    room.expect_left(&key, MINUTE, "with its lifetime").await;
    assert!(room.fill(&key, next, &bytes("v")).await, "its own fill is stored");
}

pub async fn a_fill_over_a_value_is_rejected<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    let reader = room.leased(&key).await;
    room.set(&key, &bytes("set"), Ttl::Forever).await;
    assert!(!room.fill(&key, reader, &bytes("late")).await, "a value stands there");
    room.expect_bytes(&key, &bytes("set"), "it was not replaced").await;
    room.expect_forever(&key, "it got no lifetime").await;
}

pub async fn a_second_fill_under_one_lease_is_rejected<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let (key, twice) = (room.key("k"), room.key("twice"));
    let reader = room.leased(&key).await;
    assert!(room.fill(&key, reader, &bytes("first")).await, "the lease stands");
    assert!(!room.fill(&key, reader, &bytes("second")).await, "the first fill used it up");
    room.expect_bytes(&key, &bytes("first"), "the first stays").await;
    let reader = room.leased(&twice).await;
    let fills = ["first", "second"].map(|entry| fill(&twice, reader, &Bytes::from(entry), HOUR));
    let stored = ok(room.cache.fill(&fills).await, "fill");
    assert_eq!(stored, [true, false], "in one batch too");
    room.expect_bytes(&twice, &bytes("first"), "the first stays").await;
}

pub async fn only_exactly_the_lease_counts_as_the_lease<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    let reader = Token::new();
    let lease = reader.lease();
    let longer: Bytes = lease.iter().copied().chain([0]).collect();
    let shorter = lease.slice(..lease.len() - 1);
    let marked = |mark: u8| [mark].into_iter().chain(*reader.as_bytes()).collect::<Bytes>();
    let bare = Bytes::copy_from_slice(reader.as_bytes());
    for other in [longer, shorter, marked(b'V'), marked(b'H'), marked(b'l'), bare, Bytes::new()] {
        room.set(&key, &other, HOUR).await;
        assert!(!room.fill(&key, reader, &bytes("v")).await, "{other:?} is not the lease");
        room.expect_bytes(&key, &other, "it was not replaced").await;
        room.abandon(&key, reader).await;
        room.expect_bytes(&key, &other, "nor was it abandoned").await;
    }
}

pub async fn one_lost_lease_leaves_the_rest_of_a_batch_alone<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let keys = room.keys(5);
    let lost = |number: usize| number.is_multiple_of(2);
    let reader = Token::new();
    let requests: Vec<_> = keys.iter().map(|key| request(key, reader)).collect();
    let outcomes = ok(room.cache.lease(&requests, MINUTE).await, "lease");
    assert_eq!(outcomes, vec![LeaseOutcome::Granted; 5], "all were absent");
    // The first, the last and the one in the middle are lost.
    let writer = Token::new();
    for key in keys.iter().step_by(2) {
        room.hold(key, writer, MINUTE).await;
    }
    let value = |number: usize| Bytes::from(format!("value {number}"));
    let ttl = |number: usize| {
        if number == 1 { Ttl::After(HOUR) } else { Ttl::Forever }
    };
    let fills: Vec<_> = keys
        .iter()
        .enumerate()
        .map(|(number, key)| fill(key, reader, &value(number), ttl(number)))
        .collect();
    let stored = ok(room.cache.fill(&fills).await, "fill");
    assert_eq!(stored, [false, true, false, true, false], "each at its place");
    for (number, key) in keys.iter().enumerate() {
        if lost(number) {
            room.expect_held(key, &[writer], "the hold still stands").await;
        } else {
            room.expect_bytes(key, &value(number), "its own value was stored").await;
        }
    }
    for (number, key) in keys.iter().enumerate() {
        match number {
            1 => room.expect_left(key, HOUR, "each has its own lifetime").await,
            3 => room.expect_forever(key, "each has its own lifetime").await,
            _ => {}
        }
    }
}
