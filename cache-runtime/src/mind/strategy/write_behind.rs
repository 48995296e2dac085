//! Write-behind: a write is acknowledged once it is in a durable queue, and a worker brings it to the source.

mod batch;
mod builder;
mod cached;
mod error;
mod listed;
mod stats;
mod wire;
mod work;

use std::fmt;
use std::slice::from_ref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use self::builder::Options;
pub use self::builder::{OnUnknown, WriteBehindBuilder};
use self::cached::Cached;
pub use self::error::WriteBehindError;
pub(crate) use self::listed::Behinds;
use self::stats::Tally;
pub use self::stats::{Trouble, WriteBehindStats};
use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;
use crate::mind::context::Context;
use crate::port::{DeadLetter, NewWrite, Pending, QueueBacklog, WriteBehindSource, WriteQueue};

/// Between two looks of a flush.
const LOOK: Duration = Duration::from_millis(5);

/// Writes that are acknowledged at once and reach their source later, in batches, the last of each key.
///
/// A write is acknowledged when it is in the queue, in one atomic step with the value that readers see from then on. On
/// Redis that is as durable as its persistence: a process may die at any step, and nothing that was acknowledged is lost,
/// but a Redis that loses its data takes with it what was not in the source yet. `docs/write-behind.md` says what is
/// promised and what is not.
///
/// Reads must come this way too: who asks the source sees only what has arrived there.
///
/// ```
/// # #[cfg(feature = "memory")] mod example {
/// # use std::collections::HashMap;
/// # use std::sync::Mutex;
/// use cache_runtime::{CacheManager, DataSource, Write, WriteBehind, WriteBehindSource};
///
/// /// What was written under which version; `None` was deleted.
/// #[derive(Default)]
/// struct Scores(Mutex<HashMap<u32, (u64, Option<i64>)>>);
///
/// impl DataSource for Scores {
///     type Key = u32;
///     type Value = i64;
///     type Error = std::io::Error;
///
///     async fn load(&self, key: &u32) -> std::io::Result<Option<i64>> {
///         Ok(self.0.lock().unwrap().get(key).and_then(|(_, points)| *points))
///     }
/// #   async fn load_many(&self, keys: &[u32]) -> std::io::Result<Vec<Option<i64>>> {
/// #       let scores = self.0.lock().unwrap();
/// #       Ok(keys.iter().map(|key| scores.get(key).and_then(|(_, points)| *points)).collect())
/// #   }
/// #   async fn store(&self, _: &i64) -> std::io::Result<i64> { Err(std::io::ErrorKind::Unsupported.into()) }
/// #   async fn delete(&self, _: &u32) -> std::io::Result<bool> { Err(std::io::ErrorKind::Unsupported.into()) }
/// }
///
/// impl WriteBehindSource for Scores {
///     async fn apply(&self, _: &str, writes: &[Write<u32, i64>]) -> std::io::Result<()> {
///         let mut scores = self.0.lock().unwrap();
///         for write in writes {
///             let there = scores.entry(write.key).or_default();
///             if there.0 < write.version {
///                 *there = (write.version, write.value);
///             }
///         }
///         Ok(())
///     }
///
///     fn is_away(&self, _: &std::io::Error) -> bool {
///         true
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # pub async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let cache = CacheManager::builder("game").memory().build()?;
/// let scores = WriteBehind::builder(&cache, "scores", Scores::default()).spawn()?;
///
/// scores.put(&7, &1200).await?; // acknowledged
/// assert_eq!(scores.get(&7).await?.as_deref(), Some(&1200)); // seen by everybody who reads here
/// scores.flush().await?; // in the source
/// scores.stop().await;
/// # Ok(())
/// # }
/// # }
/// # #[cfg(feature = "memory")] example::main().unwrap();
/// ```
///
/// Cheap to clone. When the last clone is dropped its worker stops after the batch that it is at.
pub struct WriteBehind<S: WriteBehindSource> {
    inner: Arc<Inner<S>>,
}

struct Inner<S: WriteBehindSource> {
    shared: Arc<Shared<S>>,
    worker: Mutex<Option<Worker>>,
}

