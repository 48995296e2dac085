//! Bytes at a key.
#![expect(missing_docs, reason = "the name of each case is its documentation")]

use std::collections::HashSet;

use bytes::Bytes;

use super::Backend;
use super::room::{HOUR, MINUTE, Room, bytes, fill, ok, request, request_over};
use crate::entry::Token;
use crate::error::ErrorKind;
use crate::key::Key;
use crate::policy::Ttl;
use crate::port::{LeaseOutcome, ReleaseOutcome};

pub async fn a_backend_gives_a_sign_of_life<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    ok(room.cache.ping().await, "ping");
}

pub async fn an_absent_key_is_an_answer_and_no_error<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("absent");
    room.expect_absent(&key, "it was never set").await;
    assert!(!room.delete(&key).await, "there is nothing to delete");
    assert!(!room.expire(&key, MINUTE).await, "there is nothing to give a lifetime to");
    assert!(!room.expire(&key, Ttl::Forever).await, "there is nothing to make permanent");
    room.expect_absent(&key, "none of these calls made one").await;
}

pub async fn what_was_set_reads_back<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let (one, other) = (room.key("one"), room.key("other"));
    room.set(&one, &bytes("1"), Ttl::Forever).await;
    room.set(&other, &bytes("2"), MINUTE).await;
    room.expect_bytes(&one, &bytes("1"), "as it was set").await;
    room.expect_bytes(&other, &bytes("2"), "as it was set").await;
}

pub async fn a_set_replaces_the_value_and_the_lifetime<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    room.set(&key, &bytes("a minute"), MINUTE).await;
    room.set(&key, &bytes("forever"), Ttl::Forever).await;
    room.expect_bytes(&key, &bytes("forever"), "the second set replaced the first").await;
    room.expect_forever(&key, "a set takes the old lifetime away").await;
    room.set(&key, &bytes("an hour"), HOUR).await;
    room.expect_left(&key, HOUR, "a set gives a lifetime").await;
    room.set(&key, &bytes("a minute"), MINUTE).await;
    room.expect_left(&key, MINUTE, "a set shortens a lifetime").await;
    room.set(&key, &bytes("an hour"), HOUR).await;
    room.expect_left(&key, HOUR, "a set lengthens a lifetime").await;
    room.held(&key, HOUR).await;
    room.set(&key, &bytes("after a hold"), MINUTE).await;
    room.expect_bytes(&key, &bytes("after a hold"), "a set replaces whatever was there").await;
}

pub async fn a_set_with_a_zero_ttl_removes_the_key<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    room.set(&key, &bytes("old"), Ttl::Forever).await;
    room.set(&key, &bytes("new"), std::time::Duration::ZERO).await;
    room.expect_absent(&key, "a zero TTL stores nothing and removes what was there").await;
    room.set(&key, &bytes("new"), std::time::Duration::ZERO).await;
    room.expect_absent(&key, "a zero TTL on an absent key leaves it absent").await;
}

pub async fn a_delete_says_whether_the_key_was_there<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let (key, other) = (room.key("k"), room.key("other"));
    room.set(&key, &bytes("v"), Ttl::Forever).await;
    room.set(&other, &bytes("v"), Ttl::Forever).await;
    assert!(room.delete(&key).await, "it was there");
    room.expect_absent(&key, "it was deleted").await;
    assert!(!room.delete(&key).await, "it is not there any more");
    room.expect_bytes(&other, &bytes("v"), "only the one key was deleted").await;
}

pub async fn a_set_if_absent_leaves_what_stands_there<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    let put = async |value: &'static str, ttl: Ttl| {
        ok(room.cache.set_if_absent(&key, bytes(value), ttl).await, "set_if_absent")
    };
    assert!(put("first", HOUR.into()).await, "nothing stood there");
    assert!(!put("second", Ttl::Forever).await, "the first does");
    room.expect_bytes(&key, &bytes("first"), "it was left").await;
    room.expect_left(&key, HOUR, "with its lifetime").await;
    backend.expire_now(&*room.cache, &key).await;
    assert!(put("third", Ttl::Forever).await, "what is dead stands nowhere");
    room.expect_forever(&key, "as it was set").await;
    let nothing = Ttl::After(std::time::Duration::ZERO);
    assert!(!put("fourth", nothing).await, "something stands there");
    room.expect_bytes(&key, &bytes("third"), "a zero TTL does not remove it").await;
    room.delete(&key).await;
    assert!(put("fifth", nothing).await, "nothing stood there");
    room.expect_absent(&key, "a zero TTL stores nothing").await;
    let writer = room.held(&key, HOUR).await;
    assert!(!put("sixth", HOUR.into()).await, "a hold stands there");
    room.expect_held(&key, &[writer], "it was left").await;
}

