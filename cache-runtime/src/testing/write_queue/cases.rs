//! The cases.
#![allow(missing_docs, clippy::missing_panics_doc, reason = "each is named after what it promises")]

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::QueueBackend;
use crate::error::{ErrorKind, Result};
use crate::key::{Key, Namespace};
use crate::port::{DeadLetter, Failed, NewWrite, Pending, QueuedWrite, WriteQueue};

const PLENTY: u64 = 1_000_000;
const NEVER: Duration = Duration::from_secs(3600);

fn ok<T>(answer: Result<T>) -> T {
    match answer {
        Ok(answer) => answer,
        #[expect(clippy::panic, reason = "that is how a case fails")]
        Err(error) => panic!("the queue failed: {error:?}"),
    }
}

fn key(name: &str) -> Key {
    let made = Namespace::new("queue").and_then(|it| it.key().value(name).finish());
    ok(made)
}

fn write(name: &str, value: &str) -> NewWrite {
    let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    NewWrite { key: key(name), id: bytes(name), value: Some(bytes(value)) }
}

async fn put(queue: &dyn WriteQueue, name: &str, value: &str) -> u64 {
    ok(queue.enqueue(&write(name, value), PLENTY).await)
}

async fn take(queue: &dyn WriteQueue, consumer: &str, most: usize) -> Vec<QueuedWrite> {
    ok(queue.take(consumer, most, NEVER).await)
}

async fn pending(queue: &dyn WriteQueue, name: &str) -> Pending {
    let mut found = ok(queue.pending(&[key(name)]).await);
    assert_eq!(found.len(), 1, "one answer for each key");
    found.pop().unwrap_or(Pending::Nothing)
}

fn value(text: &str) -> Pending {
    Pending::Value(Bytes::copy_from_slice(text.as_bytes()))
}

fn names(writes: &[QueuedWrite]) -> Vec<&str> {
    writes.iter().filter_map(|write| str::from_utf8(&write.id).ok()).collect()
}

/// Fails the only write that is there until it is dead.
async fn kill(queue: &dyn WriteQueue, reason: &str) -> DeadLetter {
    for write in take(queue, "undertaker", 1).await {
        assert_eq!(ok(queue.fail(&write, 1, reason).await), Failed::Dead);
    }
    let mut letters = ok(queue.dead_letters(10).await);
    assert_eq!(letters.len(), 1, "{letters:?}");
    #[expect(clippy::expect_used, reason = "counted just before")]
    letters.pop().expect("one")
}

pub async fn what_was_written_is_taken_in_order(backend: &impl QueueBackend) {
    let queue = &*backend.fresh().await;
    let mut versions = Vec::new();
    for name in ["a", "b", "a", "c", "b"] {
        versions.push(put(queue, name, "v").await);
    }
    assert_eq!(names(&take(queue, "one", 0).await), [""; 0], "none were asked for");
    let first = take(queue, "one", 2).await;
    let rest = take(queue, "one", 100).await;
    assert_eq!((names(&first), names(&rest)), (vec!["a", "b"], vec!["a", "c", "b"]));
    let taken: Vec<u64> = first.iter().chain(&rest).map(|write| write.version).collect();
    assert_eq!(taken, versions);
    assert!(first.iter().chain(&rest).all(|write| write.deliveries == 1));
    assert_eq!(take(queue, "one", 100).await, []);
}

pub async fn a_write_is_pending_until_it_is_acknowledged(backend: &impl QueueBackend) {
    let queue = &*backend.fresh().await;
    assert_eq!(pending(queue, "a").await, Pending::Nothing);
    put(queue, "a", "1").await;
    assert_eq!(pending(queue, "a").await, value("1"));
    let taken = take(queue, "one", 10).await;
    assert_eq!(pending(queue, "a").await, value("1"), "taken is not applied");
    ok(queue.acknowledge(&taken).await);
    assert_eq!(pending(queue, "a").await, Pending::Nothing);
    assert_eq!(ok(queue.backlog().await).waiting, 0);
    let many: Vec<Key> = (0..450).map(|number| key(&format!("k{number}"))).collect();
    put(queue, "k7", "7").await;
    put(queue, "k449", "449").await;
    let found = ok(queue.pending(&many).await);
    let waiting: Vec<_> =
        found.iter().enumerate().filter(|(_, it)| **it != Pending::Nothing).collect();
    assert_eq!((found.len(), waiting), (450, vec![(7, &value("7")), (449, &value("449"))]));
}

