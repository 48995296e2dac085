//! What a backend says of itself.
#![expect(missing_docs, reason = "the name of each case is its documentation")]

use super::Backend;
use super::room::{HOUR, Room, bytes, ok};
use crate::port::{BackendStats, Fill, Pipeline, Walk, Watched};

async fn stats(watched: &dyn Watched) -> BackendStats {
    ok(watched.backend_stats().await, "backend_stats")
}

/// Hits, misses, sets, deletes and errors between two looks.
fn between(before: &BackendStats, after: &BackendStats) -> [u64; 5] {
    let counts =
        |stats: &BackendStats| [stats.hits, stats.misses, stats.sets, stats.deletes, stats.errors];
    let (before, after) = (counts(before), counts(after));
    std::array::from_fn(|place| {
        let [before, after] = [before, after].map(|counts| counts.get(place).copied());
        after.unwrap_or(0) - before.unwrap_or(0)
    })
}

pub async fn reads_writes_and_removals_are_counted<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(watched) = room.cache.watched() else { return };
    let [one, other, absent, put] = room.some_keys();
    let cache = &room.cache;
    let start = stats(watched).await;
    room.set(&one, &bytes("v"), HOUR).await;
    let entries = [(one.clone(), bytes("v")), (other.clone(), bytes("v"))];
    ok(cache.set_many(&entries, HOUR.into()).await, "set_many");
    assert!(ok(cache.set_if_absent(&put, bytes("v"), HOUR.into()).await, "set_if_absent"));
    assert!(!ok(cache.set_if_absent(&put, bytes("v"), HOUR.into()).await, "set_if_absent"));
    let token = room.leased(&absent).await;
    let fill = Fill { key: absent.clone(), token, entry: bytes("v"), ttl: HOUR.into() };
    ok(cache.fill(std::slice::from_ref(&fill)).await, "fill");
    ok(cache.fill(&[fill]).await, "fill");
    room.delete(&absent).await;
    let written = stats(watched).await;
    assert_eq!(between(&start, &written), [0, 0, 5, 1, 0], "what was written");

    room.get(&one).await;
    room.get(&absent).await;
    room.get_many(&[one.clone(), other.clone(), absent.clone()]).await;
    ok(cache.get_live(&[one.clone(), absent.clone()]).await, "get_live");
    let read = stats(watched).await;
    assert_eq!(between(&written, &read), [4, 3, 0, 0, 0], "what was read");

    assert_eq!(ok(cache.take(&put).await, "take"), Some(bytes("v")));
    assert_eq!(ok(cache.take(&put).await, "take"), None);
    room.delete(&put).await;
    ok(cache.delete_many(&[one.clone(), absent.clone()]).await, "delete_many");
    let removed = stats(watched).await;
    assert_eq!(between(&read, &removed), [1, 1, 0, 2, 0], "what was removed");

    room.set(&one, &bytes("v"), HOUR).await;
    let mut expected = [0, 0, 1, 2, 0];
    if let Some(keyspace) = cache.keyspace() {
        let pattern = ok(crate::key::Pattern::new(room.namespace(), "*"), "a pattern");
        ok(keyspace.delete_matching(&pattern, Walk::new()).await, "delete_matching");
    } else {
        ok(cache.clear(room.namespace()).await, "clear");
    }
    if room.put_another_type(backend, &other).await {
        assert!(cache.get(&other).await.is_err(), "another type");
        expected[4] += 1;
    }
    let cleared = stats(watched).await;
    assert_eq!(between(&removed, &cleared), expected, "what was cleared, and what failed");
}

pub async fn a_pipeline_is_counted_like_single_calls<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let (Some(watched), Some(pipelines)) = (room.cache.watched(), room.cache.pipelines()) else {
        return;
    };
    let [text, hash] = room.some_keys();
    let start = stats(watched).await;
    let mut pipeline = Pipeline::new();
    pipeline.get(&text);
    pipeline.set(&text, "v", HOUR);
    pipeline.get(&text);
    pipeline.hash_set(&hash, &[(bytes("f"), bytes("1"))]);
    pipeline.hash_get(&hash, b"f");
    pipeline.hash_get(&hash, b"g");
    pipeline.increment(&text);
    pipeline.take(&text);
    pipeline.delete(&hash);
    ok(pipelines.run(pipeline).await, "run");
    let end = stats(watched).await;
    assert_eq!(between(&start, &end), [3, 2, 1, 2, 1], "as single calls are");
}

pub async fn keys_and_memory_are_told<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(watched) = room.cache.watched() else { return };
    let entries: Vec<_> = room.keys(100).into_iter().map(|key| (key, bytes("v"))).collect();
    ok(room.cache.set_many(&entries, HOUR.into()).await, "set_many");
    let stats = stats(watched).await;
    // Others may use the same server.
    assert!(stats.keys.is_some_and(|keys| keys >= 100), "{stats:?}");
    assert!(stats.memory_bytes.is_some_and(|bytes| bytes > 1_000), "{stats:?}");
    if let Some(connection) = &stats.connection {
        assert!(connection.connected && connection.round_trip.is_some(), "{connection:?}");
    }
}
