//! Emptying a namespace.
#![expect(missing_docs, reason = "the name of each case is its documentation")]

use bytes::Bytes;

use super::Backend;
use super::room::{HOUR, MINUTE, Room, bytes, ok};
use crate::key::Namespace;
use crate::policy::Ttl;

pub async fn clear_removes_every_key_of_its_namespace<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    // More than a server lists in one piece.
    let keys = room.keys(1_234);
    let entries: Vec<_> = keys.iter().map(|key| (key.clone(), Bytes::from_static(b"v"))).collect();
    ok(room.cache.set_many(&entries, HOUR.into()).await, "set_many");
    let (forever, leased, held) = (room.key("forever"), room.key("leased"), room.key("held"));
    room.set(&forever, &bytes("v"), Ttl::Forever).await;
    room.leased(&leased).await;
    room.held(&held, MINUTE).await;
    let expired = room.key("expired");
    room.set(&expired, &bytes("v"), MINUTE / 2).await;
    backend.expire_now(&*room.cache, &expired).await;

    let removed = ok(room.cache.clear(room.namespace()).await, "clear");
    assert_eq!(removed, 1_237, "every key that was alive counts, whatever stood there");
    let left = room.get_many(&keys).await.into_iter().flatten().count();
    assert_eq!(left, 0, "no value is left");
    for key in [&forever, &leased, &held, &expired] {
        room.expect_absent(key, "it stood in the namespace").await;
    }
}

pub async fn clear_leaves_neighbouring_namespaces_alone<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let own = room.namespace().as_str();
    let neighbour = |name: String| {
        let namespace = ok(Namespace::new(&name), "making a namespace");
        ok(namespace.key().text("k").finish(), "making a key")
    };
    // Whoever compares only the beginning, or takes a name for a pattern, takes these for its own.
    let neighbours = [
        format!("{own}b"),
        format!("{own}:b"),
        format!("{own}*"),
        format!("{own}?"),
        format!("b{own}"),
        own.chars().take(own.chars().count() - 1).collect::<String>() + "?",
    ]
    .map(neighbour);
    let mine = room.key("k");
    room.set(&mine, &bytes("mine"), MINUTE).await;
    for key in &neighbours {
        room.set(key, &bytes("theirs"), MINUTE).await;
    }
    let removed = ok(room.cache.clear(room.namespace()).await, "clear");
    room.expect_absent(&mine, "it stood in the namespace").await;
    for key in &neighbours {
        room.expect_bytes(key, &bytes("theirs"), key.as_str()).await;
    }
    assert_eq!(removed, 1, "only the own key counts");
    room.set(&mine, &bytes("again"), MINUTE).await;
    room.expect_bytes(&mine, &bytes("again"), "a cleared namespace is used on").await;

    let starred = ok(Namespace::new(&format!("{own}*")), "making a namespace");
    let removed = ok(room.cache.clear(&starred).await, "clear");
    assert_eq!(removed, 1, "a name is no pattern");
    room.expect_bytes(&mine, &bytes("again"), "a name is no pattern").await;
}

pub async fn clear_of_an_empty_namespace_removes_nothing<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    assert_eq!(ok(room.cache.clear(room.namespace()).await, "clear"), 0, "nothing was there");
    room.set(&room.key("k"), &bytes("v"), MINUTE).await;
    assert_eq!(ok(room.cache.clear(room.namespace()).await, "clear"), 1, "one key was there");
    assert_eq!(ok(room.cache.clear(room.namespace()).await, "clear"), 0, "nothing is left");
}