struct Worker {
    stop: watch::Sender<()>,
    task: JoinHandle<()>,
}

/// What callers and the worker share.
struct Shared<S: WriteBehindSource> {
    context: Arc<Context>,
    queue: Arc<dyn WriteQueue>,
    source: Arc<S>,
    name: String,
    /// What the queue, and the head of every key, is called.
    key: Key,
    cached: Cached<S::Value>,
    options: Options,
    tally: Arc<Tally>,
    /// Something was written here, or somebody waits for what was.
    poke: Notify,
    /// How many flushes wait.
    hurried: AtomicUsize,
}

impl<S: WriteBehindSource> WriteBehind<S> {
    fn new(shared: Arc<Shared<S>>, worker: Option<Worker>) -> Self {
        Self { inner: Arc::new(Inner { shared, worker: Mutex::new(worker) }) }
    }

    /// Writes `value` under `key`: acknowledged when this answers, and seen by every [`get`](Self::get) from then on.
    /// Answers with the version of the write.
    ///
    /// # Errors
    /// [`QueueFull`](ErrorKind::QueueFull), at once; nothing was written. [`Codec`](ErrorKind::Codec) for a key or a value
    /// that cannot be written as JSON and read back, or that is above the policy's `max_value_bytes`. [`Config`](ErrorKind::Config)
    /// for a row under a key that is not its id, or what else the source [refuses](WriteBehindSource::refusal). And what keeps the
    /// queue from answering: the write may then have been taken all the same, as after any call over a network whose
    /// answer is lost. To write it again is harmless.
    pub async fn put(&self, key: &S::Key, value: &S::Value) -> Result<u64> {
        self.write(key, Some(value)).await
    }

    /// Deletes what is under `key`: acknowledged when this answers. It is a write like any other.
    ///
    /// # Errors
    /// Those of [`put`](Self::put).
    pub async fn delete(&self, key: &S::Key) -> Result<u64> {
        self.write(key, None).await
    }

    async fn write(&self, key: &S::Key, value: Option<&S::Value>) -> Result<u64> {
        let shared = &*self.inner.shared;
        if let Some(why) = value.and_then(|value| shared.source.refusal(key, value)) {
            return Err(Error::new(ErrorKind::Config, why));
        }
        let most = shared.context.policy.max_value_bytes;
        let write = NewWrite {
            key: shared.key_of(key)?,
            id: wire::encode(key, "key", most)?,
            value: value.map(|value| wire::encode(value, "value", most)).transpose()?,
        };
        match shared.queue.enqueue(&write, shared.options.bound).await {
            Ok(version) => {
                shared.tally.add(|stats| stats.accepted += 1);
                shared.poke.notify_one();
                Ok(version)
            }
            Err(error) => {
                if error.kind() == ErrorKind::QueueFull {
                    shared.tally.add(|stats| stats.refused += 1);
                }
                Err(error)
            }
        }
    }

    /// What is under `key`: the last acknowledged write, whether it is in the source yet or not.
    ///
    /// # Errors
    /// [`WriteBehindError::Queue`] where the queue cannot say whether a write waits: to answer from the source then might
    /// take an acknowledged write back. See [`OnUnknown`]. [`WriteBehindError::Source`] where the source fails.
    pub async fn get(
        &self,
        key: &S::Key,
    ) -> Result<Option<Arc<S::Value>>, WriteBehindError<S::Error>> {
        let shared = &*self.inner.shared;
        let name = shared.key_of(key).map_err(WriteBehindError::Queue)?;
        match shared.queue.pending(from_ref(&name)).await.map(|mut found| found.pop()) {
            Ok(Some(Pending::Value(value))) => {
                let value = wire::decode(&value, "value").map_err(WriteBehindError::Queue)?;
                return Ok(Some(Arc::new(value)));
            }
            Ok(Some(Pending::Deleted)) => return Ok(None),
            Ok(Some(Pending::Nothing) | None) => {}
            Ok(Some(Pending::Lost)) => {
                tracing::error!(
                    key = %name,
                    "an acknowledged write was lost: the server has evicted or lost a part of the queue of a write-behind"
                );
                shared.tally.add(|stats| stats.lost += 1);
            }
            Err(error) if shared.options.on_unknown == OnUnknown::Fail => {
                return Err(WriteBehindError::Queue(error));
            }
            Err(error) => {
                shared.context.complain("asking whether a write waits", &error);
            }
        }
        let read = if S::OWN_CACHE {
            shared.source.read(key).await
        } else {
            shared.cached.read(&shared.context, name, || shared.source.load(key)).await
        };
        read.map_err(WriteBehindError::Source)
    }

