//! Many commands in one go.
#![expect(missing_docs, reason = "the name of each case is its documentation")]

use std::time::Duration;

use bytes::Bytes;

use super::Backend;
use super::room::{HOUR, Room, bytes, failed, ok};
use crate::error::ErrorKind;
use crate::policy::{Remaining, Ttl};
use crate::port::Pipeline;

pub async fn each_command_of_a_pipeline_has_its_own_reply<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(pipelines) = room.cache.pipelines() else { return };
    let [text, count, list, set, hash, absent] = room.some_keys();
    let mut pipeline = Pipeline::new();
    let set_done = pipeline.set(&text, "v", HOUR);
    let got = pipeline.get(&text);
    let put = pipeline.set_if_absent(&text, "w", Ttl::Forever);
    let life = pipeline.ttl(&text);
    let persisted = pipeline.persist(&text);
    let life_after = pipeline.ttl(&text);
    let expired = pipeline.expire(&text, HOUR);
    let there = pipeline.exists(&text);
    let up = pipeline.increment_by(&count, 5);
    let down = pipeline.decrement(&count);
    let further = ok(pipeline.decrement_by(&count, 3), "decrement_by");
    let counted = pipeline.increment(&count);
    let back = pipeline.list_push_back(&list, &[bytes("b"), bytes("c")]);
    let front = pipeline.list_push_front(&list, &[bytes("a")]);
    let range = pipeline.list_range(&list, 0, -1);
    let trimmed = pipeline.list_trim(&list, 0, 1);
    let first = pipeline.list_pop_front(&list);
    let last = pipeline.list_pop_back(&list);
    let length = pipeline.list_length(&list);
    let added = pipeline.set_add(&set, &[bytes("m"), bytes("n")]);
    let removed = pipeline.set_remove(&set, &[bytes("n")]);
    let member = pipeline.set_is_member(&set, b"m");
    let members = pipeline.set_members(&set);
    let cardinality = pipeline.set_cardinality(&set);
    let fields = pipeline.hash_set(&hash, &[(bytes("f"), bytes("1"))]);
    let field = pipeline.hash_increment_by(&hash, b"f", 1);
    let value = pipeline.hash_get(&hash, b"f");
    let all = pipeline.hash_get_all(&hash);
    let size = pipeline.hash_length(&hash);
    let lost = pipeline.hash_delete(&hash, &[bytes("f")]);
    let taken = pipeline.take(&text);
    let nothing = pipeline.get(&absent);
    let deleted = pipeline.delete(&count);
    assert_eq!((pipeline.len(), pipeline.is_empty()), (33, false));

    let mut replies = ok(pipelines.run(pipeline).await, "run");
    ok(replies.check(), "no command failed");
    ok(replies.take(set_done), "set");
    assert_eq!(ok(replies.take(got), "get"), Some(bytes("v")), "commands see those before them");
    assert!(!ok(replies.take(put), "set_if_absent"));
    assert!(matches!(ok(replies.take(life), "ttl"), Remaining::Left(left) if left > HOUR / 2));
    assert!(ok(replies.take(persisted), "persist"));
    assert_eq!(ok(replies.take(life_after), "ttl"), Remaining::Forever);
    assert!(ok(replies.take(expired), "expire"));
    assert!(ok(replies.take(there), "exists"));
    assert_eq!(ok(replies.take(up), "increment_by"), 5);
    assert_eq!(ok(replies.take(down), "decrement"), 4);
    assert_eq!(ok(replies.take(further), "decrement_by"), 1);
    assert_eq!(ok(replies.take(counted), "increment"), 2);
    assert_eq!(ok(replies.take(back), "list_push_back"), 2);
    assert_eq!(ok(replies.take(front), "list_push_front"), 3);
    assert_eq!(ok(replies.take(range), "list_range"), ["a", "b", "c"]);
    ok(replies.take(trimmed), "list_trim");
    assert_eq!(ok(replies.take(first), "list_pop_front"), Some(bytes("a")));
    assert_eq!(ok(replies.take(last), "list_pop_back"), Some(bytes("b")));
    assert_eq!(ok(replies.take(length), "list_length"), 0);
    assert_eq!(ok(replies.take(added), "set_add"), 2);
    assert_eq!(ok(replies.take(removed), "set_remove"), 1);
    assert!(ok(replies.take(member), "set_is_member"));
    assert_eq!(ok(replies.take(members), "set_members"), [bytes("m")].into());
    assert_eq!(ok(replies.take(cardinality), "set_cardinality"), 1);
    assert_eq!(ok(replies.take(fields), "hash_set"), 1);
    assert_eq!(ok(replies.take(field), "hash_increment_by"), 2);
    assert_eq!(ok(replies.take(value), "hash_get"), Some(bytes("2")));
    assert_eq!(ok(replies.take(all), "hash_get_all"), [(bytes("f"), bytes("2"))].into());
    assert_eq!(ok(replies.take(size), "hash_length"), 1);
    assert_eq!(ok(replies.take(lost), "hash_delete"), 1);
    assert_eq!(ok(replies.take(taken), "take"), Some(bytes("v")));
    assert_eq!(ok(replies.take(nothing), "get"), None);
    assert!(ok(replies.take(deleted), "delete"));
    for key in [&text, &count, &list, &hash] {
        room.expect_absent(key, "it was emptied or removed").await;
    }
}

