//! The keys of a namespace that a pattern matches.

use std::fmt::{self, Debug};
use std::ops::AddAssign;

use super::BoxFuture;
use crate::error::Result;
use crate::key::{Key, Pattern};

/// Listing and removing keys by [`Pattern`], piece by piece, so that nobody else waits for long.
///
/// A pattern is of one namespace and never matches a key of another. What is set or removed while a walk goes on may be
/// met or not; what stands all the time is met.
///
/// ```
/// # async fn example() -> cache_runtime::Result<()> {
/// use bytes::Bytes;
/// use cache_runtime::{CacheManager, Ttl, Walk};
///
/// let cache = CacheManager::builder("shop").memory().build()?;
/// for day in ["2026-01-30", "2026-01-31", "2026-02-01"] {
///     let key = cache.key().text("report").value(day).finish()?;
///     cache.backend().set(&key, Bytes::from("…"), Ttl::Forever).await?;
/// }
/// let january = cache.pattern("report:=2026-01-*")?;
/// assert_eq!(cache.keyspace().keys_matching(&january, Walk::new()).await?.len(), 2);
///
/// let mut removed = 0;
/// let walk = Walk::new().batch(100).on_progress(|progress| removed = progress.removed);
/// assert_eq!(cache.delete_matching(&january, walk).await?, 2);
/// assert_eq!(removed, 2);
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(example()).unwrap();
/// ```
pub trait Keyspace: Debug + Send + Sync + 'static {
    /// The keys that match, each once, in no order. They are all in memory at the end.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering.
    fn keys_matching<'a>(
        &'a self,
        pattern: &'a Pattern,
        walk: Walk<'a>,
    ) -> BoxFuture<'a, Result<Vec<Key>>>;

    /// Removes what stands at the keys that match, of whatever type, but for writers' holds that are alive; says how
    /// many it removed.
    ///
    /// Announces [`Everything`](crate::Heard::Everything) on the stream of invalidations before and after, so that what
    /// is kept of these keys elsewhere goes too: with it goes everything else that is kept in the processes of the
    /// namespace, to be read from the backend again. Dropped before it is done, it leaves the rest of the keys.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering; some of the keys may then be gone.
    fn delete_matching<'a>(
        &'a self,
        pattern: &'a Pattern,
        walk: Walk<'a>,
    ) -> BoxFuture<'a, Result<u64>>;
}

/// How a walk through the keys goes.
#[must_use]
#[derive(Default)]
pub struct Walk<'a> {
    batch: Option<usize>,
    progress: Option<Box<dyn FnMut(Progress) + Send + 'a>>,
}

/// How far a walk has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Keys that were looked at, those that do not match and those of other namespaces included. On Redis it is
    /// estimated, from the batches.
    pub scanned: u64,
    /// Keys that matched. One that a server lists twice counts twice.
    pub matched: u64,
    /// Keys that were removed.
    pub removed: u64,
}

impl<'a> Walk<'a> {
    /// Keys that are looked at in one go unless it is said otherwise: they keep a server for some hundred microseconds.
    pub const BATCH: usize = 500;
    /// The largest batch, 10,000 keys: more of them would keep a server from everyone else for milliseconds.
    pub const LARGEST_BATCH: usize = 10_000;

    /// A walk with the default batch, of which nobody is told.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many keys are looked at in one go: 500 unless it is said otherwise, at least one, at most
    /// [`LARGEST_BATCH`](Self::LARGEST_BATCH). A larger batch ends sooner and lets others wait for longer.
    pub fn batch(mut self, keys: usize) -> Self {
        self.batch = Some(keys.clamp(1, Self::LARGEST_BATCH));
        self
    }

    /// Who is told of the progress, after each batch. Dropping the walk's future stops it.
    pub fn on_progress(mut self, progress: impl FnMut(Progress) + Send + 'a) -> Self {
        self.progress = Some(Box::new(progress));
        self
    }

    /// The size of a batch that is in force, for who implements a [`Keyspace`].
    #[must_use]
    pub fn batch_size(&self) -> usize {
        self.batch.unwrap_or(Self::BATCH)
    }

    /// Tells of the progress, for who implements a [`Keyspace`].
    pub fn tell(&mut self, progress: Progress) {
        if let Some(tell) = &mut self.progress {
            tell(progress);
        }
    }
}

impl Progress {
    /// That of one batch, for who implements a [`Keyspace`].
    #[must_use]
    pub fn new(scanned: u64, matched: u64, removed: u64) -> Self {
        Self { scanned, matched, removed }
    }
}

/// One batch more.
impl AddAssign for Progress {
    fn add_assign(&mut self, batch: Self) {
        self.scanned += batch.scanned;
        self.matched += batch.matched;
        self.removed += batch.removed;
    }
}

impl fmt::Debug for Walk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Walk").field("batch", &self.batch_size()).finish_non_exhaustive()
    }
}
