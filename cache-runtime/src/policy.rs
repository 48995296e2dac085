//! How long, how large, how patient: the words in which a repository's behaviour is set.

mod compression;
mod duration;
mod level;
mod retry;
mod volatility;

use std::time::Duration;

pub use compression::Compression;
pub use duration::parse_duration;
pub(crate) use level::Loading;
pub use level::{At, Level, ReadAt};
pub use retry::Retry;
pub use volatility::Volatility;

/// How long an entry lives.
///
/// Zero stores nothing, and removes what was there; anything above [`Ttl::MAX`] counts as [`Ttl::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ttl {
    /// Until it is removed.
    Forever,
    /// For this long.
    After(Duration),
}

impl Ttl {
    /// The longest finite lifetime, ten years: far beyond use, and far below where servers overflow.
    pub const MAX: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

    /// Milliseconds to live: `None` is forever, `Some(0)` is "store nothing". A finite lifetime below a millisecond is
    /// one millisecond.
    #[must_use]
    pub fn millis(self) -> Option<u64> {
        match self {
            Self::Forever => None,
            Self::After(Duration::ZERO) => Some(0),
            Self::After(time) => {
                let millis = time.min(Self::MAX).as_millis();
                Some(u64::try_from(millis).unwrap_or(u64::MAX).max(1))
            }
        }
    }

    /// Whether nothing is to be stored.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.millis() == Some(0)
    }

    /// This lifetime moved by a random share of up to `spread` in either direction, so that entries that were filled
    /// together do not expire together. A zero lifetime stays zero, forever stays forever.
    #[must_use]
    pub fn jittered(self, spread: f64) -> Self {
        match self {
            Self::After(time) if !time.is_zero() && spread > 0.0 => {
                let share = 1.0 + spread.min(1.0) * (2.0 * fastrand::f64() - 1.0);
                let moved = time.min(Self::MAX).mul_f64(share.max(0.0));
                Self::After(moved.max(Duration::from_millis(1)))
            }
            other => other,
        }
    }
}

impl From<Duration> for Ttl {
    fn from(time: Duration) -> Self {
        Self::After(time)
    }
}

/// What is left of a key's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remaining {
    /// There is no such key.
    NoKey,
    /// The key does not expire.
    Forever,
    /// The key expires after this long.
    Left(Duration),
}

impl From<Ttl> for Remaining {
    fn from(ttl: Ttl) -> Self {
        match ttl {
            Ttl::Forever => Self::Forever,
            Ttl::After(time) => Self::Left(time),
        }
    }
}

/// How values are written.
///
/// The entry says which codec wrote it, so a change of codec in a rolling deploy needs no flush.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Codec {
    /// Postcard: compact, and some five times faster to decode than JSON. A value that
    /// does not survive it (`serde(flatten)`, `untagged`, `skip_serializing_if`, a JSON value) is written as JSON.
    #[default]
    Postcard,
    /// JSON: larger and slower, readable with `redis-cli` where it is not [compressed](Compression).
    Json,
    /// MessagePack with the names of fields: carries what JSON carries, not-a-number too, in less room and half to a
    /// third of the time; readable in any language. A value that does not survive it is written as JSON.
    #[cfg(feature = "msgpack")]
    MessagePack,
}

/// What a write does when the keys that it changes cannot be held because the cache is out of reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnUnreachable {
    /// The keys are written to the outbox in the write's own transaction, and a relay removes them from the cache when
    /// it is in reach again. The default: writes go on while the cache is away. It needs a relay in this process,
    /// [`CacheManager::relay`](crate::CacheManager::relay); without one it is as `Reject`.
    #[default]
    Outbox,
    /// The write is rolled back and fails with [`ErrorKind::HoldNotPlaced`](crate::ErrorKind::HoldNotPlaced): no reader
    /// ever sees an old value, at the price that writes need the cache.
    Reject,
    /// The write commits, and the log names the keys that may be old until their TTL. For data where a failed write
    /// is worse than an old read.
    Proceed,
}

