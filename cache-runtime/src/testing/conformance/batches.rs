//! Many keys in one call.
#![expect(missing_docs, reason = "the name of each case is its documentation")]

use std::time::Duration;

use bytes::Bytes;

use super::Backend;
use super::room::{HOUR, MINUTE, Room, bytes, fill, ok, request};
use crate::entry::Token;
use crate::key::Key;
use crate::policy::Ttl;
use crate::port::{LeaseOutcome, ReleaseOutcome};

/// More than a backend sends in one piece, and not a multiple of it.
const THOUSANDS: usize = 2_345;

pub async fn an_empty_batch_asks_for_nothing<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let (cache, token) = (&room.cache, Token::new());
    assert!(ok(cache.get_many(&[]).await, "get_many").is_empty(), "get_many");
    ok(cache.set_many(&[], Ttl::Forever).await, "set_many");
    assert_eq!(ok(cache.delete_many(&[]).await, "delete_many"), 0, "delete_many");
    assert!(ok(cache.lease(&[], MINUTE).await, "lease").is_empty(), "lease");
    assert!(ok(cache.fill(&[]).await, "fill").is_empty(), "fill");
    ok(cache.abandon(&[], token).await, "abandon");
    ok(cache.hold(&[], token, MINUTE).await, "hold");
    assert!(ok(cache.release(&[], token).await, "release").is_empty(), "release");
}

pub async fn a_batch_read_keeps_order_and_duplicates<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let (a, b, absent) = (room.key("a"), room.key("b"), room.key("absent"));
    room.set(&a, &bytes("value of a"), MINUTE).await;
    room.set(&b, &bytes("value of b"), MINUTE).await;
    let asked = [&b, &absent, &a, &b, &absent, &b].map(Key::clone);
    let (of_a, of_b) = (Some(bytes("value of a")), Some(bytes("value of b")));
    let expected = [of_b.clone(), None, of_a, of_b.clone(), None, of_b];
    assert_eq!(room.get_many(&asked).await, expected, "each answer stands at its key's place");
}

pub async fn a_batch_write_sets_every_key_with_one_ttl<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let (a, b) = (room.key("a"), room.key("b"));
    room.set(&a, &bytes("old"), Ttl::Forever).await;
    let entries = [(a.clone(), bytes("1")), (b.clone(), Bytes::new())];
    ok(room.cache.set_many(&entries, HOUR.into()).await, "set_many");
    for (key, value) in &entries {
        room.expect_bytes(key, value, "as it was set").await;
        room.expect_left(key, HOUR, "with the TTL of the batch").await;
    }
    ok(room.cache.set_many(&entries, Ttl::Forever).await, "set_many");
    for key in [&a, &b] {
        room.expect_forever(key, "with the TTL of the second batch").await;
    }
}

pub async fn a_batch_write_of_one_key_twice_keeps_the_last<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    let entries = [(key.clone(), bytes("first")), (key.clone(), bytes("last"))];
    ok(room.cache.set_many(&entries, MINUTE.into()).await, "set_many");
    room.expect_bytes(&key, &bytes("last"), "a batch is written in its order").await;
}

pub async fn a_batch_write_with_a_zero_ttl_removes_every_key<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let (there, absent) = (room.key("there"), room.key("absent"));
    room.set(&there, &bytes("old"), Ttl::Forever).await;
    let entries = [(there.clone(), bytes("new")), (absent.clone(), bytes("new"))];
    ok(room.cache.set_many(&entries, Ttl::After(Duration::ZERO)).await, "set_many");
    room.expect_absent(&there, "a zero TTL removes it").await;
    room.expect_absent(&absent, "a zero TTL stores nothing").await;
}

