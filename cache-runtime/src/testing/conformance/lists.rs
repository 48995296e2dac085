//! Lists at keys.
#![expect(missing_docs, reason = "the name of each case is its documentation")]

use bytes::Bytes;

use super::Backend;
use super::room::{HOUR, Room, bytes, ok};
use crate::key::Key;
use crate::port::Lists;

fn values(texts: &[&'static str]) -> Vec<Bytes> {
    texts.iter().map(|text| bytes(text)).collect()
}

async fn all(lists: &dyn Lists, key: &Key) -> Vec<Bytes> {
    ok(lists.list_range(key, 0, -1).await, "list_range")
}

pub async fn a_list_has_two_ends<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(lists) = room.cache.lists() else { return };
    let key = room.key("k");
    let back = |texts| {
        let values = values(texts);
        let key = key.clone();
        async move { ok(lists.list_push_back(&key, &values).await, "list_push_back") }
    };
    assert_eq!(back(&["b", "c"]).await, 2, "the length after the push");
    let front = values(&["a", "z"]);
    assert_eq!(ok(lists.list_push_front(&key, &front).await, "list_push_front"), 4, "of both");
    assert_eq!(all(lists, &key).await, values(&["z", "a", "b", "c"]), "one after the other");
    assert_eq!(ok(lists.list_pop_front(&key).await, "list_pop_front"), Some(bytes("z")));
    assert_eq!(ok(lists.list_pop_back(&key).await, "list_pop_back"), Some(bytes("c")));
    assert_eq!(ok(lists.list_length(&key).await, "list_length"), 2, "two are left");
    assert_eq!(back(&["a"]).await, 3, "a value may be there twice");
    assert_eq!(all(lists, &key).await, values(&["a", "b", "a"]), "in their order");
}

pub async fn an_absent_list_is_empty<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(lists) = room.cache.lists() else { return };
    let key = room.key("k");
    assert_eq!(ok(lists.list_length(&key).await, "list_length"), 0);
    assert_eq!(all(lists, &key).await, values(&[]));
    assert_eq!(ok(lists.list_pop_front(&key).await, "list_pop_front"), None);
    assert_eq!(ok(lists.list_pop_back(&key).await, "list_pop_back"), None);
    ok(lists.list_trim(&key, 0, 5).await, "list_trim");
    assert!(!ok(room.cache.exists(&key).await, "exists"), "none of these made one");
}

pub async fn an_empty_push_changes_nothing<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(lists) = room.cache.lists() else { return };
    let key = room.key("k");
    assert_eq!(ok(lists.list_push_back(&key, &[]).await, "push"), 0, "the length");
    assert!(!ok(room.cache.exists(&key).await, "exists"), "there is still none");
    ok(lists.list_push_back(&key, &values(&["a"])).await, "push");
    assert_eq!(ok(lists.list_push_front(&key, &[]).await, "push"), 1, "the length");
    assert_eq!(all(lists, &key).await, values(&["a"]), "nothing changed");
}

pub async fn a_list_that_has_become_empty_is_gone<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(lists) = room.cache.lists() else { return };
    let [popped, trimmed, wrong_way] = room.some_keys();
    for key in [&popped, &trimmed, &wrong_way] {
        ok(lists.list_push_back(key, &values(&["a"])).await, "push");
        assert!(room.expire(key, HOUR).await, "it is there");
    }
    ok(lists.list_pop_front(&popped).await, "pop");
    ok(lists.list_trim(&trimmed, 1, -1).await, "trim");
    ok(lists.list_trim(&wrong_way, 5, 2).await, "trim");
    for key in [&popped, &trimmed, &wrong_way] {
        room.expect_absent(key, "it has become empty").await;
        ok(lists.list_push_back(key, &values(&["b"])).await, "push");
        room.expect_forever(key, "the new list has nothing of the old one's life").await;
    }
}

