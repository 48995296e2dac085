//! Reads for somebody who keeps the value elsewhere.
#![expect(missing_docs, reason = "the name of each case is its documentation")]

use std::time::Duration;

use bytes::Bytes;

use super::Backend;
use super::room::{HOUR, MINUTE, Room, bytes, ok};
use crate::key::Key;
use crate::policy::{Remaining, Ttl};

async fn live(room: &Room, keys: &[Key]) -> Vec<Option<(Bytes, Remaining)>> {
    ok(room.cache.get_live(keys).await, "get_live")
}

fn about(left: Remaining, ttl: Duration) -> bool {
    matches!(left, Remaining::Left(left) if left <= ttl && left > ttl / 2)
}

pub async fn a_live_read_gives_the_bytes_and_what_is_left_of_their_life<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let keys = room.some_keys();
    let [forever, an_hour, expired, held, _] = &keys;
    room.set(forever, &bytes("forever"), Ttl::Forever).await;
    room.set(an_hour, &bytes("an hour"), HOUR).await;
    room.set(expired, &bytes("expired"), MINUTE / 2).await;
    backend.expire_now(&*room.cache, expired).await;
    room.held(held, MINUTE).await;
    let found = live(&room, &keys).await;
    let hold = room.get(held).await;
    let [forever, an_hour, expired, held, absent] = &found[..] else {
        assert_eq!(found.len(), 5, "one answer for each key");
        return;
    };
    assert_eq!(*forever, Some((bytes("forever"), Remaining::Forever)), "it has no lifetime");
    let right = an_hour.as_ref().is_some_and(|(it, left)| it == "an hour" && about(*left, HOUR));
    assert!(right, "of an hour there is {an_hour:?}");
    assert_eq!(*expired, None, "its time was over");
    let right =
        held.as_ref().is_some_and(|(it, left)| Some(it) == hold.as_ref() && about(*left, MINUTE));
    assert!(right, "a hold is read like anything else: {held:?}");
    assert_eq!(*absent, None, "nothing was ever there");
    assert_eq!(live(&room, &[]).await, [], "no keys, no answers");
}

pub async fn a_live_read_keeps_order_and_duplicates<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let [one, two, none] = room.some_keys();
    room.set(&one, &bytes("one"), Ttl::Forever).await;
    room.set(&two, &bytes("two"), Ttl::Forever).await;
    let found = live(&room, &[two.clone(), none.clone(), one, two, none]).await;
    let expected = ["two", "", "one", "two", ""]
        .map(|text| (!text.is_empty()).then(|| (bytes(text), Remaining::Forever)));
    assert_eq!(found, expected, "each answer stands where its key was asked for");
}

pub async fn a_live_read_of_thousands_keeps_its_order<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let keys = room.keys(2_345);
    let entry = |(number, key): (usize, &Key)| {
        (number % 3 > 0).then(|| (key.clone(), Bytes::from(number.to_string())))
    };
    let entries: Vec<_> = keys.iter().enumerate().filter_map(entry).collect();
    ok(room.cache.set_many(&entries, HOUR.into()).await, "set_many");
    let found = live(&room, &keys).await;
    assert_eq!(found.len(), keys.len(), "one answer for each key");
    for (number, found) in found.into_iter().enumerate() {
        let right = match &found {
            None => number % 3 == 0,
            Some((it, left)) => number % 3 > 0 && *it == number.to_string() && about(*left, HOUR),
        };
        assert!(right, "at {number} there is {found:?}");
    }
}

pub async fn another_data_type_counts_as_absent_in_a_live_read<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let [other, own] = room.some_keys();
    if !room.put_another_type(backend, &other).await {
        return;
    }
    room.set(&own, &bytes("v"), Ttl::Forever).await;
    let found = live(&room, &[other.clone(), own]).await;
    assert_eq!(found, [None, Some((bytes("v"), Remaining::Forever))], "it spoils no batch");
    assert_eq!(live(&room, &[other]).await, [None], "nor is it an error alone");
}
