//! The hand in this process's memory: for tests, for a single process, and for the embedded quickstart.

mod commands;
mod counts;
mod data;
mod hold;
mod limits;
mod ports;
mod queue;
mod sessions;
mod shard;
mod steps;
mod stream;
mod structures;

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::limits::Limits;
use self::queue::Queues;
use self::sessions::Sessions;
use self::shard::Shard;
use self::stream::Listeners;
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;

const DEFAULT_CAPACITY: usize = 64 << 20;
/// A shard takes no value larger than itself, so it is made no smaller than eight times the largest value that a
/// manager caches by default.
const SMALLEST_SHARD: usize = 8 << 20;
/// A lock is held for some 100 ns: more locks than this gain nothing.
const MOST_SHARDS: usize = 16;

/// A [`Cache`](crate::Cache) in this process's memory, bounded in bytes.
///
/// It keeps the whole protocol of [`CoherentCache`](crate::CoherentCache), each step atomic for its key, and expires by
/// the [`Clock`] it was built with, as Redis does by its own: to the millisecond. What has expired is gone for every
/// caller at once; its memory is reused when the key is next touched or room is needed.
///
/// When it is full, the entry that is least worth keeping goes (quick_cache's variant of Clock-PRO, close to S3-FIFO), but
/// never a hold that is still alive: holds may carry the cache above its capacity, and it shrinks again as they end. A
/// value that is larger than 97 % of its shard is not stored, and what it was to replace is gone all the same. A shard is
/// 8 MiB at the default capacity, all there is where the capacity is below 16 MiB, and a sixteenth of a large one.
///
/// It has counters, lists, sets and hashes as Redis has them. A list, set or hash weighs what its elements do, and is
/// evicted whole, like a value; one that would outgrow 97 % of its shard is refused with
/// [`OutOfMemory`](ErrorKind::OutOfMemory) and stays as it was.
///
/// A stored value shares its buffer with the [`Bytes`](bytes::Bytes) it came in. Cheap to clone; clones share all
/// entries. It is no use to several processes that share a database: each would have its own, and none would hear of
/// the others' writes.
///
/// ```
/// use bytes::Bytes;
/// use cache_runtime::backend::MemoryCache;
/// use cache_runtime::{Cache, Namespace, Ttl};
///
/// # async fn example() -> cache_runtime::Result<()> {
/// let cache = MemoryCache::new();
/// let key = Namespace::new("shop")?.key().text("greeting").finish()?;
/// cache.set(&key, Bytes::from_static(b"hello"), Ttl::Forever).await?;
/// assert_eq!(cache.get(&key).await?, Some(Bytes::from_static(b"hello")));
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone)]
pub struct MemoryCache {
    inner: Arc<Inner>,
}

struct Inner {
    /// Never empty; the length is a power of two.
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
    clock: Arc<dyn Clock>,
    capacity: usize,
    /// Set before the shards are emptied and read under a shard's lock, so that nothing is stored after the close.
    closed: AtomicBool,
    /// Its lock may be taken under a shard's, never the other way round.
    listeners: Listeners,
    queues: Queues,
    limits: Limits,
    sessions: Sessions,
}

/// Options of a [`MemoryCache`].
#[derive(Clone, Debug)]
#[must_use]
pub struct MemoryCacheBuilder {
    capacity_bytes: usize,
    clock: Option<Arc<dyn Clock>>,
}

impl MemoryCache {
    /// A cache with the default capacity, on the system's clock.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// The same, with options.
    pub fn builder() -> MemoryCacheBuilder {
        MemoryCacheBuilder { capacity_bytes: DEFAULT_CAPACITY, clock: None }
    }

    /// Runs one step on the shard of `key`, alone with it, at one moment of the clock.
    fn at<T>(&self, key: &Key, step: impl FnOnce(&mut Shard, u64) -> T) -> Result<T> {
        let inner = &*self.inner;
        let hash = inner.hasher.hash_one(key);
        // The low bits are as good as any, and fewer than the pointer has.
        let index = usize::try_from(hash & 0xFFFF).unwrap_or(0) & (inner.shards.len() - 1);
        #[expect(clippy::indexing_slicing, reason = "masked by the length, a power of two")]
        let mut shard = lock(&inner.shards[index]);
        inner.open()?;
        Ok(step(&mut shard, inner.now()))
    }