pub async fn a_delete_is_a_write(backend: &impl QueueBackend) {
    let queue = &*backend.fresh().await;
    put(queue, "a", "1").await;
    let delete = NewWrite { value: None, ..write("a", "") };
    ok(queue.enqueue(&delete, PLENTY).await);
    assert_eq!(pending(queue, "a").await, Pending::Deleted);
    let taken = take(queue, "one", 10).await;
    let values: Vec<_> = taken.iter().map(|write| write.value.clone()).collect();
    assert_eq!(values, [Some(Bytes::from_static(b"1")), None]);
    // An empty value is none the less a value.
    put(queue, "b", "").await;
    assert_eq!(pending(queue, "b").await, value(""));
    assert_eq!(take(queue, "one", 1).await.pop().and_then(|write| write.value), Some(Bytes::new()));
}

pub async fn the_newest_write_of_a_key_is_the_pending_one(backend: &impl QueueBackend) {
    let queue = &*backend.fresh().await;
    put(queue, "a", "1").await;
    let first = take(queue, "one", 10).await;
    put(queue, "a", "2").await;
    assert_eq!(pending(queue, "a").await, value("2"));
    ok(queue.acknowledge(&first).await);
    assert_eq!(pending(queue, "a").await, value("2"), "the older one's end is not the newer one's");
    let second = take(queue, "one", 10).await;
    ok(queue.acknowledge(&second).await);
    assert_eq!(pending(queue, "a").await, Pending::Nothing);
}

pub async fn versions_only_rise(backend: &impl QueueBackend) {
    let queue = &*backend.fresh().await;
    let mut last = 0;
    for number in 0..300 {
        let version = put(queue, if number % 2 == 0 { "a" } else { "b" }, "v").await;
        assert!(version > last && version < 1 << 53, "{version} after {last}");
        last = version;
        if number % 50 == 0 {
            let taken = take(queue, "one", 100).await;
            ok(queue.acknowledge(&taken).await);
        }
    }
    assert_eq!(ok(queue.head().await), last);
}

pub async fn a_full_queue_refuses_at_once_and_changes_nothing(backend: &impl QueueBackend) {
    let queue = &*backend.fresh().await;
    for name in ["a", "b", "c"] {
        ok(queue.enqueue(&write(name, "1"), 3).await);
    }
    // What is taken is not applied yet, and counts.
    let taken = take(queue, "one", 2).await;
    let refused = queue.enqueue(&write("a", "2"), 3).await;
    assert_eq!(refused.err().map(|error| error.kind()), Some(ErrorKind::QueueFull));
    assert_eq!(pending(queue, "a").await, value("1"));
    assert_eq!(ok(queue.backlog().await).waiting, 3);
    ok(queue.acknowledge(taken.get(..1).unwrap_or_default()).await);
    ok(queue.enqueue(&write("a", "2"), 3).await);
    assert_eq!(pending(queue, "a").await, value("2"));
}

pub async fn dead_letters_count_against_the_bound(backend: &impl QueueBackend) {
    let queue = &*backend.fresh().await;
    put(queue, "a", "1").await;
    let letter = kill(queue, "no").await;
    let refused = queue.enqueue(&write("b", "1"), 1).await;
    assert_eq!(refused.err().map(|error| error.kind()), Some(ErrorKind::QueueFull));
    assert!(ok(queue.discard(&letter.letter).await));
    ok(queue.enqueue(&write("b", "1"), 1).await);
}

pub async fn a_write_is_taken_by_one_consumer(backend: &impl QueueBackend) {
    let queue = &*backend.fresh().await;
    for name in ["a", "b", "c"] {
        put(queue, name, "1").await;
    }
    let one = take(queue, "one", 2).await;
    let two = take(queue, "two", 10).await;
    assert_eq!((names(&one), names(&two)), (vec!["a", "b"], vec!["c"]));
}

