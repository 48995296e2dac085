#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what fails here fails the test"
)]

//! The write-behind over a queue and a source in memory.

mod source;

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use self::source::{Deaf, Mood, Table};
use super::*;
use crate::backend::MemoryCache;
use crate::key::Namespace;
use crate::manager::CacheManager;
use crate::port::{Cache, CoherentCache};

const MS: Duration = Duration::from_millis(1);

fn manager() -> CacheManager {
    CacheManager::builder("shop").memory().build().unwrap()
}

fn begin(cache: &CacheManager, table: &Table) -> WriteBehindBuilder<Table> {
    WriteBehind::builder(cache, "scores", table.clone())
}

async fn eventually(mut holds: impl FnMut() -> bool) {
    tokio::time::timeout(Duration::from_secs(600), async {
        while !holds() {
            tokio::time::sleep(MS).await;
        }
    })
    .await
    .unwrap();
}

async fn read(scores: &WriteBehind<Table>, key: u32) -> Option<String> {
    scores.get(&key).await.unwrap().as_deref().cloned()
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_write_is_seen_before_it_is_applied_and_after() {
    let (cache, table) = (manager(), Table::default());
    let writer = begin(&cache, &table).build().unwrap();
    let reader = begin(&cache, &table).build().unwrap();
    assert_eq!(read(&reader, 1).await, None);
    writer.put(&1, &"one".to_owned()).await.unwrap();
    assert_eq!((read(&reader, 1).await, table.row(1)), (some("one"), None));
    writer.delete(&1).await.unwrap();
    assert_eq!(read(&reader, 1).await, None);
    writer.put(&1, &"again".to_owned()).await.unwrap();
    let worker = begin(&cache, &table).spawn().unwrap();
    writer.flush().await.unwrap();
    assert_eq!((read(&reader, 1).await, table.row(1)), (some("again"), some("again")));
    writer.delete(&1).await.unwrap();
    writer.flush().await.unwrap();
    assert_eq!((read(&reader, 1).await, table.row(1)), (None, None));
    worker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn of_the_writes_of_one_key_in_a_batch_the_last_goes_to_the_source() {
    let (cache, table) = (manager(), Table::default());
    let writer = begin(&cache, &table).build().unwrap();
    for number in 0..30 {
        writer.put(&(number % 3), &format!("v{number}")).await.unwrap();
    }
    let worker = begin(&cache, &table).spawn().unwrap();
    worker.flush().await.unwrap();
    assert_eq!(table.batches(), [vec![0, 1, 2]]);
    assert_eq!((table.row(0), table.row(1), table.row(2)), (some("v27"), some("v28"), some("v29")));
    let stats = worker.stats();
    assert_eq!((stats.applied, stats.collapsed, stats.batches), (30, 27, 1));
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_no_larger_than_it_may_be_and_waits_for_more() {
    let (cache, table) = (manager(), Table::default());
    let scores = begin(&cache, &table).batch(4).linger(Duration::from_secs(1)).spawn().unwrap();
    tokio::time::sleep(100 * MS).await;
    scores.put(&0, &"x".to_owned()).await.unwrap();
    tokio::time::sleep(100 * MS).await;
    assert!(table.batches().is_empty(), "it waits for more");
    for number in 1..6 {
        scores.put(&number, &"x".to_owned()).await.unwrap();
    }
    eventually(|| scores.stats().applied == 6).await;
    assert_eq!(table.batches(), [vec![0, 1, 2, 3], vec![4, 5]]);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_is_an_error_at_once() {
    let (cache, table) = (manager(), Table::default());
    let writer = begin(&cache, &table).bound(2).build().unwrap();
    writer.put(&1, &"a".to_owned()).await.unwrap();
    writer.put(&1, &"b".to_owned()).await.unwrap();
    let began = tokio::time::Instant::now();
    let error = writer.put(&2, &"c".to_owned()).await.unwrap_err();
    assert_eq!((error.kind(), began.elapsed()), (ErrorKind::QueueFull, Duration::ZERO));
    assert!(error.to_string().contains("2 writes wait"), "{error}");
    assert_eq!(writer.delete(&1).await.unwrap_err().kind(), ErrorKind::QueueFull);
    assert_eq!((read(&writer, 1).await, read(&writer, 2).await), (some("b"), None));
    assert_eq!((writer.stats().accepted, writer.stats().refused), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_poison_write_dies_alone_and_its_readers_see_the_source() {
    let (cache, table) = (manager(), Table::default());
    table.seed(2, "before");
    table.set_mood(Mood::Refuses(2));
    let writer = begin(&cache, &table).build().unwrap();
    for key in 1..4 {
        writer.put(&key, &format!("v{key}")).await.unwrap();
    }
    assert_eq!(read(&writer, 2).await, some("v2"));
    let worker = begin(&cache, &table).tries(3).spawn().unwrap();
    eventually(|| worker.stats().applied == 2).await;
    assert_eq!(
        (table.row(1), table.row(3)),
        (some("v1"), some("v3")),
        "the others are not held up"
    );
    assert_eq!(read(&writer, 2).await, some("v2"), "it is not given up yet");
    writer.put(&4, &"v4".to_owned()).await.unwrap();
    eventually(|| worker.stats().dead == 1).await;
    assert_eq!((read(&writer, 2).await, table.row(4)), (some("before"), some("v4")));
    let letters = writer.dead_letters(10).await.unwrap();
    assert_eq!((letters.len(), letters[0].tries), (1, 3));
    assert!(letters[0].reason.contains("2 is refused"), "{}", letters[0].reason);
    assert_eq!(&letters[0].value.as_deref().unwrap(), b"\"v2\"");
    writer.flush().await.unwrap();
    // What was wrong is mended.
    table.set_mood(Mood::Well);
    assert!(writer.retry(&letters[0]).await.unwrap());
    writer.flush().await.unwrap();
    assert_eq!((table.row(2), read(&writer, 2).await), (some("v2"), some("v2")));
    assert!(!writer.discard(&letters[0]).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_never_overwrites_a_newer_write() {
    let (cache, table) = (manager(), Table::default());
    table.set_mood(Mood::Refuses(1));
    let scores = begin(&cache, &table).tries(1).spawn().unwrap();
    scores.put(&1, &"old".to_owned()).await.unwrap();
    eventually(|| scores.stats().dead == 1).await;
    table.set_mood(Mood::Well);
    scores.put(&1, &"new".to_owned()).await.unwrap();
    scores.flush().await.unwrap();
    let letter = scores.dead_letters(1).await.unwrap().remove(0);
    scores.retry(&letter).await.unwrap();
    assert_eq!(read(&scores, 1).await, some("new"));
    scores.flush().await.unwrap();
    assert_eq!((table.row(1), read(&scores, 1).await), (some("new"), some("new")));
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_away_costs_no_tries() {
    let (cache, table) = (manager(), Table::default());
    table.set_mood(Mood::Away);
    let scores = begin(&cache, &table).tries(2).spawn().unwrap();
    for key in 0..300 {
        scores.put(&key, &"x".to_owned()).await.unwrap();
    }
    eventually(|| scores.stats().retried > 8).await;
    assert_eq!(scores.stats().trouble, Some(Trouble::Source));
    assert_eq!(table.asked.load(SeqCst), usize::try_from(scores.stats().retried).unwrap());
    table.set_mood(Mood::Well);
    scores.flush().await.unwrap();
    let stats = scores.stats();
    assert_eq!((stats.applied, stats.dead, stats.trouble), (300, 0, None));
}

#[tokio::test(start_paused = true)]
async fn a_source_that_hangs_is_not_waited_for_without_end() {
    let (cache, table) = (manager(), Table::default());
    table.set_mood(Mood::Hangs);
    let scores = begin(&cache, &table).patience(Duration::from_secs(2)).spawn().unwrap();
    scores.put(&1, &"x".to_owned()).await.unwrap();
    eventually(|| scores.stats().retried == 2).await;
    table.set_mood(Mood::Well);
    scores.flush().await.unwrap();
    assert_eq!(table.row(1), some("x"));
}

#[tokio::test(start_paused = true)]
async fn a_source_that_panics_does_not_end_the_worker() {
    let (cache, table) = (manager(), Table::default());
    table.set_mood(Mood::PanicsAt(1));
    let scores = begin(&cache, &table).tries(2).spawn().unwrap();
    scores.put(&1, &"x".to_owned()).await.unwrap();
    scores.put(&2, &"y".to_owned()).await.unwrap();
    scores.flush().await.unwrap();
    assert_eq!((table.row(1), table.row(2), scores.stats().dead), (None, some("y"), 1));
    assert_eq!(scores.dead_letters(1).await.unwrap()[0].reason, "the source panicked");
}

#[tokio::test(start_paused = true)]
async fn a_write_that_another_version_has_written_becomes_a_dead_letter() {
    let (cache, table) = (manager(), Table::default());
    let strange = NewWrite {
        key: cache.key().text("behind").value("scores").value(&7).finish().unwrap(),
        id: "7".into(),
        value: Some("{\"points\":1}".into()),
    };
    let queue = cache.key().text("behind").value("scores").finish().unwrap();
    let queue = cache.backend().write_queue(&queue).unwrap();
    queue.enqueue(&strange, 10).await.unwrap();
    let scores = begin(&cache, &table).tries(2).spawn().unwrap();
    assert!(matches!(scores.get(&7).await, Err(WriteBehindError::Queue(_))));
    scores.put(&8, &"x".to_owned()).await.unwrap();
    scores.flush().await.unwrap();
    assert_eq!((scores.stats().dead, table.row(8)), (1, some("x")));
    assert!(scores.dead_letters(1).await.unwrap()[0].reason.contains("another version"));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_kills_its_workers_becomes_a_dead_letter() {
    let (cache, table) = (manager(), Table::default());
    let writer = begin(&cache, &table).build().unwrap();
    writer.put(&1, &"x".to_owned()).await.unwrap();
    let queue = cache.key().text("behind").value("scores").finish().unwrap();
    let queue = cache.backend().write_queue(&queue).unwrap();
    for worker in 0..20 {
        queue.take(&worker.to_string(), 1, Duration::ZERO).await.unwrap();
    }
    queue.leave("19").await.unwrap();
    let scores = begin(&cache, &table).tries(2).spawn().unwrap();
    scores.flush().await.unwrap();
    assert_eq!((scores.stats().dead, table.row(1)), (1, None));
    assert!(scores.dead_letters(1).await.unwrap()[0].reason.contains("taken 21 times"));
}

/// A worker whose signs of life do not come through is slow and not dead: another takes its batch over, and what the slow
/// one then does changes nothing.
#[tokio::test(start_paused = true)]
async fn a_slow_worker_whose_batch_was_taken_over_overwrites_nothing() {
    let clock = crate::testing::ManualClock::new();
    let cache = CacheManager::builder("shop").memory().clock(clock.shared()).build().unwrap();
    let table = Table::default();
    let queue = cache.key().text("behind").value("scores").finish().unwrap();
    let queue = cache.backend().write_queue(&queue).unwrap();
    table.set_mood(Mood::Parks);
    let deaf: Arc<dyn WriteQueue> = Arc::new(Deaf(queue));
    let slow = begin(&cache, &table).consumer("slow").queue(deaf).spawn().unwrap();
    slow.put(&1, &"first".to_owned()).await.unwrap();
    eventually(|| table.parked.load(SeqCst) == 1).await;
    table.set_mood(Mood::Well);
    clock.advance(Duration::from_secs(31));
    let quick = begin(&cache, &table).consumer("quick").spawn().unwrap();
    quick.put(&1, &"second".to_owned()).await.unwrap();
    quick.flush().await.unwrap();
    assert_eq!((table.row(1), quick.stats().taken_again), (some("second"), 1));
    table.go.notify_one();
    eventually(|| slow.stats().applied == 1).await;
    assert_eq!((table.row(1), read(&slow, 1).await), (some("second"), some("second")));
}

#[tokio::test(start_paused = true)]
async fn a_worker_at_a_long_batch_gives_signs_of_life() {
    let clock = crate::testing::ManualClock::new();
    let cache = CacheManager::builder("shop").memory().clock(clock.shared()).build().unwrap();
    let table = Table::default();
    table.set_mood(Mood::Parks);
    let slow = begin(&cache, &table).patience(Duration::from_secs(3600)).spawn().unwrap();
    slow.put(&1, &"x".to_owned()).await.unwrap();
    eventually(|| table.parked.load(SeqCst) == 1).await;
    let quick = begin(&cache, &table).spawn().unwrap();
    for _ in 0..20 {
        clock.advance(Duration::from_secs(11));
        tokio::time::sleep(Duration::from_secs(11)).await;
    }
    assert_eq!(quick.stats().taken_again, 0);
    table.go.notify_one();
    slow.flush().await.unwrap();
    assert_eq!(slow.stats().applied, 1);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_stops_leaves_the_rest_to_another() {
    let (cache, table) = (manager(), Table::default());
    table.set_mood(Mood::Away);
    let one = begin(&cache, &table).spawn().unwrap();
    one.put(&1, &"x".to_owned()).await.unwrap();
    eventually(|| one.stats().retried > 0).await;
    one.stop().await;
    one.stop().await;
    let asked = table.asked.load(SeqCst);
    table.set_mood(Mood::Well);
    one.put(&2, &"y".to_owned()).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_secs(100), one.flush()).await.is_err());
    assert_eq!(table.asked.load(SeqCst), asked, "it has stopped");
    // Nothing has to run out before another may have what it had.
    let two = begin(&cache, &table).spawn().unwrap();
    two.flush().await.unwrap();
    assert_eq!((table.row(1), table.row(2)), (some("x"), some("y")));
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_the_batch_under_way() {
    let (cache, table) = (manager(), Table::default());
    table.set_mood(Mood::Parks);
    let scores = begin(&cache, &table).spawn().unwrap();
    scores.put(&1, &"x".to_owned()).await.unwrap();
    eventually(|| table.parked.load(SeqCst) == 1).await;
    let stopping = tokio::spawn({
        let scores = scores.clone();
        async move { scores.stop().await }
    });
    tokio::time::sleep(100 * MS).await;
    assert!(!stopping.is_finished());
    table.go.notify_one();
    stopping.await.unwrap();
    assert_eq!((table.row(1), scores.backlog().await.unwrap().waiting), (some("x"), 0));
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_takes_its_worker_with_it() {
    let (cache, table) = (manager(), Table::default());
    let scores = begin(&cache, &table).spawn().unwrap();
    let other = scores.clone();
    drop(scores);
    other.put(&1, &"x".to_owned()).await.unwrap();
    other.flush().await.unwrap();
    let source = Arc::downgrade(&other.inner.shared);
    drop(other);
    eventually(|| source.strong_count() == 0).await;
}

#[tokio::test(start_paused = true)]
async fn what_does_not_wait_is_read_from_the_cache_until_it_is_written() {
    let (cache, table) = (manager(), Table::default());
    table.seed(1, "before");
    let scores = begin(&cache, &table).spawn().unwrap();
    assert_eq!(read(&scores, 1).await, some("before"));
    cache.drain().await;
    for _ in 0..5 {
        assert_eq!(read(&scores, 1).await, some("before"));
    }
    assert_eq!(table.loads.load(SeqCst), 1);
    scores.put(&1, &"after".to_owned()).await.unwrap();
    scores.flush().await.unwrap();
    assert_eq!((read(&scores, 1).await, table.loads.load(SeqCst)), (some("after"), 2));
}

/// The load began before the write was applied, and ends when nothing waits any more: it must not be cached.
#[tokio::test(start_paused = true)]
async fn a_load_that_began_before_an_apply_fills_nothing() {
    let (cache, table) = (manager(), Table::default());
    table.seed(1, "before");
    let scores = begin(&cache, &table).spawn().unwrap();
    table.park_loads.store(true, SeqCst);
    let reading = tokio::spawn({
        let scores = scores.clone();
        async move { read(&scores, 1).await }
    });
    eventually(|| table.parked.load(SeqCst) == 1).await;
    table.park_loads.store(false, SeqCst);
    scores.put(&1, &"after".to_owned()).await.unwrap();
    scores.flush().await.unwrap();
    table.go.notify_one();
    assert_eq!(reading.await.unwrap(), some("before"), "it began before");
    cache.drain().await;
    assert_eq!(read(&scores, 1).await, some("after"));
}

#[tokio::test]
async fn where_the_queue_does_not_answer_the_caller_has_chosen_what_a_read_does() {
    let table = Table::default();
    table.seed(1, "old");
    let cache = manager();
    let other = Arc::new(MemoryCache::new());
    let name = Namespace::new("shop").unwrap().key().text("q").finish().unwrap();
    let queue = || other.write_queue(&name).unwrap();
    let strict = begin(&cache, &table).queue(queue()).build().unwrap();
    let lax =
        begin(&cache, &table).queue(queue()).on_unknown(OnUnknown::AskSource).build().unwrap();
    strict.put(&1, &"new".to_owned()).await.unwrap();
    other.close().await.unwrap();
    let error = strict.get(&1).await.unwrap_err();
    assert!(matches!(&error, WriteBehindError::Queue(error) if error.kind() == ErrorKind::Closed));
    assert_eq!(read(&lax, 1).await, some("old"));
    assert!(strict.put(&1, &"newer".to_owned()).await.is_err(), "nothing is acknowledged");
}

#[tokio::test]
async fn what_cannot_be_written_is_refused_before_it_is_acknowledged() {
    let table = Table::default();
    let mut cache = CacheManager::builder("shop").memory();
    cache = cache.max_value_bytes(100);
    let scores = begin(&cache.build().unwrap(), &table).build().unwrap();
    let error = scores.put(&1, &"x".repeat(101)).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Codec && error.to_string().contains("103 bytes"), "{error}");
    assert_eq!(scores.backlog().await.unwrap().waiting, 0);
}

#[test]
fn a_worker_needs_a_runtime_a_name_and_a_queue() {
    let (cache, table) = (manager(), Table::default());
    let kind = |result: Result<WriteBehind<Table>>| result.unwrap_err().kind();
    assert_eq!(kind(begin(&cache, &table).spawn()), ErrorKind::Config);
    assert_eq!(kind(WriteBehind::builder(&cache, "", table.clone()).build()), ErrorKind::Config);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let _inside = runtime.enter();
    assert_eq!(kind(begin(&cache, &table).consumer("!x").spawn()), ErrorKind::Config);
    let null = Arc::new(crate::backend::NullCache::default());
    let cache = CacheManager::builder("shop").backend(null).build().unwrap();
    assert_eq!(kind(begin(&cache, &table).build()), ErrorKind::Unsupported);
}
