//! Releasing all keys under a prefix for nobody.
#![expect(missing_docs, reason = "the name of each case is its documentation")]

use bytes::Bytes;

use super::Backend;
use super::hold::{self, AHEAD, PAST};
use super::room::{HOUR, MINUTE, Room, bytes, ok};
use crate::entry::Token;
use crate::key::{Key, Namespace};
use crate::policy::Ttl;
use crate::port::ReleaseOutcome;

/// Sweeps what [`Room::key`] makes.
async fn sweep(room: &Room) -> u64 {
    ok(room.cache.sweep(&room.namespace().prefix("case")).await, "sweep")
}

pub async fn a_sweep_removes_every_value_and_lease_under_its_prefix<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    assert_eq!(sweep(&room).await, 0, "nothing is there");
    // More than a server lists in one piece.
    let keys = room.keys(1_234);
    let entries: Vec<_> = keys.iter().map(|key| (key.clone(), Bytes::from_static(b"v"))).collect();
    ok(room.cache.set_many(&entries, HOUR.into()).await, "set_many");
    let (forever, leased, expired) = (room.key("forever"), room.key("leased"), room.key("expired"));
    room.set(&forever, &bytes(""), Ttl::Forever).await;
    let reader = room.leased(&leased).await;
    room.set(&expired, &bytes("v"), MINUTE / 2).await;
    backend.expire_now(&*room.cache, &expired).await;
    assert_eq!(sweep(&room).await, 1_236, "every key that was alive counts");
    let left = room.get_many(&keys).await.into_iter().flatten().count();
    assert_eq!(left, 0, "no value is left");
    for key in [&forever, &leased, &expired] {
        room.expect_absent(key, "it stood under the prefix").await;
    }
    assert!(!room.fill(&leased, reader, &bytes("old")).await, "its lease is gone");
    assert_eq!(sweep(&room).await, 0, "nothing is left");
}

pub async fn a_sweep_leaves_holds_alone<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let [held, value] = room.some_keys();
    let (first, second) = (room.held(&held, MINUTE).await, room.held(&held, HOUR).await);
    room.set(&value, &bytes("v"), HOUR).await;
    assert_eq!(sweep(&room).await, 1, "a hold is not removed");
    room.expect_held(&held, &[first, second], "nobody's hold is lost").await;
    room.expect_left(&held, HOUR, "with its lifetime").await;
    for writer in [first, second] {
        let outcome = room.release(&held, writer).await;
        assert_eq!(outcome, ReleaseOutcome::Released, "its hold stood through the sweep");
    }
}

pub async fn a_sweep_removes_holds_that_ran_out<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let [dead, mixed] = room.some_keys();
    let living = Token::new();
    room.set(&dead, &hold::entry(&[(Token::new(), PAST)]), Ttl::Forever).await;
    let entry = hold::entry(&[(Token::new(), PAST), (living, AHEAD)]);
    room.set(&mixed, &entry, Ttl::Forever).await;
    assert_eq!(sweep(&room).await, 1, "one of them was nobody's");
    room.expect_absent(&dead, "nobody holds it").await;
    let left = room.get(&mixed).await;
    let writers = left.as_ref().and_then(hold::tokens).unwrap_or_default();
    assert!(writers.contains(&living), "somebody holds it: {left:?}");
}

pub async fn a_sweep_leaves_other_prefixes_and_namespaces_alone<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let own = room.namespace();
    let key = |namespace: &Namespace, table: &str| -> Key {
        ok(namespace.key().text(table).value("k").finish(), "making a key")
    };
    let neighbour = |name: String| ok(Namespace::new(&name), "making a namespace");
    // Whoever compares only the beginning of a part, or takes a name for a pattern, takes these for its own.
    let others = [
        key(own, "case2"),
        key(own, "cas"),
        key(own, "cas?"),
        key(own, "other:case"),
        key(&neighbour(format!("{}b", own.as_str())), "case"),
        key(&neighbour(format!("{}?", own.as_str())), "case"),
    ];
    let mine = room.key("k");
    for key in others.iter().chain([&mine]) {
        room.set(key, &bytes("v"), MINUTE).await;
    }
    assert_eq!(sweep(&room).await, 1, "only the own key counts");
    room.expect_absent(&mine, "it stood under the prefix").await;
    let starred = ok(room.cache.sweep(&own.prefix("cas?")).await, "sweep");
    assert_eq!(starred, 1, "a prefix is no pattern");
    for key in others.iter().filter(|key| !own.prefix("cas?").covers(key.as_str())) {
        room.expect_bytes(key, &bytes("v"), key.as_str()).await;
    }
    let all = ok(room.cache.sweep(&own.whole()).await, "sweep");
    assert_eq!(all, 3, "the prefix of all keys is that of the namespace");
}

pub async fn a_sweep_of_another_data_type_leaves_it<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let [other, own] = room.some_keys();
    if !room.put_another_type(backend, &other).await {
        return;
    }
    room.set(&own, &bytes("v"), MINUTE).await;
    assert_eq!(sweep(&room).await, 1, "it is not ours to remove");
    assert!(ok(room.cache.exists(&other).await, "exists"), "it is still there");
}