pub async fn what_a_silent_consumer_has_taken_goes_to_another(backend: &impl QueueBackend) {
    let queue = &*backend.fresh().await;
    for name in ["a", "b", "c"] {
        put(queue, name, "1").await;
    }
    let idle = Duration::from_secs(30);
    let one = ok(queue.take("one", 2, idle).await);
    backend.pass(queue, Duration::from_secs(29)).await;
    assert_eq!(names(&ok(queue.take("two", 10, idle).await)), ["c"]);
    backend.pass(queue, Duration::from_secs(2)).await;
    let two = ok(queue.take("two", 1, idle).await);
    assert_eq!(names(&two), ["a"], "what was left first, and no more than was asked for");
    assert_eq!(two.first().map(|write| write.deliveries), Some(2));
    assert_eq!(names(&ok(queue.take("two", 10, idle).await)), ["b"]);
    let places: Vec<u64> = one.iter().map(|write| write.place).collect();
    assert_eq!(ok(queue.touch("one", &places).await), [0; 0], "they are another's");
    // An answer to a take may be lost: then they come again to the same consumer, too.
    backend.pass(queue, Duration::from_secs(31)).await;
    assert_eq!(names(&ok(queue.take("two", 10, idle).await)), ["a", "b", "c"]);
}

pub async fn a_touched_write_stays_its_consumers(backend: &impl QueueBackend) {
    let queue = &*backend.fresh().await;
    for name in ["a", "b"] {
        put(queue, name, "1").await;
    }
    let idle = Duration::from_secs(30);
    let one = ok(queue.take("one", 10, idle).await);
    let places: Vec<u64> = one.iter().map(|write| write.place).collect();
    for _ in 0..3 {
        backend.pass(queue, Duration::from_secs(20)).await;
        let first = places.get(..1).unwrap_or_default();
        assert_eq!(ok(queue.touch("one", first).await), first);
    }
    assert_eq!(names(&ok(queue.take("two", 10, idle).await)), ["b"]);
    assert_eq!(ok(queue.touch("one", &places).await), places.get(..1).unwrap_or_default());
    ok(queue.acknowledge(&one).await);
    assert_eq!(ok(queue.touch("one", &places).await), [0; 0], "they are gone");
    assert_eq!(ok(queue.touch("one", &[]).await), [0; 0]);
}

pub async fn an_acknowledgement_counts_whoever_gives_it(backend: &impl QueueBackend) {
    let queue = &*backend.fresh().await;
    put(queue, "a", "1").await;
    let one = take(queue, "one", 10).await;
    let two = ok(queue.take("two", 10, Duration::ZERO).await);
    assert_eq!(two.len(), 1);
    // The slow one was not dead, and has applied it.
    ok(queue.acknowledge(&one).await);
    assert_eq!(ok(queue.backlog().await).waiting, 0);
    ok(queue.acknowledge(&two).await);
    assert_eq!(ok(queue.take("three", 10, Duration::ZERO).await), []);
    ok(queue.acknowledge(&[]).await);
}

pub async fn a_write_that_failed_too_often_is_a_dead_letter(backend: &impl QueueBackend) {
    let queue = &*backend.fresh().await;
    let version = put(queue, "a", "1").await;
    put(queue, "b", "1").await;
    let taken = take(queue, "one", 1).await;
    let Some(write) = taken.first() else { return assert_eq!(taken.len(), 1) };
    assert_eq!(ok(queue.fail(write, 3, "not yet").await), Failed::Times(1));
    assert_eq!(ok(queue.fail(write, 3, "not yet").await), Failed::Times(2));
    assert_eq!(pending(queue, "a").await, value("1"));
    assert_eq!(ok(queue.fail(write, 3, "no such country").await), Failed::Dead);
    assert_eq!(pending(queue, "a").await, Pending::Nothing);
    let backlog = ok(queue.backlog().await);
    assert_eq!((backlog.waiting, backlog.dead), (1, 1));
    let letters = ok(queue.dead_letters(10).await);
    let [letter] = &*letters else { return assert_eq!(letters.len(), 1) };
    assert_eq!(letter.key, key("a"));
    assert_eq!((&letter.id[..], letter.value.as_deref()), (&b"a"[..], Some(&b"1"[..])));
    assert_eq!((letter.version, letter.tries, &*letter.reason), (version, 3, "no such country"));
    assert!(letter.died_at > 1_600_000_000_000, "in milliseconds: {}", letter.died_at);
    assert_eq!(
        names(&ok(queue.take("two", 10, Duration::ZERO).await)),
        ["b"],
        "it is gone for all"
    );
}