pub async fn a_take_gives_the_value_and_removes_it<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let [key, empty] = room.some_keys();
    let take = async |key: &Key| ok(room.cache.take(key).await, "take");
    assert_eq!(take(&key).await, None, "nothing is there");
    room.set(&key, &bytes("v"), HOUR).await;
    assert_eq!(take(&key).await, Some(bytes("v")), "as it was set");
    room.expect_absent(&key, "it was taken").await;
    assert_eq!(take(&key).await, None, "it was taken before");
    room.set(&empty, &Bytes::new(), Ttl::Forever).await;
    assert_eq!(take(&empty).await, Some(Bytes::new()), "an empty value is a value");
    room.set(&key, &bytes("v"), HOUR).await;
    backend.expire_now(&*room.cache, &key).await;
    assert_eq!(take(&key).await, None, "it is dead");
}

pub async fn an_empty_value_is_a_value<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    room.set(&key, &Bytes::new(), MINUTE).await;
    room.expect_bytes(&key, &Bytes::new(), "empty is not absent").await;
    let read = room.get_many(std::slice::from_ref(&key)).await;
    assert_eq!(read, [Some(Bytes::new())], "empty is not absent in a batch either");
    room.expect_left(&key, MINUTE, "it has its lifetime").await;
    let reader = Token::new();
    let outcome = room.lease(&key, reader).await;
    assert_eq!(outcome, LeaseOutcome::Taken(Bytes::new()), "an empty value is in a lease's way");
    let outcome = room.lease_over(&key, reader, &Bytes::new()).await;
    assert_eq!(outcome, LeaseOutcome::Granted, "a lease may replace an empty value");
    assert!(room.fill(&key, reader, &Bytes::new()).await, "an empty value can be filled");
    room.expect_bytes(&key, &Bytes::new(), "as it was filled").await;
    assert!(room.delete(&key).await, "it was there");
}

pub async fn a_value_may_hold_any_byte<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    let every_byte: Bytes = (0..=u8::MAX).chain(*b"\r\n\0$-1\r\n").collect();
    room.set(&key, &every_byte, MINUTE).await;
    room.expect_bytes(&key, &every_byte, "byte for byte").await;
    let reader = Token::new();
    let outcome = room.lease_over(&key, reader, &every_byte).await;
    assert_eq!(outcome, LeaseOutcome::Granted, "the bytes compare equal to themselves");
    assert!(room.fill(&key, reader, &every_byte).await, "they can be filled");
    room.expect_bytes(&key, &every_byte, "byte for byte").await;
}

pub async fn a_value_of_two_megabytes_reads_back<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let (key, filled) = (room.key("set"), room.key("filled"));
    let mut random = fastrand::Rng::with_seed(2);
    let large: Bytes = std::iter::repeat_with(|| random.u8(..)).take(2 << 20).collect();
    room.set(&key, &large, MINUTE).await;
    let read = room.get(&key).await;
    assert!(read.as_ref() == Some(&large), "the bytes differ, or are gone");
    let reader = room.leased(&filled).await;
    assert!(room.fill(&filled, reader, &large).await, "a large value can be filled");
    let read = room.get(&filled).await;
    assert!(read.as_ref() == Some(&large), "the filled bytes differ, or are gone");
}

/// Names that something between here and the bytes may take for something else.
fn odd_keys(room: &Room) -> Vec<Key> {
    let long = "x".repeat(10_000);
    let names = [
        "", " ", "  ", "a b", "a  b", "a\nb", "a\r\nb", "a\tb", "*", "?", "a*", "[a-z]", "\\",
        "\\*", "\0", "a\0b", "a\0", "a", "A", "{a}", "{a}b", "a:b", "a::b", ":", "%", "%20", "%2",
        "=", "'", "\"", "é", "e\u{301}", "日本", "\u{feff}", "$(x)", "-1", "1", "01", "nil",
        "null",
    ];
    let mut keys: Vec<Key> = names.iter().map(|name| room.key(name)).collect();
    // Whoever cuts or hashes a key by a part of it takes these two for one.
    keys.push(room.key(&format!("{long}1")));
    keys.push(room.key(&format!("{long}2")));
    keys.push(room.key(&format!("1{long}")));
    let distinct: HashSet<&str> = keys.iter().map(Key::as_str).collect();
    assert_eq!(distinct.len(), keys.len(), "the suite's own keys differ");
    keys
}