/// Everything that a manager decides for the repositories under it; a repository or a cached method may override its
/// TTLs, its codec, its level and what may be served after a TTL.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Policy {
    /// How long a value lives. 15 minutes: long enough that a warm cache stays warm, short enough that an entry that
    /// nobody asks for any more does not stay.
    pub ttl: Ttl,
    /// How long a cached "there is no such row" lives. One minute: it protects the database from repeated look-ups of
    /// what is not there, and such look-ups are rarely for keys that are worth memory for longer.
    pub negative_ttl: Ttl,
    /// The share by which each entry's TTL is moved at random, either way. 0.1.
    pub jitter: f64,
    /// How values are written. Postcard.
    pub codec: Codec,
    /// How values are made smaller. LZ4.
    pub compression: Compression,
    /// The size in bytes above which an encoded value is compressed. 2 KiB: of less, LZ4 saves less than a kilobyte
    /// (measured: 1 KiB of JSON comes to 580 bytes), which is no packet less on the way, as two hold all of it anyway;
    /// and rows, which are mostly smaller, cost nothing.
    pub compress_above: usize,
    /// The largest value that is cached, in bytes as it is written, encoded and compressed; a larger one is returned but
    /// not cached, and counted. 1 MiB: Redis serves one command at a time, and a larger reply holds up everyone else's.
    pub max_value_bytes: usize,
    /// The largest size that a compressed value may claim to unpack to, in bytes. A larger one is not written, and one
    /// that is found is a miss before a byte is allocated for it. Eight times
    /// [`max_value_bytes`](Self::max_value_bytes): what LZ4 packs tighter than that is mostly empty.
    pub max_unpacked_bytes: usize,
    /// How long a lease lives: a load that takes longer is returned but not cached. 10 seconds.
    pub lease_ttl: Duration,
    /// How long a reader waits for another process that is loading the same key, before it loads for itself without
    /// filling. One second.
    pub lease_wait: Duration,
    /// How long a hold lives when its writer dies: until then, readers of the key go to the database. 30 seconds,
    /// longer than a commit ever takes; a writer that needs longer renews it.
    pub hold_ttl: Duration,
    /// What a write does when its keys cannot be held. Outbox.
    pub on_unreachable: OnUnreachable,
    /// Whether every write leaves its keys in the outbox, also where they were held: it closes a
    /// double fault, a writer that dies between commit and release at the moment at which Redis loses its hold. Off: it costs a row a write,
    /// and a miss after it.
    pub always_outbox: bool,
    /// How old an answer may be. Bounded by one second.
    pub level: Level,
    /// Entries in the tier in the process, at most. 100,000.
    pub tier_entries: usize,
    /// Bytes of the tier in the process, at most: of each entry the length of its value as it is encoded, unpacked, and 64 for
    /// what stands beside it; keys are not kept, only their hashes. 64 MiB. A decoded value may take more than its encoding,
    /// and is weighed by that all the same. What stands beside the values, some 64 bytes for each of
    /// [`tier_entries`](Self::tier_entries) that this has room for, is taken once, when the tier is first used. What was invalidated
    /// keeps its memory until another entry wants its place.
    pub tier_bytes: usize,
    /// Loads from the database that run at once, for all repositories together. 64: more than a pool has connections,
    /// and far from what a server falls over under.
    pub max_loads: usize,
    /// Loads that wait for their turn, at most; one more fails with
    /// [`Overloaded`](crate::ErrorKind::Overloaded). 4096.
    pub max_waiting_loads: usize,
    /// For how long after its TTL a value may be served when the database fails; never one that a write has invalidated.
    /// Zero: never.
    pub stale_on_error: Duration,
    /// How readily a value is renewed ahead of its TTL, while its readers go on being served: beta of XFetch (Vattani,
    /// Chierichetti, Lowenstein, "Optimal Probabilistic Cache Stampede Prevention", PVLDB 8(8), 2015). Each reader draws,
    /// and is the likelier to renew it the nearer the TTL is and the longer the load took: on average beta times that
    /// ahead, for one reader. 1.0 is what the paper proves optimal, and good for nearly all; more renews earlier. Zero:
    /// never. This and the next are of rows, look-ups, cached methods and strategies: an item's load comes with the call
    /// alone, so items are not renewed while they are served.
    pub refresh_ahead: f64,
    /// For how long after its TTL a value is served while one reader of one process renews it; never one that a write has
    /// invalidated. What nobody tells the cache of is then seen so much later. Zero: never.
    pub stale_while_revalidate: Duration,
    /// After how long a load is not waited for any longer where there is an expired value to serve in its place (see
    /// [`stale_on_error`](Self::stale_on_error)); the load goes on. Zero: it is always waited for.
    pub soft_timeout: Duration,
}

impl Policy {
    /// How many times [`max_value_bytes`](Self::max_value_bytes) a value may unpack to, where nothing is said.
    pub(crate) const UNPACKED: usize = 8;
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            ttl: Ttl::After(Duration::from_secs(15 * 60)),
            negative_ttl: Ttl::After(Duration::from_secs(60)),
            jitter: 0.1,
            codec: Codec::default(),
            compression: Compression::default(),
            compress_above: 2 << 10,
            max_value_bytes: 1 << 20,
            max_unpacked_bytes: Self::UNPACKED << 20,
            lease_ttl: Duration::from_secs(10),
            lease_wait: Duration::from_secs(1),
            hold_ttl: Duration::from_secs(30),
            on_unreachable: OnUnreachable::default(),
            always_outbox: false,
            level: Level::default(),
            tier_entries: 100_000,
            tier_bytes: 64 << 20,
            max_loads: 64,
            max_waiting_loads: 4096,
            stale_on_error: Duration::ZERO,
            refresh_ahead: 0.0,
            stale_while_revalidate: Duration::ZERO,
            soft_timeout: Duration::ZERO,
        }
    }
}