pub async fn failures_are_counted_across_consumers(backend: &impl QueueBackend) {
    let queue = &*backend.fresh().await;
    put(queue, "a", "1").await;
    for (consumer, failed) in
        [("one", Failed::Times(1)), ("two", Failed::Times(2)), ("three", Failed::Dead)]
    {
        for write in ok(queue.take(consumer, 10, Duration::ZERO).await) {
            assert_eq!(ok(queue.fail(&write, 3, "no").await), failed, "{consumer}");
        }
    }
    assert_eq!(ok(queue.backlog().await).dead, 1);
}

pub async fn a_failure_of_what_is_gone_changes_nothing(backend: &impl QueueBackend) {
    let queue = &*backend.fresh().await;
    put(queue, "a", "1").await;
    let taken = take(queue, "one", 10).await;
    ok(queue.acknowledge(&taken).await);
    for write in &taken {
        assert_eq!(ok(queue.fail(write, 1, "no").await), Failed::Gone);
    }
    assert_eq!(ok(queue.dead_letters(10).await), []);
}

pub async fn the_death_of_an_older_write_leaves_the_newer_pending(backend: &impl QueueBackend) {
    let queue = &*backend.fresh().await;
    put(queue, "a", "1").await;
    let taken = take(queue, "one", 10).await;
    put(queue, "a", "2").await;
    for write in &taken {
        assert_eq!(ok(queue.fail(write, 1, "no").await), Failed::Dead);
    }
    assert_eq!(pending(queue, "a").await, value("2"));
}

pub async fn a_dead_letter_that_is_retried_keeps_its_version(backend: &impl QueueBackend) {
    let queue = &*backend.fresh().await;
    let version = put(queue, "a", "1").await;
    let letter = kill(queue, "no").await;
    let newer = put(queue, "b", "1").await;
    assert!(!ok(queue.retry("77-0").await), "there is no such letter");
    assert!(ok(queue.retry(&letter.letter).await));
    assert!(!ok(queue.retry(&letter.letter).await), "it is no letter any more");
    assert_eq!(pending(queue, "a").await, Pending::Nothing, "it is seen when it is applied");
    let taken = take(queue, "one", 10).await;
    assert_eq!(names(&taken), ["b", "a"]);
    let [_, again] = &*taken else { return assert_eq!(taken.len(), 2) };
    assert_eq!((again.version, again.deliveries), (version, 1));
    assert!(again.place > newer && ok(queue.head().await) == again.place);
    assert_eq!(ok(queue.fail(again, 2, "no").await), Failed::Times(1), "with all its tries");
    assert!(put(queue, "c", "1").await > again.place);
}

pub async fn a_dead_letter_that_is_discarded_is_gone(backend: &impl QueueBackend) {
    let queue = &*backend.fresh().await;
    put(queue, "a", "1").await;
    let letter = kill(queue, "no").await;
    assert!(ok(queue.discard(&letter.letter).await));
    assert!(!ok(queue.discard(&letter.letter).await));
    assert_eq!(ok(queue.dead_letters(10).await), []);
    assert_eq!(ok(queue.take("one", 10, Duration::ZERO).await), []);
}

pub async fn who_leaves_gives_back_what_it_has_taken(backend: &impl QueueBackend) {
    let queue = &*backend.fresh().await;
    ok(queue.leave("stranger").await);
    for number in 0..700 {
        put(queue, &format!("k{number}"), "1").await;
    }
    let taken = take(queue, "one", 650).await;
    ok(queue.leave("one").await);
    ok(queue.leave("one").await);
    let places = |writes: &[QueuedWrite]| writes.iter().map(|it| it.place).collect::<Vec<_>>();
    let again = take(queue, "two", 650).await;
    assert_eq!(places(&again), places(&taken), "at once, and the oldest first");
    assert_eq!(take(queue, "two", 100).await.len(), 50);
}

