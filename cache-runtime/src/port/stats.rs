//! What a backend did, and how it is.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use super::BoxFuture;
use crate::error::{Error, Result};

/// A backend that can be watched.
///
/// ```
/// # async fn example() -> cache_runtime::Result<()> {
/// use bytes::Bytes;
/// use cache_runtime::{CacheManager, Ttl};
///
/// let cache = CacheManager::builder("shop").memory().build()?;
/// let key = cache.key().text("greeting").finish()?;
/// cache.backend().get(&key).await?;
/// cache.backend().set(&key, Bytes::from("hello"), Ttl::Forever).await?;
/// cache.backend().get(&key).await?;
/// let stats = cache.backend_stats().await?;
/// assert_eq!((stats.hits, stats.misses, stats.sets), (1, 1, 1));
/// assert_eq!(stats.hit_rate(), Some(0.5));
/// assert_eq!(stats.keys, Some(1));
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(example()).unwrap();
/// ```
pub trait Watched: Debug + Send + Sync + 'static {
    /// Counts and health at this moment. A server is asked for what only it knows, in one round trip; where it is away,
    /// the answer says so and goes without. It is counted in none of the counts.
    ///
    /// # Errors
    /// [`Closed`](crate::ErrorKind::Closed).
    fn backend_stats(&self) -> BoxFuture<'_, Result<BackendStats>>;

    /// How it stands with the server, as far as it is known without asking it: nothing is sent, and no round trip is
    /// told. `None` for a backend in this process.
    fn connection(&self) -> Option<ConnectionHealth> {
        None
    }
}

/// What a backend did since it was made, and how it is.
///
/// The counts are those of this process, all clones of one backend together; what the backend's keys take and lose is
/// told by the backend, for everyone who uses it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct BackendStats {
    /// Keys, and fields of hashes, that were read and there: by `get`, `get_many`, `get_live`, `take`, `hash_get`. An
    /// entry of a repository counts whatever it is: a value, a lease or a hold.
    pub hits: u64,
    /// The same, where nothing was there.
    pub misses: u64,
    /// Keys whose bytes were set: by `set`, `set_many`, `set_if_absent` where it did, and by fills that were taken.
    pub sets: u64,
    /// Keys that were removed on demand: by `delete`, `delete_many`, `take`, `delete_matching`, `sweep`, `clear`.
    pub deletes: u64,
    /// Calls that failed, and commands that failed in a pipeline; what was refused while the breaker was open included.
    pub errors: u64,
    /// Keys that stand, of **all** namespaces: in Redis those of the connection's database, in memory those of the
    /// cache, with what has expired and was not come across since. `None` where it could not be asked.
    pub keys: Option<u64>,
    /// Bytes of memory that the data takes: of the whole Redis server, all databases together; in memory keys and
    /// values with the bookkeeping of each. `None` where it could not be asked.
    pub memory_bytes: Option<u64>,
    /// How many bytes it may take before something is evicted; `None` where there is no bound, or none is known.
    pub memory_limit_bytes: Option<u64>,
    /// Keys that were evicted for lack of room: by the whole Redis server since its start. `None` where it is not
    /// known.
    pub evictions: Option<u64>,
    /// Keys whose time was over and that were removed: by the whole Redis server since its start. `None` where it is
    /// not known.
    pub expiries: Option<u64>,
    /// How it stands with the server; `None` for a backend in this process.
    pub connection: Option<ConnectionHealth>,
}

impl BackendStats {
    /// Hits among reads, from 0 to 1; `None` before the first read.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share needs no 64 bits")]
    pub fn hit_rate(&self) -> Option<f64> {
        let reads = self.hits + self.misses;
        (reads > 0).then(|| self.hits as f64 / reads as f64)
    }
}

/// How it stands with a server.
///
/// There is no pool to look into: one multiplexed connection serves all callers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectionHealth {
    /// Whether there is a connection.
    pub connected: bool,
    /// Whether calls are let through.
    pub breaker: BreakerState,
    /// Since when the breaker is in that state.
    pub since: Instant,
    /// Connections that were opened after the first one.
    pub reconnects: u64,
    /// How often a read was sent again because the connection broke under it.
    pub retried: u64,
    /// How long the server took to answer the question for these figures; `None` where it did not.
    pub round_trip: Option<Duration>,
    /// What went wrong with the connection last, also long ago; `None` where nothing ever did.
    pub last_error: Option<Error>,
}

impl ConnectionHealth {
    /// A connection that stands, to be changed by who knows better.
    #[must_use]
    pub fn new(connected: bool, breaker: BreakerState, since: Instant) -> Self {
        Self {
            connected,
            breaker,
            since,
            reconnects: 0,
            retried: 0,
            round_trip: None,
            last_error: None,
        }
    }
}

/// Whether calls are let through to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BreakerState {
    /// They are.
    Closed,
    /// They fail at once; the next probe is due soon.
    Open,
    /// They fail at once; a probe is out.
    HalfOpen,
}
