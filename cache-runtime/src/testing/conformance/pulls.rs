//! Taking a value away.
#![expect(missing_docs, reason = "the name of each case is its documentation")]

use std::slice::from_ref;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::Backend;
use super::room::{HOUR, MINUTE, Room, bytes, ok, only};
use crate::error::ErrorKind;
use crate::key::Key;
use crate::policy::{Remaining, Ttl};
use crate::port::Heard;

async fn pull(room: &Room, keys: &[Key]) -> Vec<Option<(Bytes, Remaining)>> {
    ok(room.cache.pull(keys).await, "pull")
}

fn about(left: Remaining, ttl: Duration) -> bool {
    matches!(left, Remaining::Left(left) if left <= ttl && left > ttl / 2)
}

pub async fn a_pull_takes_the_value_away_and_tells_what_was_left_of_its_life<B: Backend>(
    backend: &B,
) {
    let room = Room::open(backend).await;
    let keys = room.some_keys();
    let [forever, an_hour, expired, _] = &keys;
    room.set(forever, &bytes("V"), Ttl::Forever).await;
    room.set(an_hour, &bytes("V and \0 more"), HOUR).await;
    room.set(expired, &bytes("V"), MINUTE / 2).await;
    backend.expire_now(&*room.cache, expired).await;
    let pulled = pull(&room, &keys).await;
    assert_eq!(pulled.len(), 4, "one answer for each key");
    let mut pulled = pulled.into_iter();
    assert_eq!(pulled.next().flatten(), Some((bytes("V"), Remaining::Forever)), "no lifetime");
    let hour = pulled.next().flatten();
    let right = hour.as_ref().is_some_and(|(it, left)| it == "V and \0 more" && about(*left, HOUR));
    assert!(right, "of an hour there was {hour:?}");
    assert_eq!(pulled.next().flatten(), None, "its time was over");
    assert_eq!(pulled.next().flatten(), None, "nothing was ever there");
    for key in &keys {
        room.expect_absent(key, "it was pulled").await;
    }
    assert_eq!(pull(&room, &keys).await, [None, None, None, None], "it is gone");
    assert_eq!(pull(&room, &[]).await, [], "no keys, no answers");
}

pub async fn a_pull_leaves_leases_holds_and_other_bytes_alone<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let keys = room.some_keys();
    let [leased, held, foreign, empty, other_type] = &keys;
    let reader = room.leased(leased).await;
    let writer = room.held(held, HOUR).await;
    room.set(foreign, &bytes("v"), Ttl::Forever).await;
    room.set(empty, &Bytes::new(), Ttl::Forever).await;
    let typed = backend.put_another_type(other_type).await;
    assert_eq!(pull(&room, &keys).await, [None, None, None, None, None], "none of them is a value");
    room.expect_bytes(leased, &reader.lease(), "somebody is loading").await;
    room.expect_left(leased, MINUTE, "the lease runs out as before").await;
    room.expect_held(held, &[writer], "somebody is about to commit").await;
    room.expect_left(held, HOUR, "the hold runs out as before").await;
    room.expect_bytes(foreign, &bytes("v"), "it is not ours to take").await;
    room.expect_bytes(empty, &Bytes::new(), "it is not ours to take").await;
    assert_eq!(ok(room.cache.exists(other_type).await, "exists"), typed, "nor is another type");
    assert!(room.fill(leased, reader, &bytes("V")).await, "the lease was still good");
}

pub async fn a_pull_keeps_order_and_finds_a_key_once<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let [one, two, none] = room.some_keys();
    room.set(&one, &bytes("V one"), Ttl::Forever).await;
    room.set(&two, &bytes("V two"), Ttl::Forever).await;
    let pulled = pull(&room, &[two.clone(), none.clone(), one, two, none]).await;
    let expected = ["V two", "", "V one", "", ""]
        .map(|text| (!text.is_empty()).then(|| (bytes(text), Remaining::Forever)));
    assert_eq!(pulled, expected, "the first who asks gets it");
}

pub async fn a_pull_of_thousands_keeps_its_order<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let keys = room.keys(2_345);
    let value = |number: usize| Bytes::from(format!("V{number}"));
    let odd = keys.iter().enumerate().filter(|(number, _)| number % 2 > 0);
    let entries: Vec<_> = odd.map(|(number, key)| (key.clone(), value(number))).collect();
    ok(room.cache.set_many(&entries, HOUR.into()).await, "set_many");
    let pulled = pull(&room, &keys).await;
    assert_eq!(pulled.len(), keys.len(), "one answer for each key");
    for (number, pulled) in pulled.into_iter().enumerate() {
        let expected = (number % 2 > 0).then(|| value(number));
        assert_eq!(pulled.map(|(it, _)| it), expected, "at {number}");
    }
    let left = room.get_many(&keys).await.into_iter().flatten().count();
    assert_eq!(left, 0, "all were taken");
}

pub async fn a_pull_announces_every_key<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let mut stream = match room.cache.invalidations(room.namespace()).await {
        Err(error) if error.kind() == ErrorKind::Unsupported => return,
        stream => ok(stream, "invalidations"),
    };
    let keys = room.some_keys();
    let [value, held, absent] = &keys;
    room.set(value, &bytes("V"), HOUR).await;
    room.set(held, &bytes("V"), HOUR).await;
    pull(&room, from_ref(held)).await;
    pull(&room, &keys).await;
    let number = fastrand::u64(..);
    ok(stream.beat(number).await, "beat");
    let mut announced = Vec::new();
    loop {
        match ok(stream.next().await, "next") {
            Heard::Beat(back) if back == number => break,
            Heard::Keys(keys) => announced.extend(keys),
            other => assert_eq!(other, Heard::Keys(Vec::new()), "only keys are announced"),
        }
    }
    let expected = [held, value, held, absent].map(Clone::clone);
    assert_eq!(announced, expected, "a tier may have kept any of them");
}

pub async fn of_many_who_pull_one_value_exactly_one_gets_it<B: Backend>(backend: &B) {
    const RACERS: usize = 32;
    let room = Room::open(backend).await;
    for key in room.keys(25) {
        room.set(&key, &bytes("V once"), HOUR).await;
        let start = Arc::new(Barrier::new(RACERS));
        let mut racers = JoinSet::new();
        for _ in 0..RACERS {
            let (cache, start, key) = (Arc::clone(&room.cache), Arc::clone(&start), key.clone());
            racers.spawn(async move {
                start.wait().await;
                only(ok(cache.pull(&[key]).await, "pull"), "pull")
            });
        }
        let got: Vec<_> = racers.join_all().await.into_iter().flatten().collect();
        assert_eq!(got.len(), 1, "one of {RACERS} gets the value");
        room.expect_absent(&key, "it was taken").await;
    }
}