pub async fn odd_keys_name_one_value_each<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let keys = odd_keys(&room);
    let value = |number: usize| Bytes::from(format!("value {number}"));
    for (number, key) in keys.iter().enumerate() {
        room.set(key, &value(number), MINUTE).await;
    }
    for (number, key) in keys.iter().enumerate() {
        room.expect_bytes(key, &value(number), "every key has its own value").await;
    }
    let expected: Vec<_> = (0..keys.len()).map(|number| Some(value(number))).collect();
    assert_eq!(room.get_many(&keys).await, expected, "in a batch too");
    for key in &keys {
        let writer = room.held(key, MINUTE).await;
        assert_eq!(
            room.release(key, writer).await,
            ReleaseOutcome::Released,
            "{key:?} can be held"
        );
        room.expect_absent(key, "it was released").await;
    }
}

pub async fn deleting_an_odd_key_removes_no_other<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let keys = odd_keys(&room);
    for key in &keys {
        room.set(key, &bytes("v"), MINUTE).await;
    }
    for (number, key) in keys.iter().enumerate() {
        assert!(room.delete(key).await, "{key:?} was still there: no other delete removed it");
        let gone = room.get_many(&keys).await.iter().filter(|value| value.is_none()).count();
        assert_eq!(gone, number + 1, "deleting {key:?} removed one key");
    }
}

pub async fn another_data_type_at_a_key_is_told_apart<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("other type");
    if !room.put_another_type(backend, &key).await {
        return;
    }
    let read = room.cache.get(&key).await.map_err(|error| error.kind());
    assert_eq!(read, Err(ErrorKind::WrongType), "a read says what is wrong");
    assert!(ok(room.cache.exists(&key).await, "exists"), "something is there");
    room.set(&key, &bytes("v"), MINUTE).await;
    room.expect_bytes(&key, &bytes("v"), "a set replaces it, whatever its type").await;
    room.put_another_type(backend, &room.key("deleted")).await;
    assert!(room.delete(&room.key("deleted")).await, "a delete removes it, whatever its type");
}

pub async fn another_data_type_at_a_key_never_fails_a_batch<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let (before, odd, after) = (room.key("before"), room.key("other type"), room.key("after"));
    if !room.put_another_type(backend, &odd).await {
        return;
    }
    let keys = [before.clone(), odd.clone(), after.clone()];
    assert_eq!(room.get_many(&keys).await, [None, None, None], "it counts as absent in a batch");

    let reader = Token::new();
    let refused = LeaseOutcome::Refused(ErrorKind::WrongType);
    let over = [request_over(&odd, reader, &bytes("v"))];
    let outcomes = ok(room.cache.lease(&over, MINUTE).await, "lease");
    assert_eq!(outcomes, std::slice::from_ref(&refused), "no lease replaces it");
    let requests = keys.clone().map(|key| request(&key, reader));
    let outcomes = ok(room.cache.lease(&requests, MINUTE).await, "lease");
    let expected = [LeaseOutcome::Granted, refused, LeaseOutcome::Granted];
    assert_eq!(outcomes, expected, "only the one key is refused");

    let fills = keys.clone().map(|key| fill(&key, reader, &bytes("v"), MINUTE));
    let stored = ok(room.cache.fill(&fills).await, "fill");
    assert_eq!(stored, [true, false, true], "only the one key is not filled");
    ok(room.cache.abandon(&keys, reader).await, "abandon");

    let writer = Token::new();
    for key in [&before, &after] {
        room.hold(key, writer, MINUTE).await;
    }
    let outcomes = ok(room.cache.release(&keys, writer).await, "release");
    let (released, gone) = (ReleaseOutcome::Released, ReleaseOutcome::WasGone);
    assert_eq!(outcomes, [released, gone, released], "only the one key was not held");
}