pub async fn a_command_that_fails_leaves_the_others_alone<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(pipelines) = room.cache.pipelines() else { return };
    let [text, list] = room.some_keys();
    let mut pipeline = Pipeline::new();
    let before = pipeline.set(&text, "word", HOUR);
    let no_number = pipeline.increment(&text);
    let pushed = pipeline.list_push_back(&list, &[bytes("a")]);
    let wrong = pipeline.list_length(&text);
    let after = pipeline.get(&text);
    let mut replies = ok(pipelines.run(pipeline).await, "run");
    assert_eq!(failed(replies.check()), Some(ErrorKind::NotANumber), "the first that failed");
    ok(replies.take(before), "set");
    assert_eq!(failed(replies.take(no_number)), Some(ErrorKind::NotANumber));
    assert_eq!(failed(replies.check()), Some(ErrorKind::WrongType), "the next that failed");
    assert_eq!(failed(replies.take(wrong)), Some(ErrorKind::WrongType));
    assert_eq!(ok(replies.take(pushed), "push"), 1);
    assert_eq!(ok(replies.take(after), "get"), Some(bytes("word")));
    ok(replies.check(), "nothing else failed");
}

pub async fn a_pipeline_of_thousands_keeps_its_order<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(pipelines) = room.cache.pipelines() else { return };
    let key = room.key("k");
    let mut pipeline = Pipeline::new();
    let steps: Vec<_> = (0..1_777).map(|_| pipeline.increment(&key)).collect();
    let mut replies = ok(pipelines.run(pipeline).await, "run");
    assert_eq!((replies.len(), replies.is_empty()), (1_777, false));
    for (step, expected) in steps.into_iter().zip(1..) {
        assert_eq!(ok(replies.take(step), "increment"), expected);
    }
}

pub async fn an_empty_pipeline_asks_for_nothing<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(pipelines) = room.cache.pipelines() else { return };
    let replies = ok(pipelines.run(Pipeline::new()).await, "run");
    assert!(replies.is_empty());
    ok(replies.check(), "nothing failed");
}

pub async fn a_handle_of_another_pipeline_is_refused<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(pipelines) = room.cache.pipelines() else { return };
    let key = room.key("k");
    let (mut one, mut other) = (Pipeline::new(), Pipeline::new());
    let (own, foreign) = (one.increment(&key), other.increment(&key));
    let mut replies = ok(pipelines.run(one).await, "run");
    assert_eq!(failed(replies.take(foreign)), Some(ErrorKind::Config));
    assert_eq!(ok(replies.take(own), "increment"), 1, "the own one is still there");
}

pub async fn a_lifetime_of_zero_removes_in_a_pipeline_too<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(pipelines) = room.cache.pipelines() else { return };
    let [set, expired, put, absent] = room.some_keys();
    let nothing = Duration::ZERO;
    let mut pipeline = Pipeline::new();
    pipeline.set(&set, "v", HOUR);
    let zero = pipeline.set(&set, "w", nothing);
    pipeline.set(&expired, "v", HOUR);
    let gone = pipeline.expire(&expired, nothing);
    pipeline.set(&put, "v", HOUR);
    let stands = pipeline.set_if_absent(&put, Bytes::from("w"), nothing);
    let free = pipeline.set_if_absent(&absent, Bytes::from("w"), nothing);
    let mut replies = ok(pipelines.run(pipeline).await, "run");
    ok(replies.take(zero), "set");
    assert!(ok(replies.take(gone), "expire"), "it was there");
    assert!(!ok(replies.take(stands), "set_if_absent"), "something stands there");
    assert!(ok(replies.take(free), "set_if_absent"), "nothing did");
    for key in [&set, &expired, &absent] {
        room.expect_absent(key, "a zero TTL stores nothing").await;
    }
    room.expect_bytes(&put, &bytes("v"), "it was not replaced").await;
}