    /// The same for a step that may fail.
    fn try_at<T>(&self, key: &Key, step: impl FnOnce(&mut Shard, u64) -> Result<T>) -> Result<T> {
        self.at(key, |shard, now| {
            let done = step(shard, now);
            shard.tried(done)
        })?
    }

    /// Runs one step on the shard of this number; `None` where there is none.
    fn within<T>(
        &self,
        number: usize,
        step: impl FnOnce(&mut Shard, u64) -> T,
    ) -> Result<Option<T>> {
        let Some(shard) = self.inner.shards.get(number) else { return Ok(None) };
        let mut shard = lock(shard);
        self.inner.open()?;
        Ok(Some(step(&mut shard, self.inner.now())))
    }

    /// Runs one step on each shard in turn.
    fn everywhere(&self, mut step: impl FnMut(&mut Shard, u64)) -> Result<()> {
        for shard in &self.inner.shards {
            let mut shard = lock(shard);
            self.inner.open()?;
            step(&mut shard, self.inner.now());
        }
        Ok(())
    }

    fn shut(&self) {
        self.inner.closed.store(true, Ordering::Release);
        for shard in &self.inner.shards {
            lock(shard).empty();
        }
        self.inner.queues.close();
        self.inner.sessions.close();
        self.inner.listeners.dismiss();
    }
}

impl Inner {
    fn open(&self) -> Result<()> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::new(ErrorKind::Closed, "the cache was closed"));
        }
        Ok(())
    }

    fn now(&self) -> u64 {
        shard::millis(self.clock.elapsed())
    }
}

/// A step that panicked leaves its shard as it was or with one entry changed: both are states it may be in.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl MemoryCacheBuilder {
    /// How many bytes the entries may take: keys, values, and 128 for the bookkeeping of each, and 64 for that of each
    /// element of a list, set or hash. 64 MiB: some 100,000
    /// rows of half a kilobyte, and little beside what a process that serves a database takes anyway. With zero
    /// nothing but holds is ever there.
    pub fn capacity_bytes(mut self, bytes: usize) -> Self {
        self.capacity_bytes = bytes;
        self
    }

    /// Where "now" comes from. The system's clock; a manual one in tests.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// The cache.
    #[must_use]
    pub fn build(self) -> MemoryCache {
        let clock = self.clock.unwrap_or_else(SystemClock::shared);
        let count = (self.capacity_bytes / SMALLEST_SHARD).clamp(1, MOST_SHARDS);
        // Down to a power of two.
        let count = 1 << count.ilog2();
        let shard = || Mutex::new(Shard::new(self.capacity_bytes / count, Arc::clone(&clock)));
        MemoryCache {
            inner: Arc::new(Inner {
                shards: (0..count).map(|_| shard()).collect(),
                hasher: RandomState::new(),
                clock,
                capacity: self.capacity_bytes,
                closed: AtomicBool::new(false),
                listeners: Listeners::default(),
                queues: Queues::default(),
                limits: Limits::default(),
                sessions: Sessions::default(),
            }),
        }
    }
}

impl Default for MemoryCache {
    fn default() -> Self {
        Self::new()
    }
}

/// Never shows keys or values.
impl fmt::Debug for MemoryCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (entries, bytes) = self.inner.shards.iter().fold((0, 0), |(entries, bytes), shard| {
            let shard = lock(shard);
            (entries + shard.entries(), bytes + shard.bytes())
        });
        f.debug_struct("MemoryCache")
            .field("entries", &entries)
            .field("bytes", &bytes)
            .field("capacity_bytes", &self.inner.capacity)
            .field("closed", &self.inner.closed.load(Ordering::Relaxed))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
