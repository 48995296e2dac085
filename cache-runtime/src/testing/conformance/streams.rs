//! The stream of invalidations. A backend that has none answers so, and the cases have nothing to do.
#![expect(missing_docs, reason = "the name of each case is its documentation")]

use std::slice::from_ref;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::Backend;
use super::replacements::a_renewal;
use super::room::{HOUR, MINUTE, Room, bytes, fill, ok, request};
use crate::entry::Token;
use crate::error::ErrorKind;
use crate::key::{Key, Namespace};
use crate::policy::Ttl;
use crate::port::ReleaseOutcome::{Released, WasGone};
use crate::port::{Heard, InvalidationStream, LeaseOutcome};

type Stream = Box<dyn InvalidationStream>;

async fn listen_to(room: &Room, namespace: &Namespace) -> Option<Stream> {
    match room.cache.invalidations(namespace).await {
        Err(error) if error.kind() == ErrorKind::Unsupported => None,
        stream => Some(ok(stream, "invalidations")),
    }
}

async fn listen(room: &Room) -> Option<Stream> {
    listen_to(room, room.namespace()).await
}

async fn next(stream: &mut Stream) -> Heard {
    ok(stream.next().await, "next")
}

/// All that was announced so far: what comes before a beat that is sent now.
async fn so_far(stream: &mut Stream) -> Vec<Heard> {
    let number = fastrand::u64(..);
    ok(stream.beat(number).await, "beat");
    let mut heard = Vec::new();
    loop {
        match next(stream).await {
            Heard::Beat(back) if back == number => return heard,
            other => heard.push(other),
        }
    }
}

/// The keys that were announced so far, and nothing else.
async fn keys_so_far(stream: &mut Stream) -> Vec<Key> {
    let heard = so_far(stream).await;
    let mut keys = Vec::new();
    for one in heard {
        assert!(matches!(one, Heard::Keys(_)), "only keys were announced, not {one:?}");
        if let Heard::Keys(some) = one {
            keys.extend(some);
        }
    }
    keys
}

pub async fn a_hold_announces_its_keys_before_it_answers<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(mut stream) = listen(&room).await else { return };
    let keys: [Key; 3] = room.some_keys();
    let [value, leased, _] = &keys;
    room.set(value, &bytes("v"), HOUR).await;
    room.leased(leased).await;
    ok(room.cache.hold(&keys, Token::new(), MINUTE).await, "hold");
    // A beat that is sent after the answer comes back behind the announcement.
    assert_eq!(keys_so_far(&mut stream).await, keys, "each key once, in order");
    assert_eq!(keys_so_far(&mut stream).await, [], "and not once more");
    ok(room.cache.hold(&[], Token::new(), MINUTE).await, "holding nothing");
    assert_eq!(so_far(&mut stream).await, [], "nothing is announced for no keys");
}

pub async fn a_renewed_hold_announces_its_keys_again<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(mut stream) = listen(&room).await else { return };
    let key = room.key("k");
    let writer = room.held(&key, MINUTE).await;
    room.hold(&key, writer, HOUR).await;
    let expected = [key.clone(), key];
    assert_eq!(keys_so_far(&mut stream).await, expected, "it may have been lost in between");
}

pub async fn a_hold_of_thousands_announces_them_all<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(mut stream) = listen(&room).await else { return };
    let (keys, writer) = (room.keys(2_345), Token::new());
    ok(room.cache.hold(&keys, writer, HOUR).await, "hold");
    assert!(keys_so_far(&mut stream).await == keys, "each key once, in order");
    let outcomes = ok(room.cache.release(&keys, writer).await, "release");
    assert!(outcomes.iter().all(|outcome| *outcome == Released), "every hold stood");
    assert_eq!(so_far(&mut stream).await, [], "so their release has nothing to announce");
}

pub async fn a_release_announces_what_was_gone_and_only_that<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(mut stream) = listen(&room).await else { return };
    let keys: [Key; 4] = room.some_keys();
    let [stood, gone, shared, never] = &keys;
    let writer = Token::new();
    room.hold(stood, writer, HOUR).await;
    room.hold(shared, writer, HOUR).await;
    room.held(shared, HOUR).await;
    room.hold(gone, writer, MINUTE).await;
    backend.expire_now(&*room.cache, gone).await;
    so_far(&mut stream).await;
    let outcomes = ok(room.cache.release(&keys, writer).await, "release");
    assert_eq!(outcomes, [Released, WasGone, Released, WasGone], "two of the holds stood");
    let expected = [gone.clone(), never.clone()];
    assert_eq!(keys_so_far(&mut stream).await, expected, "the others were announced by the hold");
}