pub async fn a_batch_delete_counts_what_was_there<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let (a, b, absent, kept) = (room.key("a"), room.key("b"), room.key("absent"), room.key("kept"));
    for key in [&a, &b, &kept] {
        room.set(key, &bytes("v"), MINUTE).await;
    }
    let asked = [&a, &absent, &a, &b].map(Key::clone);
    let removed = ok(room.cache.delete_many(&asked).await, "delete_many");
    assert_eq!(removed, 2, "a key counts once, and an absent one does not");
    room.expect_absent(&a, "it was deleted").await;
    room.expect_absent(&b, "it was deleted").await;
    room.expect_bytes(&kept, &bytes("v"), "it was not asked for").await;
    assert_eq!(ok(room.cache.delete_many(&asked).await, "delete_many"), 0, "all are gone");
}

pub async fn a_batch_of_thousands_keeps_its_order<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let keys = room.keys(THOUSANDS);
    // Every third is absent.
    let value =
        |number: usize| (!number.is_multiple_of(3)).then(|| Bytes::from(format!("value {number}")));
    let entries: Vec<_> = keys
        .iter()
        .enumerate()
        .filter_map(|(number, key)| Some((key.clone(), value(number)?)))
        .collect();
    ok(room.cache.set_many(&entries, MINUTE.into()).await, "set_many");
    let mut expected: Vec<_> =
        keys.iter().enumerate().map(|(number, key)| (key.clone(), value(number))).collect();
    fastrand::Rng::with_seed(1).shuffle(&mut expected);
    let (asked, expected): (Vec<_>, Vec<_>) = expected.into_iter().unzip();
    let read = room.get_many(&asked).await;
    assert_eq!(read.len(), expected.len(), "one answer for each key");
    let wrong = read.iter().zip(&expected).position(|(read, expected)| read != expected);
    assert_eq!(wrong, None, "the first answer at another key's place");
    let removed = ok(room.cache.delete_many(&asked).await, "delete_many");
    assert_eq!(usize::try_from(removed), Ok(entries.len()), "what was there");
    let left = room.get_many(&asked).await.into_iter().flatten().count();
    assert_eq!(left, 0, "all are gone");
}

pub async fn a_batch_of_thousands_of_leases_fills_and_releases_keeps_its_order<B: Backend>(
    backend: &B,
) {
    let room = Room::open(backend).await;
    let keys = room.keys(THOUSANDS);
    let taken = |number: usize| number.is_multiple_of(7);
    let (reader, writer) = (Token::new(), Token::new());
    let others: Vec<_> = keys.iter().step_by(7).map(|key| (key.clone(), bytes("there"))).collect();
    ok(room.cache.set_many(&others, HOUR.into()).await, "set_many");

    let requests: Vec<_> = keys.iter().map(|key| request(key, reader)).collect();
    let outcomes = ok(room.cache.lease(&requests, MINUTE).await, "lease");
    let expected = |number| match taken(number) {
        true => LeaseOutcome::Taken(bytes("there")),
        false => LeaseOutcome::Granted,
    };
    expect_each(&outcomes, expected, "lease");

    let fills: Vec<_> = keys.iter().map(|key| fill(key, reader, &bytes("filled"), HOUR)).collect();
    let stored = ok(room.cache.fill(&fills).await, "fill");
    expect_each(&stored, |number| !taken(number), "fill");

    let held: Vec<_> = keys.iter().step_by(7).cloned().collect();
    ok(room.cache.hold(&held, writer, MINUTE).await, "hold");
    let outcomes = ok(room.cache.release(&keys, writer).await, "release");
    let expected = |number| match taken(number) {
        true => ReleaseOutcome::Released,
        false => ReleaseOutcome::WasGone,
    };
    expect_each(&outcomes, expected, "release");
    let left = room.get_many(&keys).await.into_iter().flatten().count();
    assert_eq!(left, 0, "every key is free after the release");
}

/// One answer for each key, at its place.
#[track_caller]
fn expect_each<T: PartialEq>(answers: &[T], expected: impl Fn(usize) -> T, what: &str) {
    assert_eq!(answers.len(), THOUSANDS, "{what} has one answer for each key");
    let wrong = answers.iter().enumerate().position(|(number, answer)| *answer != expected(number));
    assert_eq!(wrong, None, "{what}: the first answer at another key's place");
}
