#![allow(clippy::unwrap_used, clippy::expect_used, reason = "what fails here fails the test")]

//! The relay over an outbox in memory.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::backend::MemoryCache;
use crate::key::{Key, Namespace, Prefix};
use crate::port::{BoxFuture, Cache, Delivery, Lineage, OutboxRow};
use crate::{CacheManager, Ttl};

const HOME: Lineage = Lineage { system: 1, timeline: 1, database: 1 };

/// Rows with their numbers; those that were taken are not there until they come back.
#[derive(Debug, Default)]
struct Desk {
    rows: Mutex<VecDeque<(i64, OutboxRow)>>,
    taken: Mutex<Vec<i64>>,
    noted: Mutex<Option<Lineage>>,
    /// So many deliveries cannot be settled.
    stubborn: AtomicUsize,
    /// How many rows were asked for, each time that there were any.
    asked: Mutex<Vec<usize>>,
    limit: Duration,
    /// The table is not there.
    missing: AtomicBool,
    me: std::sync::Weak<Desk>,
}

#[derive(Debug)]
struct Load {
    desk: Arc<Desk>,
    numbers: Vec<i64>,
    rows: Vec<OutboxRow>,
}

impl Desk {
    fn new(rows: Vec<OutboxRow>) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            rows: Mutex::new((1..).zip(rows).collect()),
            limit: Duration::from_secs(5),
            me: me.clone(),
            ..Self::default()
        })
    }

    fn left(&self) -> usize {
        self.rows.lock().unwrap().len()
    }
}

impl Outbox for Desk {
    fn take(&self, most: usize) -> BoxFuture<'_, Result<Option<Box<dyn Delivery>>>> {
        Box::pin(async move {
            let mut taken = self.taken.lock().unwrap();
            let free: Vec<_> = self.rows.lock().unwrap().iter().cloned().collect();
            let free: Vec<_> =
                free.into_iter().filter(|(id, _)| !taken.contains(id)).take(most).collect();
            if free.is_empty() {
                return Ok(None);
            }
            self.asked.lock().unwrap().push(most);
            let (numbers, rows): (Vec<_>, Vec<_>) = free.into_iter().unzip();
            taken.extend(&numbers);
            let desk = self.me.upgrade().unwrap();
            Ok(Some(Box::new(Load { desk, numbers, rows }) as Box<dyn Delivery>))
        })
    }

    fn head(&self) -> BoxFuture<'_, Result<Option<i64>>> {
        Box::pin(async { Ok(self.rows.lock().unwrap().back().map(|(id, _)| *id)) })
    }

    fn waits(&self, head: i64) -> BoxFuture<'_, Result<bool>> {
        Box::pin(async move { Ok(self.rows.lock().unwrap().iter().any(|(id, _)| *id <= head)) })
    }

    fn backlog(&self) -> BoxFuture<'_, Result<Backlog>> {
        Box::pin(async { Ok(Backlog::new(self.left() as u64, Duration::ZERO)) })
    }

    fn lineage(&self) -> BoxFuture<'_, Result<(Lineage, Option<Lineage>)>> {
        Box::pin(async {
            if self.missing.load(Ordering::SeqCst) {
                return Err(Error::new(ErrorKind::Outbox, "the outbox is not in this database"));
            }
            Ok((HOME, *self.noted.lock().unwrap()))
        })
    }

    fn note<'a>(&'a self, lineage: &'a Lineage) -> BoxFuture<'a, Result<()>> {
        Box::pin(async {
            *self.noted.lock().unwrap() = Some(*lineage);
            Ok(())
        })
    }
}

impl Delivery for Load {
    fn rows(&self) -> &[OutboxRow] {
        &self.rows
    }

    fn limit(&self) -> Duration {
        self.desk.limit
    }

    fn settle(self: Box<Self>) -> BoxFuture<'static, Result<()>> {
        Box::pin(async move {
            let fewer = |left: usize| left.checked_sub(1);
            let order = Ordering::SeqCst;
            if self.desk.stubborn.fetch_update(order, order, fewer).is_ok() {
                return Err(Error::new(ErrorKind::Outbox, "not now"));
            }
            self.desk.rows.lock().unwrap().retain(|(id, _)| !self.numbers.contains(id));
            Ok(())
        })
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.desk.taken.lock().unwrap().retain(|id| !self.numbers.contains(id));
    }
}

fn key(name: &str) -> Key {
    Namespace::new("shop").unwrap().key().text(name).finish().unwrap()
}

fn row(names: &[&str]) -> OutboxRow {
    OutboxRow { keys: names.iter().map(|name| key(name)).collect(), ..OutboxRow::default() }
}

fn manager() -> CacheManager {
    CacheManager::builder("shop").memory().build().unwrap()
}

