//! The invalidations, handed to everyone in this process who listens.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::{self, Receiver, Sender};

use super::MemoryCache;
use crate::error::{Error, ErrorKind, Result};
use crate::key::{Key, Namespace};
use crate::port::{BoxFuture, Heard, InvalidationStream};

/// So many messages may wait to be heard by one listener; one more, and its stream is lost. Some megabytes at most.
const MOST_WAITING: usize = 4_096;
/// Keys in one message, so that a bound on messages is one on memory.
const MOST_KEYS: usize = 512;

/// Everyone who listens. What is announced under its lock is heard by all in one order.
#[derive(Default)]
pub(super) struct Listeners(Mutex<Vec<Listener>>);

struct Listener {
    number: u64,
    namespace: Namespace,
    sender: Sender<Heard>,
}

impl Listeners {
    /// Announces these keys, each to those who listen to its namespace.
    pub(super) fn announce(&self, keys: &[Key]) {
        let mut listeners = self.lock();
        listeners.retain(|listener| {
            let owned = |key: &&Key| listener.namespace.owns(key.as_str());
            let mut said = keys.chunks(MOST_KEYS).map(|keys| keys.iter().filter(owned).cloned());
            said.all(|keys| {
                let keys: Vec<Key> = keys.collect();
                keys.is_empty() || listener.hears(Heard::Keys(keys))
            })
        });
    }

    pub(super) fn announce_everything(&self, namespace: &str) {
        self.lock().retain(|listener| {
            listener.namespace.as_str() != namespace || listener.hears(Heard::Everything)
        });
    }

    /// Ends every stream.
    pub(super) fn dismiss(&self) {
        self.lock().clear();
    }

    fn join(&self, namespace: &Namespace) -> (u64, Receiver<Heard>) {
        // Never used again: a stream that was lost still leaves by its number.
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = mpsc::channel(MOST_WAITING);
        self.lock().push(Listener { number, namespace: namespace.clone(), sender });
        (number, receiver)
    }

    fn leave(&self, number: u64) {
        self.lock().retain(|listener| listener.number != number);
    }

    /// Whether the listener of this number still listens.
    fn beat(&self, number: u64, beat: u64) -> bool {
        let mut there = false;
        self.lock().retain(|listener| {
            if listener.number != number {
                return true;
            }
            there = listener.hears(Heard::Beat(beat));
            there
        });
        there
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Listener>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener {
    /// Whether there was room. Who has lost one message must not hear another.
    fn hears(&self, heard: Heard) -> bool {
        self.sender.try_send(heard).is_ok()
    }
}

pub(super) struct Stream {
    cache: MemoryCache,
    namespace: Namespace,
    number: u64,
    heard: Receiver<Heard>,
}

impl Stream {
    pub(super) fn open(cache: &MemoryCache, namespace: &Namespace) -> Result<Self> {
        let (number, heard) = cache.inner.listeners.join(namespace);
        let stream = Self { cache: cache.clone(), namespace: namespace.clone(), number, heard };
        // Looked at after joining: a close that comes now finds this listener, one that came before is seen here.
        cache.inner.open()?;
        Ok(stream)
    }

    fn lost(&self) -> Error {
        match self.cache.inner.open() {
            Err(closed) => closed,
            Ok(()) => Error::new(
                ErrorKind::Unreachable,
                "the stream of invalidations was read too slowly, and lost some",
            ),
        }
    }
}

impl InvalidationStream for Stream {
    fn next(&mut self) -> BoxFuture<'_, Result<Heard>> {
        Box::pin(async move { self.heard.recv().await.ok_or_else(|| self.lost()) })
    }

    fn beat(&mut self, number: u64) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let heard = self.cache.inner.listeners.beat(self.number, number);
            if heard { Ok(()) } else { Err(self.lost()) }
        })
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.cache.inner.listeners.leave(self.number);
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("namespace", &self.namespace)
            .field("waiting", &self.heard.len())
            .finish_non_exhaustive()
    }
}
