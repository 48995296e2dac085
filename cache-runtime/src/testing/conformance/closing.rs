//! The end of a cache.
#![expect(missing_docs, reason = "the name of each case is its documentation")]

use std::fmt::Debug;

use super::Backend;
use super::replacements::of_no_value;
use super::room::{MINUTE, Room, bytes, fill, ok, request};
use crate::entry::Token;
use crate::error::{ErrorKind, Result};
use crate::key::{Key, Pattern};
use crate::policy::Ttl;
use crate::port::{InvalidationStream, Pipeline, Walk};

pub async fn closing_twice_is_fine<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    room.set(&room.key("k"), &bytes("v"), MINUTE).await;
    ok(room.cache.close().await, "the first close");
    ok(room.cache.close().await, "the second close");
}

#[track_caller]
fn expect_closed<T: Debug>(answer: Result<T>, call: &str) {
    let kind = answer.map_err(|error| error.kind()).map(|answer| format!("{answer:?}"));
    assert_eq!(kind, Err(ErrorKind::Closed), "{call} after the close");
}

/// A backend without a stream may go on saying so.
#[track_caller]
fn expect_not_open(answer: Result<Box<dyn InvalidationStream>>) {
    let kind = answer.map(|_| "a stream").map_err(|error| error.kind());
    let right = matches!(kind, Err(ErrorKind::Closed | ErrorKind::Unsupported));
    assert!(right, "invalidations after the close: {kind:?}");
}

async fn expect_ports_closed(room: &Room, key: &Key) {
    let (cache, value) = (&room.cache, [bytes("v")]);
    if let Some(counters) = cache.counters() {
        expect_closed(counters.increment(key).await, "increment");
    }
    if let Some(lists) = cache.lists() {
        expect_closed(lists.list_push_back(key, &value).await, "list_push_back");
        expect_closed(lists.list_range(key, 0, -1).await, "list_range");
    }
    if let Some(sets) = cache.sets() {
        expect_closed(sets.set_add(key, &value).await, "set_add");
    }
    if let Some(hashes) = cache.hashes() {
        expect_closed(hashes.hash_get_all(key).await, "hash_get_all");
    }
    if let Some(keyspace) = cache.keyspace() {
        let pattern = ok(Pattern::new(room.namespace(), "*"), "a pattern");
        expect_closed(keyspace.keys_matching(&pattern, Walk::new()).await, "keys_matching");
        expect_closed(keyspace.delete_matching(&pattern, Walk::new()).await, "delete_matching");
    }
    if let Some(pipelines) = cache.pipelines() {
        let mut pipeline = Pipeline::new();
        pipeline.get(key);
        expect_closed(pipelines.run(pipeline).await, "run");
    }
    if let Some(watched) = cache.watched() {
        expect_closed(watched.backend_stats().await, "backend_stats");
    }
}

pub async fn after_the_close_every_call_fails_as_closed<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let (cache, key, token) = (&room.cache, room.key("k"), Token::new());
    room.set(&key, &bytes("v"), MINUTE).await;
    ok(cache.close().await, "close");
    let keys = [key.clone()];
    let entries = [(key.clone(), bytes("v"))];
    expect_closed(cache.get(&key).await, "get");
    expect_closed(cache.set(&key, bytes("v"), Ttl::Forever).await, "set");
    expect_closed(cache.set_if_absent(&key, bytes("v"), Ttl::Forever).await, "set_if_absent");
    expect_closed(cache.take(&key).await, "take");
    expect_closed(cache.delete(&key).await, "delete");
    expect_closed(cache.exists(&key).await, "exists");
    expect_closed(cache.expire(&key, Ttl::Forever).await, "expire");
    expect_closed(cache.persist(&key).await, "persist");
    expect_closed(cache.ttl(&key).await, "ttl");
    expect_closed(cache.get_many(&keys).await, "get_many");
    expect_closed(cache.set_many(&entries, Ttl::Forever).await, "set_many");
    expect_closed(cache.delete_many(&keys).await, "delete_many");
    expect_closed(cache.ping().await, "ping");
    expect_closed(cache.clear(room.namespace()).await, "clear");
    expect_closed(cache.lease(&[request(&key, token)], MINUTE).await, "lease");
    expect_closed(cache.fill(&[fill(&key, token, &bytes("v"), MINUTE)]).await, "fill");
    expect_closed(cache.replace(&[of_no_value(&key)]).await, "replace");
    expect_closed(cache.abandon(&keys, token).await, "abandon");
    expect_closed(cache.hold(&keys, token, MINUTE).await, "hold");
    expect_closed(cache.release(&keys, token).await, "release");
    expect_closed(cache.pull(&keys).await, "pull");
    expect_closed(cache.get_live(&keys).await, "get_live");
    expect_closed(cache.sweep(&room.namespace().whole()).await, "sweep");
    expect_ports_closed(&room, &key).await;
    expect_not_open(cache.invalidations(room.namespace()).await);
    ok(cache.close().await, "closing once more");
    expect_closed(cache.get(&key).await, "get after the second close");
}