    /// Waits until all that was acknowledged before this call is in the source, or has become a dead letter. It takes as
    /// long as that takes: while the source is away, or no worker of the queue is alive anywhere, for ever.
    ///
    /// # Errors
    /// What keeps the queue from answering.
    pub async fn flush(&self) -> Result<()> {
        let shared = &*self.inner.shared;
        let head = shared.queue.head().await?;
        let _hurry = Hurry::begin(&shared.hurried);
        while shared.queue.waits(head).await? {
            shared.poke.notify_one();
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Stops the worker after the batch that it is at, and gives back what it has taken and not applied; writes are still
    /// acknowledged, and wait for another worker. Call [`flush`](Self::flush) before where nothing is to be left.
    pub async fn stop(&self) {
        let worker = self.inner.worker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(worker) = worker {
            let _ = worker.stop.send(());
            // A worker that panicked has stopped as well.
            let _ = worker.task.await;
        }
    }

    /// What this process has done so far.
    #[must_use]
    pub fn stats(&self) -> WriteBehindStats {
        self.inner.shared.tally.snapshot()
    }

    /// How much waits, for how long, and how many dead letters there are: of the whole queue, whoever wrote it.
    ///
    /// # Errors
    /// What keeps the queue from answering.
    pub async fn backlog(&self) -> Result<QueueBacklog> {
        self.inner.shared.queue.backlog().await
    }

    /// Writes that the source has refused too often, the oldest first, `most` of them at most. Keys and values are JSON.
    ///
    /// # Errors
    /// What keeps the queue from answering.
    pub async fn dead_letters(&self, most: usize) -> Result<Vec<DeadLetter>> {
        self.inner.shared.queue.dead_letters(most).await
    }

    /// Puts a dead letter back into the queue, with all its tries before it. It keeps its version: where its key was
    /// written again meanwhile, it changes nothing. Readers see it once it is in the source. Says whether it was there.
    ///
    /// # Errors
    /// What keeps the queue from answering.
    pub async fn retry(&self, letter: &DeadLetter) -> Result<bool> {
        let there = self.inner.shared.queue.retry(&letter.letter).await?;
        self.inner.shared.poke.notify_one();
        Ok(there)
    }

    /// Removes a dead letter for good: an acknowledged write that will never be in the source. Says whether it was there.
    ///
    /// # Errors
    /// What keeps the queue from answering.
    pub async fn discard(&self, letter: &DeadLetter) -> Result<bool> {
        self.inner.shared.queue.discard(&letter.letter).await
    }

    /// The source.
    #[must_use]
    pub fn source(&self) -> &S {
        &self.inner.shared.source
    }
}

impl<S: WriteBehindSource> Shared<S> {
    fn key_of(&self, key: &S::Key) -> Result<Key> {
        self.context.namespace.key().text("behind").value(&self.name).value(key).finish()
    }
}

impl<S: WriteBehindSource> Clone for WriteBehind<S> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<S: WriteBehindSource> fmt::Debug for WriteBehind<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteBehind")
            .field("queue", &self.inner.shared.queue)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

/// Counts down also where the flush is dropped.
struct Hurry<'h>(&'h AtomicUsize);

impl<'h> Hurry<'h> {
    fn begin(count: &'h AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Hurry<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn away(message: String) -> Error {
    Error::new(ErrorKind::Backend, message)
}

#[cfg(all(test, feature = "memory", feature = "testing"))]
mod tests;
