//! Whole numbers at keys.
#![expect(missing_docs, reason = "the name of each case is its documentation")]

use bytes::Bytes;

use super::Backend;
use super::room::{HOUR, Room, bytes, failed, ok};
use crate::error::ErrorKind;
use crate::policy::Ttl;

pub async fn an_absent_counter_begins_at_zero_and_lives_for_ever<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(counters) = room.cache.counters() else { return };
    let [up, down] = room.some_keys();
    assert_eq!(ok(counters.increment(&up).await, "increment"), 1, "from zero up");
    assert_eq!(ok(counters.decrement(&down).await, "decrement"), -1, "from zero down");
    room.expect_forever(&up, "no step gives a lifetime").await;
    room.expect_bytes(&up, &bytes("1"), "a counter is a text").await;
    room.expect_bytes(&down, &bytes("-1"), "a counter is a text").await;
}

pub async fn a_counter_takes_steps_of_any_size<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(counters) = room.cache.counters() else { return };
    let key = room.key("k");
    room.set(&key, &bytes("40"), Ttl::Forever).await;
    assert_eq!(ok(counters.increment_by(&key, 2).await, "up"), 42, "it begins where it was set");
    assert_eq!(ok(counters.increment_by(&key, -50).await, "down"), -8, "a step may be negative");
    assert_eq!(ok(counters.decrement_by(&key, 2).await, "down"), -10, "down");
    assert_eq!(ok(counters.decrement_by(&key, -10).await, "up"), 0, "down by less than nothing");
    assert_eq!(ok(counters.increment_by(&key, 0).await, "nowhere"), 0, "a step of nothing");
    assert_eq!(ok(counters.increment_by(&key, i64::MIN).await, "down"), i64::MIN, "all the way");
    assert_eq!(ok(counters.increment_by(&key, i64::MAX).await, "up"), -1, "and back");
}

pub async fn a_step_keeps_what_is_left_of_the_life<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(counters) = room.cache.counters() else { return };
    let key = room.key("k");
    room.set(&key, &bytes("1"), HOUR).await;
    assert_eq!(ok(counters.increment(&key).await, "increment"), 2, "one more");
    room.expect_left(&key, HOUR, "a step keeps the lifetime").await;
    backend.expire_now(&*room.cache, &key).await;
    assert_eq!(ok(counters.increment(&key).await, "increment"), 1, "a dead counter is absent");
    room.expect_forever(&key, "the new one has no lifetime").await;
}

pub async fn a_step_out_of_range_changes_nothing<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(counters) = room.cache.counters() else { return };
    let key = room.key("k");
    for (from, by) in [
        (i64::MAX, 1),
        (i64::MAX, i64::MAX),
        (1, i64::MAX),
        (i64::MIN, -1),
        (i64::MIN, i64::MIN),
        (-1, i64::MIN),
    ] {
        let text = Bytes::from(from.to_string());
        room.set(&key, &text, HOUR).await;
        let answer = counters.increment_by(&key, by).await;
        assert_eq!(failed(answer), Some(ErrorKind::Overflow), "{from} and {by}");
        room.expect_bytes(&key, &text, "nothing changed").await;
        room.expect_left(&key, HOUR, "nor did its lifetime").await;
    }
    let answer = counters.decrement_by(&key, i64::MIN).await;
    assert_eq!(failed(answer), Some(ErrorKind::Overflow), "its opposite is no number");
}

pub async fn what_is_no_number_cannot_be_counted<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(counters) = room.cache.counters() else { return };
    let key = room.key("k");
    for text in [
        "",
        " ",
        "x",
        "1x",
        " 1",
        "1 ",
        "+1",
        "01",
        "-0",
        "--1",
        "-",
        "1.0",
        "1e3",
        "0x1",
        "1_000",
        "9223372036854775808",
        "-9223372036854775809",
        "99999999999999999999999",
        "1\0",
        "１",
    ] {
        room.set(&key, &Bytes::from(text), HOUR).await;
        let answer = counters.increment(&key).await;
        assert_eq!(failed(answer), Some(ErrorKind::NotANumber), "{text:?} up");
        let answer = counters.decrement_by(&key, 5).await;
        assert_eq!(failed(answer), Some(ErrorKind::NotANumber), "{text:?} down");
        room.expect_bytes(&key, &Bytes::from(text), "nothing changed").await;
    }
    room.held(&key, HOUR).await;
    let before = room.get(&key).await;
    assert_eq!(failed(counters.increment(&key).await), Some(ErrorKind::NotANumber), "a hold");
    assert_eq!(room.get(&key).await, before, "a writer's hold stands");
}

pub async fn many_callers_lose_no_step<B: Backend>(backend: &B) {
    const CALLERS: i64 = 16;
    const STEPS: i64 = 50;
    let room = Room::open(backend).await;
    if room.cache.counters().is_none() {
        return;
    }
    let key = room.key("k");
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..CALLERS {
        let (cache, key) = (room.cache.clone(), key.clone());
        callers.spawn(async move {
            for _ in 0..STEPS {
                let counters = ok(cache.counters().ok_or("none"), "counters");
                ok(counters.increment(&key).await, "increment");
            }
        });
    }
    callers.join_all().await;
    room.expect_bytes(&key, &Bytes::from((CALLERS * STEPS).to_string()), "every step").await;
}