pub async fn a_flush_waits_for_what_was_before_it(backend: &impl QueueBackend) {
    let queue = &*backend.fresh().await;
    assert_eq!(ok(queue.head().await), 0);
    assert!(!ok(queue.waits(0).await));
    put(queue, "a", "1").await;
    let head = ok(queue.head().await);
    put(queue, "b", "1").await;
    let taken = take(queue, "one", 10).await;
    assert!(ok(queue.waits(head).await), "taken is not applied");
    ok(queue.acknowledge(taken.get(..1).unwrap_or_default()).await);
    assert!(!ok(queue.waits(head).await));
    assert!(ok(queue.waits(ok(queue.head().await)).await));
}

pub async fn the_backlog_is_what_is_there(backend: &impl QueueBackend) {
    let queue = &*backend.fresh().await;
    let empty = ok(queue.backlog().await);
    assert_eq!((empty.waiting, empty.oldest, empty.dead), (0, Duration::ZERO, 0));
    let place = put(queue, "a", "1").await;
    put(queue, "b", "1").await;
    let backlog = ok(queue.backlog().await);
    assert_eq!((backlog.waiting, backlog.dead), (2, 0));
    assert!(backlog.oldest < Duration::from_secs(60), "{:?}", backlog.oldest);
    assert!(backlog.now >= place.saturating_sub(2), "{} and {place}", backlog.now);
}

pub async fn any_bytes_come_back(backend: &impl QueueBackend) {
    let queue = &*backend.fresh().await;
    let all: Vec<u8> = (0..=255).collect();
    let odd = ["", "!last", "a b:{c}", "ключ", "k\nv", "0"];
    for name in odd {
        let id = Bytes::from(all.clone());
        let write = NewWrite { key: key(name), id, value: Some(Bytes::from(all.repeat(40))) };
        ok(queue.enqueue(&write, PLENTY).await);
    }
    let taken = take(queue, "one", 10).await;
    for (write, name) in taken.iter().zip(odd) {
        assert_eq!(write.key, key(name));
        assert_eq!((&write.id[..], write.value.as_deref()), (&all[..], Some(&all.repeat(40)[..])));
        assert_eq!(pending(queue, name).await, Pending::Value(all.repeat(40).into()));
    }
    assert_eq!(taken.len(), odd.len());
    let [first, ..] = &*taken else { return };
    assert_eq!(ok(queue.fail(first, 1, "a\0b\r\nç").await), Failed::Dead);
    assert_eq!(
        ok(queue.dead_letters(1).await).pop().map(|it| it.reason).as_deref(),
        Some("a\0b\r\nç")
    );
}

pub async fn of_many_writers_and_consumers_each_write_has_one(backend: &impl QueueBackend) {
    let queue = backend.fresh().await;
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let queue: Arc<dyn WriteQueue> = Arc::clone(&queue);
            tokio::spawn(async move {
                for number in 0..50 {
                    put(&*queue, &format!("k{}", (writer + number) % 10), "v").await;
                }
            })
        })
        .collect();
    let consumers: Vec<_> = (0..4)
        .map(|consumer| {
            let queue: Arc<dyn WriteQueue> = Arc::clone(&queue);
            tokio::spawn(async move {
                let (mut places, mut empty) = (Vec::new(), 0);
                let name = format!("consumer{consumer}");
                while empty < 200 {
                    let taken = take(&*queue, &name, 7).await;
                    empty = if taken.is_empty() { empty + 1 } else { 0 };
                    places.extend(taken.iter().map(|write| write.place));
                    ok(queue.acknowledge(&taken).await);
                    tokio::task::yield_now().await;
                }
                places
            })
        })
        .collect();
    for writer in writers {
        assert!(writer.await.is_ok(), "a writer failed");
    }
    let mut places = Vec::new();
    for consumer in consumers {
        places.extend(consumer.await.unwrap_or_default());
    }
    // Consumers may have given up before the last write.
    let rest = take(&*queue, "last", 1000).await;
    places.extend(rest.iter().map(|write| write.place));
    ok(queue.acknowledge(&rest).await);
    assert_eq!(places.len(), 400);
    assert_eq!(places.iter().collect::<HashSet<_>>().len(), 400, "none was taken twice");
    for number in 0..10 {
        assert_eq!(pending(&*queue, &format!("k{number}")).await, Pending::Nothing);
    }
}