pub async fn a_release_announces_what_was_gone_whatever_stands_there<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(mut stream) = listen(&room).await else { return };
    let keys: [Key; 5] = room.some_keys();
    let [value, lease, foreign, others, other_type] = &keys;
    room.set(value, &bytes("v"), HOUR).await;
    room.leased(lease).await;
    room.set(foreign, &bytes(""), Ttl::Forever).await;
    let other = room.held(others, HOUR).await;
    let typed = room.put_another_type(backend, other_type).await;
    so_far(&mut stream).await;
    let outcomes = ok(room.cache.release(&keys, Token::new()).await, "release");
    assert_eq!(outcomes, [WasGone; 5], "a stranger holds nothing");
    assert_eq!(keys_so_far(&mut stream).await, keys, "a tier may have kept any of them");
    room.expect_held(others, &[other], "the other writer is not done").await;
    let left = ok(room.cache.exists(other_type).await, "exists");
    assert_eq!(left, typed, "a value of another data type is not ours to remove");
}

pub async fn a_lease_over_something_announces_its_key<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(mut stream) = listen(&room).await else { return };
    let (key, old) = (room.key("k"), bytes("old"));
    room.set(&key, &old, HOUR).await;
    room.lease_over(&key, Token::new(), &bytes("other")).await;
    assert_eq!(so_far(&mut stream).await, [], "it was not granted");
    let granted = room.lease_over(&key, Token::new(), &old).await;
    assert_eq!(granted, LeaseOutcome::Granted, "the bytes stand there");
    assert_eq!(
        keys_so_far(&mut stream).await,
        [key],
        "what is kept elsewhere is not there any more"
    );
}

/// Whether everything was announced, at the end too, and nothing else.
async fn expect_everything(stream: &mut Stream, what: &str) {
    let heard = so_far(stream).await;
    let all = heard.iter().all(|one| *one == Heard::Everything);
    assert!(all && heard.len() >= 2, "a {what} announces everything before and after: {heard:?}");
}

pub async fn a_clear_announces_everything<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(mut stream) = listen(&room).await else { return };
    for count in [0, 2] {
        for key in room.keys(count) {
            room.set(&key, &bytes("v"), HOUR).await;
        }
        ok(room.cache.clear(room.namespace()).await, "clear");
        expect_everything(&mut stream, "clear").await;
    }
}

pub async fn a_sweep_announces_everything<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(mut stream) = listen(&room).await else { return };
    for count in [0, 2] {
        for key in room.keys(count) {
            room.set(&key, &bytes("v"), HOUR).await;
        }
        ok(room.cache.sweep(&room.namespace().prefix("case")).await, "sweep");
        expect_everything(&mut stream, "sweep").await;
    }
}

pub async fn nothing_else_is_announced<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(mut stream) = listen(&room).await else { return };
    let (key, reader) = (room.key("k"), Token::new());
    let keys = [key.clone()];
    room.set(&key, &bytes("v"), HOUR).await;
    room.get(&key).await;
    room.get_many(&keys).await;
    ok(room.cache.get_live(&keys).await, "get_live");
    room.expire(&key, MINUTE).await;
    ok(room.cache.delete_many(&keys).await, "delete_many");
    room.lease(&key, reader).await;
    room.abandon(&key, reader).await;
    room.lease(&key, reader).await;
    ok(room.cache.fill(&[fill(&key, reader, &bytes("v"), HOUR)]).await, "fill");
    ok(room.cache.lease(&[request(&key, reader)], MINUTE).await, "lease");
    room.delete(&key).await;
    let (seen, renewal) = a_renewal(&key);
    room.set(&key, &seen, HOUR).await;
    assert_eq!(ok(room.cache.replace(&[renewal]).await, "replace"), [true], "it stands there");
    ok(room.cache.ping().await, "ping");
    assert_eq!(so_far(&mut stream).await, [], "none of these is a change of a row");
}

pub async fn each_namespace_has_a_stream_of_its_own<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(mut stream) = listen(&room).await else { return };
    let longer = ok(Namespace::new(&format!("{}b", room.namespace().as_str())), "a namespace");
    let Some(mut others) = listen_to(&room, &longer).await else { return };
    let mine = room.key("k");
    let theirs = ok(longer.key().text("k").finish(), "making a key");
    let both = [mine.clone(), theirs.clone()];
    ok(room.cache.hold(&both, Token::new(), MINUTE).await, "hold");
    ok(room.cache.release(&both, Token::new()).await, "release");
    assert_eq!(keys_so_far(&mut stream).await, [mine.clone(), mine], "the own keys");
    assert_eq!(keys_so_far(&mut others).await, [theirs.clone(), theirs], "the others' keys");
    ok(room.cache.clear(&longer).await, "clear");
    assert_eq!(so_far(&mut stream).await, [], "the other namespace was cleared");
    expect_everything(&mut others, "clear").await;
}

