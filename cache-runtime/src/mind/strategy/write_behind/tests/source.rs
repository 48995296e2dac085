//! A source in memory that can be in any mood, and a queue that does not hear signs of life.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;

use crate::error::Result;
use crate::key::Key;
use crate::port::{
    BoxFuture, DataSource, DeadLetter, Failed, NewWrite, Pending, QueueBacklog, QueuedWrite, Write,
    WriteBehindSource, WriteQueue,
};

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Mood {
    #[default]
    Well,
    Away,
    Hangs,
    /// The next batch waits for `go`.
    Parks,
    Refuses(u32),
    PanicsAt(u32),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Table(Arc<Inner>);

#[derive(Debug, Default)]
pub(super) struct Inner {
    rows: Mutex<HashMap<u32, (u64, Option<String>)>>,
    mood: Mutex<Mood>,
    batches: Mutex<Vec<Vec<u32>>>,
    pub(super) asked: AtomicUsize,
    pub(super) loads: AtomicUsize,
    pub(super) parked: AtomicUsize,
    pub(super) park_loads: AtomicBool,
    pub(super) go: Notify,
}

impl Deref for Table {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Inner {
    pub(super) fn row(&self, key: u32) -> Option<String> {
        self.rows.lock().unwrap().get(&key).and_then(|(_, row)| row.clone())
    }

    pub(super) fn seed(&self, key: u32, row: &str) {
        self.rows.lock().unwrap().insert(key, (0, Some(row.to_owned())));
    }

    pub(super) fn set_mood(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// The keys of each batch that was applied.
    pub(super) fn batches(&self) -> Vec<Vec<u32>> {
        self.batches.lock().unwrap().clone()
    }

    async fn park(&self) {
        self.parked.fetch_add(1, SeqCst);
        self.go.notified().await;
    }
}

impl DataSource for Table {
    type Key = u32;
    type Value = String;
    type Error = std::io::Error;

    async fn load(&self, key: &u32) -> std::io::Result<Option<String>> {
        self.loads.fetch_add(1, SeqCst);
        let row = self.row(*key);
        if self.park_loads.load(SeqCst) {
            self.park().await;
        }
        Ok(row)
    }

    async fn load_many(&self, keys: &[u32]) -> std::io::Result<Vec<Option<String>>> {
        Ok(keys.iter().map(|key| self.row(*key)).collect())
    }

    async fn store(&self, value: &String) -> std::io::Result<String> {
        Ok(value.clone())
    }

    async fn delete(&self, _: &u32) -> std::io::Result<bool> {
        Ok(false)
    }
}

impl WriteBehindSource for Table {
    async fn apply(&self, _: &str, writes: &[Write<u32, String>]) -> std::io::Result<()> {
        self.asked.fetch_add(1, SeqCst);
        let mood = *self.mood.lock().unwrap();
        let has = |key| writes.iter().any(|write| write.key == key);
        match mood {
            Mood::Away => return Err(std::io::ErrorKind::ConnectionRefused.into()),
            Mood::Hangs => std::future::pending().await,
            Mood::Parks => self.park().await,
            Mood::Refuses(key) if has(key) => {
                return Err(std::io::Error::other(format!("{key} is refused")));
            }
            Mood::PanicsAt(key) => assert!(!has(key), "as it was told to"),
            _ => {}
        }
        let mut rows = self.rows.lock().unwrap();
        for write in writes {
            let row = rows.entry(write.key).or_default();
            if row.0 < write.version {
                *row = (write.version, write.value.clone());
            }
        }
        self.batches.lock().unwrap().push(writes.iter().map(|write| write.key).collect());
        Ok(())
    }

    fn is_away(&self, error: &std::io::Error) -> bool {
        error.kind() == std::io::ErrorKind::ConnectionRefused
    }
}

/// What this one is told of a worker's life does not reach the queue.
#[derive(Debug)]
pub(super) struct Deaf(pub(super) Arc<dyn WriteQueue>);

impl WriteQueue for Deaf {
    fn enqueue<'a>(&'a self, write: &'a NewWrite, bound: u64) -> BoxFuture<'a, Result<u64>> {
        self.0.enqueue(write, bound)
    }

    fn pending<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Pending>>> {
        self.0.pending(keys)
    }

    fn take<'a>(
        &'a self,
        consumer: &'a str,
        most: usize,
        idle: Duration,
    ) -> BoxFuture<'a, Result<Vec<QueuedWrite>>> {
        self.0.take(consumer, most, idle)
    }

    fn touch<'a>(&'a self, _: &'a str, places: &'a [u64]) -> BoxFuture<'a, Result<Vec<u64>>> {
        Box::pin(std::future::ready(Ok(places.to_vec())))
    }

    fn acknowledge<'a>(&'a self, writes: &'a [QueuedWrite]) -> BoxFuture<'a, Result<()>> {
        self.0.acknowledge(writes)
    }

    fn fail<'a>(
        &'a self,
        write: &'a QueuedWrite,
        tries: u32,
        reason: &'a str,
    ) -> BoxFuture<'a, Result<Failed>> {
        self.0.fail(write, tries, reason)
    }

    fn leave<'a>(&'a self, consumer: &'a str) -> BoxFuture<'a, Result<()>> {
        self.0.leave(consumer)
    }

    fn backlog(&self) -> BoxFuture<'_, Result<QueueBacklog>> {
        self.0.backlog()
    }

    fn head(&self) -> BoxFuture<'_, Result<u64>> {
        self.0.head()
    }

    fn waits(&self, head: u64) -> BoxFuture<'_, Result<bool>> {
        self.0.waits(head)
    }

    fn dead_letters(&self, most: usize) -> BoxFuture<'_, Result<Vec<DeadLetter>>> {
        self.0.dead_letters(most)
    }

    fn retry<'a>(&'a self, letter: &'a str) -> BoxFuture<'a, Result<bool>> {
        self.0.retry(letter)
    }

    fn discard<'a>(&'a self, letter: &'a str) -> BoxFuture<'a, Result<bool>> {
        self.0.discard(letter)
    }

    fn caveats(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        self.0.caveats()
    }
}
