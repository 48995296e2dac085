//! Sets at keys.
#![expect(missing_docs, reason = "the name of each case is its documentation")]

use std::collections::HashSet;

use bytes::Bytes;

use super::Backend;
use super::room::{HOUR, Room, bytes, ok};

fn members(texts: &[&'static str]) -> Vec<Bytes> {
    texts.iter().map(|text| bytes(text)).collect()
}

fn set(texts: &[&'static str]) -> HashSet<Bytes> {
    members(texts).into_iter().collect()
}

pub async fn a_set_has_each_member_once<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(sets) = room.cache.sets() else { return };
    let key = room.key("k");
    assert_eq!(ok(sets.set_add(&key, &members(&["a", "b", "a"])).await, "set_add"), 2, "new ones");
    assert_eq!(ok(sets.set_add(&key, &members(&["b", "c"])).await, "set_add"), 1, "one is new");
    assert_eq!(ok(sets.set_members(&key).await, "set_members"), set(&["a", "b", "c"]));
    assert_eq!(ok(sets.set_cardinality(&key).await, "set_cardinality"), 3);
    assert!(ok(sets.set_is_member(&key, b"a").await, "set_is_member"));
    assert!(!ok(sets.set_is_member(&key, b"d").await, "set_is_member"));
    let removed = sets.set_remove(&key, &members(&["a", "d", "a"])).await;
    assert_eq!(ok(removed, "set_remove"), 1, "one was there");
    assert_eq!(ok(sets.set_members(&key).await, "set_members"), set(&["b", "c"]));
}

pub async fn an_absent_set_is_empty<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(sets) = room.cache.sets() else { return };
    let key = room.key("k");
    assert_eq!(ok(sets.set_members(&key).await, "set_members"), set(&[]));
    assert_eq!(ok(sets.set_cardinality(&key).await, "set_cardinality"), 0);
    assert!(!ok(sets.set_is_member(&key, b"a").await, "set_is_member"));
    assert_eq!(ok(sets.set_remove(&key, &members(&["a"])).await, "set_remove"), 0);
    assert_eq!(ok(sets.set_add(&key, &[]).await, "set_add"), 0, "no members");
    assert_eq!(ok(sets.set_remove(&key, &[]).await, "set_remove"), 0, "no members");
    assert!(!ok(room.cache.exists(&key).await, "exists"), "none of these made one");
}

pub async fn a_set_that_has_become_empty_is_gone<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(sets) = room.cache.sets() else { return };
    let key = room.key("k");
    ok(sets.set_add(&key, &members(&["a", "b"])).await, "set_add");
    assert!(room.expire(&key, HOUR).await, "it is there");
    ok(sets.set_add(&key, &members(&["c"])).await, "set_add");
    ok(sets.set_remove(&key, &members(&["c"])).await, "set_remove");
    room.expect_left(&key, HOUR, "no change touches the lifetime").await;
    assert_eq!(ok(sets.set_remove(&key, &members(&["a", "b"])).await, "set_remove"), 2);
    room.expect_absent(&key, "it has become empty").await;
    ok(sets.set_add(&key, &members(&["a"])).await, "set_add");
    room.expect_forever(&key, "the new set has nothing of the old one's life").await;
}

pub async fn a_set_holds_any_bytes<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(sets) = room.cache.sets() else { return };
    let key = room.key("k");
    let every: Bytes = (0..=u8::MAX).collect();
    // Whoever stores numbers in a way of their own takes these for one.
    let odd =
        [Bytes::new(), every, bytes("1"), bytes("01"), bytes("+1"), bytes("1.0"), bytes("\0")];
    assert_eq!(ok(sets.set_add(&key, &odd).await, "set_add"), 7, "all of them differ");
    for member in &odd {
        assert!(ok(sets.set_is_member(&key, member).await, "set_is_member"), "{member:?}");
    }
    assert!(!ok(sets.set_is_member(&key, b"001").await, "set_is_member"));
    assert_eq!(ok(sets.set_members(&key).await, "set_members"), odd.into_iter().collect());
}
