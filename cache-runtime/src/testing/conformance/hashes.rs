//! Hashes at keys.
#![expect(missing_docs, reason = "the name of each case is its documentation")]

use std::collections::HashMap;

use bytes::Bytes;

use super::Backend;
use super::room::{HOUR, Room, bytes, failed, ok};
use crate::error::ErrorKind;

fn fields(pairs: &[(&'static str, &'static str)]) -> Vec<(Bytes, Bytes)> {
    pairs.iter().map(|(field, value)| (bytes(field), bytes(value))).collect()
}

fn hash(pairs: &[(&'static str, &'static str)]) -> HashMap<Bytes, Bytes> {
    fields(pairs).into_iter().collect()
}

pub async fn a_hash_has_one_value_at_each_field<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(hashes) = room.cache.hashes() else { return };
    let key = room.key("k");
    let new = hashes.hash_set(&key, &fields(&[("a", "1"), ("b", "2"), ("a", "3")])).await;
    assert_eq!(ok(new, "hash_set"), 2, "a field that is named twice is one");
    assert_eq!(ok(hashes.hash_set(&key, &fields(&[("b", "4"), ("c", "5")])).await, "hash_set"), 1);
    assert_eq!(ok(hashes.hash_get(&key, b"a").await, "hash_get"), Some(bytes("3")), "the last one");
    assert_eq!(ok(hashes.hash_get(&key, b"x").await, "hash_get"), None);
    let all = ok(hashes.hash_get_all(&key).await, "hash_get_all");
    assert_eq!(all, hash(&[("a", "3"), ("b", "4"), ("c", "5")]));
    assert_eq!(ok(hashes.hash_length(&key).await, "hash_length"), 3);
    let gone = hashes.hash_delete(&key, &[bytes("a"), bytes("x"), bytes("a")]).await;
    assert_eq!(ok(gone, "hash_delete"), 1, "one was there");
    assert_eq!(ok(hashes.hash_get(&key, b"a").await, "hash_get"), None);
}

pub async fn an_absent_hash_has_no_fields<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(hashes) = room.cache.hashes() else { return };
    let key = room.key("k");
    assert_eq!(ok(hashes.hash_get(&key, b"a").await, "hash_get"), None);
    assert_eq!(ok(hashes.hash_get_all(&key).await, "hash_get_all"), hash(&[]));
    assert_eq!(ok(hashes.hash_length(&key).await, "hash_length"), 0);
    assert_eq!(ok(hashes.hash_delete(&key, &[bytes("a")]).await, "hash_delete"), 0);
    assert_eq!(ok(hashes.hash_set(&key, &[]).await, "hash_set"), 0, "no fields");
    assert_eq!(ok(hashes.hash_delete(&key, &[]).await, "hash_delete"), 0, "no fields");
    assert!(!ok(room.cache.exists(&key).await, "exists"), "none of these made one");
}

pub async fn a_hash_that_has_lost_its_last_field_is_gone<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(hashes) = room.cache.hashes() else { return };
    let key = room.key("k");
    ok(hashes.hash_set(&key, &fields(&[("a", "1"), ("b", "2")])).await, "hash_set");
    assert!(room.expire(&key, HOUR).await, "it is there");
    ok(hashes.hash_set(&key, &fields(&[("c", "3")])).await, "hash_set");
    ok(hashes.hash_increment_by(&key, b"c", 1).await, "hash_increment_by");
    ok(hashes.hash_delete(&key, &[bytes("c")]).await, "hash_delete");
    room.expect_left(&key, HOUR, "no change touches the lifetime").await;
    assert_eq!(ok(hashes.hash_delete(&key, &[bytes("a"), bytes("b")]).await, "hash_delete"), 2);
    room.expect_absent(&key, "it has lost its last field").await;
    ok(hashes.hash_set(&key, &fields(&[("a", "1")])).await, "hash_set");
    room.expect_forever(&key, "the new hash has nothing of the old one's life").await;
}

pub async fn a_field_is_counted_like_a_key<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(hashes) = room.cache.hashes() else { return };
    let key = room.key("k");
    assert_eq!(ok(hashes.hash_increment_by(&key, b"n", 5).await, "up"), 5, "from zero");
    assert_eq!(ok(hashes.hash_increment_by(&key, b"n", -7).await, "down"), -2);
    assert_eq!(ok(hashes.hash_get(&key, b"n").await, "hash_get"), Some(bytes("-2")), "a text");
    let odd = [("max", "9223372036854775807"), ("word", "x"), ("empty", ""), ("zero", "-0")];
    ok(hashes.hash_set(&key, &fields(&odd)).await, "hash_set");
    let before = ok(hashes.hash_get_all(&key).await, "hash_get_all");
    let answer = hashes.hash_increment_by(&key, b"max", 1).await;
    assert_eq!(failed(answer), Some(ErrorKind::Overflow));
    for field in ["word", "empty", "zero"] {
        let answer = hashes.hash_increment_by(&key, field.as_bytes(), 1).await;
        assert_eq!(failed(answer), Some(ErrorKind::NotANumber), "{field}");
    }
    let after = ok(hashes.hash_get_all(&key).await, "hash_get_all");
    assert_eq!(after, before, "what failed changed nothing");
}

pub async fn a_hash_holds_any_bytes<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(hashes) = room.cache.hashes() else { return };
    let key = room.key("k");
    let every: Bytes = (0..=u8::MAX).collect();
    let odd = [
        (Bytes::new(), every.clone()),
        (every, Bytes::new()),
        (bytes("1"), bytes("\r\n")),
        (bytes("01"), Bytes::from(vec![7; 100_000])),
    ];
    assert_eq!(ok(hashes.hash_set(&key, &odd).await, "hash_set"), 4, "all of them differ");
    for (field, value) in &odd {
        let got = ok(hashes.hash_get(&key, field).await, "hash_get");
        assert!(got.as_ref() == Some(value), "{field:?}");
    }
    assert!(ok(hashes.hash_get_all(&key).await, "hash_get_all") == odd.into_iter().collect());
}