pub async fn a_range_counts_from_either_end<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(lists) = room.cache.lists() else { return };
    let key = room.key("k");
    let whole = ["a", "b", "c", "d", "e"];
    ok(lists.list_push_back(&key, &values(&whole)).await, "push");
    for (first, last, expected) in [
        (0, -1, "abcde"),
        (0, 0, "a"),
        (1, 3, "bcd"),
        (-2, -1, "de"),
        (-100, 1, "ab"),
        (3, 100, "de"),
        (-3, 3, "cd"),
        (4, 4, "e"),
        (5, 9, ""),
        (3, 1, ""),
        (-1, -2, ""),
        (0, -6, ""),
        (0, -100, ""),
        (i64::MIN, i64::MAX, "abcde"),
        (i64::MAX, i64::MIN, ""),
        (i64::MIN, i64::MIN, ""),
        (i64::MAX, i64::MAX, ""),
    ] {
        let got = ok(lists.list_range(&key, first, last).await, "list_range").concat();
        assert_eq!(got, expected.as_bytes(), "from {first} to {last}");
        let trimmed = room.key(&format!("{first} {last}"));
        ok(lists.list_push_back(&trimmed, &values(&whole)).await, "push");
        ok(lists.list_trim(&trimmed, first, last).await, "list_trim");
        let left = all(lists, &trimmed).await.concat();
        assert_eq!(left, expected.as_bytes(), "a trim from {first} to {last}");
    }
}

pub async fn a_change_keeps_what_is_left_of_a_lists_life<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(lists) = room.cache.lists() else { return };
    let key = room.key("k");
    ok(lists.list_push_back(&key, &values(&["a", "b", "c"])).await, "push");
    room.expect_forever(&key, "a push gives no lifetime").await;
    assert!(room.expire(&key, HOUR).await, "it is there");
    ok(lists.list_push_front(&key, &values(&["d"])).await, "push");
    ok(lists.list_pop_back(&key).await, "pop");
    ok(lists.list_trim(&key, 0, 1).await, "trim");
    room.expect_left(&key, HOUR, "no change touches the lifetime").await;
    backend.expire_now(&*room.cache, &key).await;
    assert_eq!(all(lists, &key).await, values(&[]), "a dead list is absent");
    assert_eq!(ok(lists.list_push_back(&key, &values(&["n"])).await, "push"), 1, "a new one");
}

pub async fn a_list_holds_any_bytes<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(lists) = room.cache.lists() else { return };
    let key = room.key("k");
    let every: Bytes = (0..=u8::MAX).collect();
    let odd = [Bytes::new(), every, bytes("\r\n"), Bytes::from(vec![7; 100_000])];
    ok(lists.list_push_back(&key, &odd).await, "push");
    assert!(all(lists, &key).await == odd, "byte for byte");
    assert_eq!(ok(lists.list_pop_front(&key).await, "pop"), Some(Bytes::new()), "empty is a value");
}

pub async fn each_value_is_popped_once<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(lists) = room.cache.lists() else { return };
    let key = room.key("k");
    let pushed: Vec<Bytes> = (0..400).map(|number| Bytes::from(number.to_string())).collect();
    ok(lists.list_push_back(&key, &pushed).await, "push");
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..8 {
        let (cache, key) = (room.cache.clone(), key.clone());
        callers.spawn(async move {
            let lists = ok(cache.lists().ok_or("none"), "lists");
            let mut popped = Vec::new();
            loop {
                let front = caller % 2 == 0;
                let one =
                    if front { lists.list_pop_front(&key) } else { lists.list_pop_back(&key) };
                match ok(one.await, "pop") {
                    Some(value) => popped.push(value),
                    None => return popped,
                }
            }
        });
    }
    let mut popped = callers.join_all().await.concat();
    popped.sort_by_key(|value| String::from_utf8_lossy(value).parse::<u32>().unwrap_or(u32::MAX));
    assert_eq!(popped, pushed, "each once");
}