pub async fn every_stream_hears_all_and_only_its_own_beats<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(mut first) = listen(&room).await else { return };
    let Some(mut second) = listen(&room).await else { return };
    let key = room.key("k");
    ok(first.beat(1).await, "beat");
    room.held(&key, MINUTE).await;
    let heard = keys_so_far(&mut second).await;
    assert_eq!(heard, from_ref(&key), "and no beat of the other's");
    let Some(mut third) = listen(&room).await else { return };
    assert_eq!(so_far(&mut first).await, [Heard::Beat(1), Heard::Keys(vec![key])], "its own");
    assert_eq!(so_far(&mut third).await, [], "what was said before it was opened is not for it");
    drop(second);
    room.held(&room.key("after"), MINUTE).await;
    assert_eq!(keys_so_far(&mut first).await.len(), 1, "one that is gone disturbs nobody");
}

pub async fn beats_come_back_in_order_behind_what_was_announced<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(mut stream) = listen(&room).await else { return };
    let mut expected = Vec::new();
    for (number, key) in (0..).zip(room.keys(50)) {
        ok(stream.beat(number).await, "beat");
        room.held(&key, MINUTE).await;
        expected.extend([Heard::Beat(number), Heard::Keys(vec![key])]);
    }
    let (clearing, top) = (Heard::Everything, u64::MAX);
    ok(room.cache.clear(room.namespace()).await, "clear");
    ok(stream.beat(top).await, "beat");
    expected.extend([clearing.clone(), clearing, Heard::Beat(top)]);
    let mut heard = Vec::new();
    for _ in &expected {
        heard.push(next(&mut stream).await);
    }
    assert_eq!(heard, expected, "everything at its place");
}

pub async fn what_many_writers_announce_is_heard_in_each_ones_order<B: Backend>(backend: &B) {
    const WRITERS: usize = 16;
    const WRITES: usize = 20;
    let room = Room::open(backend).await;
    let Some(mut stream) = listen(&room).await else { return };
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let keys: Vec<Key> =
            (0..WRITES).map(|write| room.key(&format!("{writer} {write}"))).collect();
        let cache = Arc::clone(&room.cache);
        writers.spawn(async move {
            for key in keys.chunks(1) {
                ok(cache.hold(key, Token::new(), MINUTE).await, "hold");
            }
            keys
        });
    }
    let written = writers.join_all().await;
    let heard = keys_so_far(&mut stream).await;
    assert_eq!(heard.len(), WRITERS * WRITES, "every hold was announced once");
    for keys in written {
        let order: Vec<&Key> = heard.iter().filter(|key| keys.contains(key)).collect();
        assert_eq!(order, keys.iter().collect::<Vec<_>>(), "in the order of its writer");
    }
}

pub async fn a_wait_that_is_dropped_loses_nothing<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(mut stream) = listen(&room).await else { return };
    let mut heard = Vec::new();
    let keys = room.keys(100);
    for key in &keys {
        room.held(key, MINUTE).await;
        // As short as a wait can be: some of them end while a message comes in.
        for wait in [Duration::ZERO, Duration::from_micros(50)] {
            if let Ok(one) = tokio::time::timeout(wait, stream.next()).await {
                heard.push(ok(one, "next"));
            }
        }
    }
    heard.extend(so_far(&mut stream).await);
    let expected: Vec<Heard> = keys.into_iter().map(|key| Heard::Keys(vec![key])).collect();
    assert_eq!(heard, expected, "every message once, in order");
}

pub async fn a_stream_that_broke_says_so_and_another_can_be_opened<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(mut stream) = listen(&room).await else { return };
    assert_eq!(so_far(&mut stream).await, [], "it works");
    if !backend.break_streams().await {
        return;
    }
    for _ in 0..2 {
        let heard = stream.next().await.map_err(|error| error.kind());
        assert_eq!(heard, Err(ErrorKind::Unreachable), "a stream that broke stays broken");
    }
    assert!(stream.beat(1).await.is_err(), "nothing comes back on it");
    let key = room.key("k");
    // The connection for commands may have broken too: the first call finds out.
    drop(room.cache.ping().await);
    let Some(mut another) = listen(&room).await else { return };
    room.held(&key, MINUTE).await;
    assert_eq!(keys_so_far(&mut another).await, [key], "the new one hears");
    let heard = stream.next().await.map_err(|error| error.kind());
    assert_eq!(heard, Err(ErrorKind::Unreachable), "the old one does not");
}

pub async fn a_stream_ends_when_its_cache_is_closed<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(mut stream) = listen(&room).await else { return };
    let mut waiting = {
        let Some(mut stream) = listen(&room).await else { return };
        tokio::spawn(async move { stream.next().await.map_err(|error| error.kind()) })
    };
    let early = tokio::time::timeout(Duration::ZERO, &mut waiting).await;
    assert!(early.is_err(), "nothing was said yet");
    ok(room.cache.close().await, "close");
    assert_eq!(ok(waiting.await, "waiting"), Err(ErrorKind::Closed), "who waits is told");
    let heard = stream.next().await.map_err(|error| error.kind());
    assert_eq!(heard, Err(ErrorKind::Closed), "nothing more will be said");
    let sent = stream.beat(1).await.map_err(|error| error.kind());
    assert_eq!(sent, Err(ErrorKind::Closed), "nor heard");
}