async fn eventually(mut holds: impl FnMut() -> bool) {
    tokio::time::timeout(Duration::from_secs(60), async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test(start_paused = true)]
async fn rows_that_cannot_be_delivered_come_again_and_in_smaller_batches() {
    let desk = Desk::new((0..100).map(|n| row(&[&format!("k{n}")])).collect());
    desk.stubborn.store(3, Ordering::SeqCst);
    let cache = manager();
    let relay = cache.relay_of(desk.clone()).batch(80).spawn().unwrap();
    eventually(|| desk.left() == 0).await;
    let asked = desk.asked.lock().unwrap().clone();
    assert_eq!(asked.get(..6), Some(&[80, 40, 20, 10, 20, 40][..]), "{asked:?}");
    eventually(|| relay.stats().rows == 100).await;
    let stats = relay.stats();
    assert_eq!((stats.keys, stats.failures, stats.failing), (100, 3, None));
}

#[tokio::test(start_paused = true)]
async fn a_cache_that_was_closed_ends_the_relay_and_leaves_its_rows() {
    let desk = Desk::new(vec![row(&["a"])]);
    *desk.noted.lock().unwrap() = Some(HOME);
    let backend = Arc::new(MemoryCache::builder().build());
    let cache = CacheManager::builder("shop").backend(backend.clone()).build().unwrap();
    let relay = cache.relay_of(desk.clone()).spawn().unwrap();
    eventually(|| relay.stats().rows == 1).await;
    backend.close().await.unwrap();
    desk.rows.lock().unwrap().push_back((2, row(&["b"])));
    // A closed cache never comes back: the relay ends, and its row stays for another.
    eventually(|| cache.relay_of(desk.clone()).spawn().is_ok()).await;
    assert_eq!(relay.stats().failing, Some(ErrorKind::Closed));
    assert_eq!(desk.left(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_hangs_gives_its_rows_back() {
    #[derive(Debug)]
    struct Stuck;
    impl crate::Observer for Stuck {
        fn before<'a>(&'a self, _: crate::Step, _: &'a Key) -> BoxFuture<'a, ()> {
            Box::pin(std::future::pending())
        }
    }
    let desk = Desk::new(vec![row(&["a"])]);
    let cache = CacheManager::builder("shop").memory().observer(Arc::new(Stuck)).build().unwrap();
    let stuck = cache.relay_of(desk.clone()).spawn().unwrap();
    eventually(|| stuck.stats().failures > 0).await;
    assert_eq!(stuck.stats().failing, Some(ErrorKind::Timeout));
    stuck.stop().await;
    let other = manager();
    let relay = other.relay_of(desk.clone()).spawn().unwrap();
    eventually(|| relay.stats().rows == 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_key_of_another_namespace_is_passed_over() {
    let mut strange = row(&["a"]);
    strange.keys.push(Namespace::new("shopping").unwrap().key().text("a").finish().unwrap());
    strange.prefixes = vec![Namespace::new("bank").unwrap().whole(), Prefix::from_text("")];
    let desk = Desk::new(vec![strange]);
    let backend = Arc::new(MemoryCache::builder().build());
    let kept = Namespace::new("bank").unwrap().key().text("gold").finish().unwrap();
    backend.set(&kept, b"v".as_slice().into(), Ttl::Forever).await.unwrap();
    let cache = CacheManager::builder("shop").backend(backend.clone()).build().unwrap();
    let relay = cache.relay_of(desk.clone()).spawn().unwrap();
    eventually(|| relay.stats().rows == 1).await;
    assert_eq!((relay.stats().keys, relay.stats().sweeps), (1, 0));
    assert!(backend.exists(&kept).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn the_lag_is_that_of_the_rows_and_of_the_last_ones_alone() {
    let aged = |millis: u64| OutboxRow { age: Duration::from_millis(millis), ..row(&["a"]) };
    let desk = Desk::new((1..=2000).map(aged).collect());
    let cache = manager();
    let relay = cache.relay_of(desk.clone()).batch(7).spawn().unwrap();
    eventually(|| relay.stats().rows == 2000).await;
    let lag = relay.stats().lag;
    let about = |lag: Duration, millis: u64| {
        let wanted = Duration::from_millis(millis);
        lag >= wanted && lag < wanted + Duration::from_millis(100)
    };
    // The last 1024 are those of 977 to 2000 ms.
    assert!(about(lag.p50, 1488) && about(lag.p99, 1990) && about(lag.max, 2000), "{lag:?}");
}

#[tokio::test(start_paused = true)]
async fn health_tells_that_nothing_is_believed_and_what_the_relay_fails_with() {
    let desk = Desk::new(Vec::new());
    desk.missing.store(true, Ordering::SeqCst);
    let cache = manager();
    assert_eq!(cache.health().await.disbelief, None);
    let relay = cache.relay_of(desk.clone()).spawn().unwrap();
    eventually(|| relay.stats().failures > 0).await;
    let health = cache.health().await;
    let why = "the outbox may know better, and the relay fails: the outbox is not in this database";
    assert_eq!(health.disbelief.as_deref(), Some(why));
    assert!(health.is_up() && health.to_string().ends_with(why), "{health}");
    desk.missing.store(false, Ordering::SeqCst);
    eventually(|| relay.stats().failing.is_none()).await;
    assert_eq!(cache.health().await.disbelief, None);
}

#[tokio::test]
async fn a_relay_that_was_dropped_stops() {
    let desk = Desk::new(Vec::new());
    let cache = manager();
    let relay = cache.relay_of(desk.clone()).spawn().unwrap();
    assert_eq!(cache.relay_of(desk.clone()).spawn().unwrap_err().kind(), ErrorKind::Config);
    drop(relay);
    eventually(|| cache.relay_of(desk.clone()).spawn().is_ok()).await;
}

#[test]
fn a_relay_needs_a_runtime() {
    let error = manager().relay_of(Desk::new(Vec::new())).spawn().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("tokio"), "{error}");
}
