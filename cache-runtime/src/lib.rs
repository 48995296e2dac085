//! A cached repository for sqlx and Postgres, over Redis and memory, that is never stale where it promises not to be.
//!
//! Annotate a struct that has a pool and a [`CacheManager`], and get reads that go through the cache and writes that
//! invalidate exactly what they change:
//!
//! ```no_run
//! use cache_runtime::{CacheManager, CacheTransaction, Entity, cached_repository};
//! use serde::{Deserialize, Serialize};
//! use sqlx::{FromRow, PgPool};
//!
//! #[derive(Clone, Debug, Serialize, Deserialize, FromRow, Entity)]
//! #[entity(table = "cities")]
//! pub struct City {
//!     #[entity(id)]
//!     pub id: i64,
//!     pub slug: String,
//!     pub country: String,
//!     pub population: i64,
//! }
//!
//! #[cached_repository(entity = City, ttl = "15m", unique(slug), list(country))]
//! pub struct Cities {
//!     db: PgPool,
//!     cache: CacheManager,
//! }
//!
//! #[cached_repository]
//! impl Cities {
//!     #[cached(key = "largest:{limit}", ttl = "1m", tags("cities"))]
//!     pub async fn largest(&self, limit: i64) -> sqlx::Result<Vec<City>> {
//!         sqlx::query_as("SELECT * FROM cities ORDER BY population DESC LIMIT $1")
//!             .bind(limit)
//!             .fetch_all(&self.db)
//!             .await
//!     }
//!
//!     #[invalidates(id)]
//!     pub async fn grow(&self, tx: &mut CacheTransaction, id: i64, by: i64) -> sqlx::Result<()> {
//!         sqlx::query("UPDATE cities SET population = population + $2 WHERE id = $1")
//!             .bind(id)
//!             .bind(by)
//!             .execute(tx.connection())
//!             .await?;
//!         Ok(())
//!     }
//! }
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let cities = Cities {
//!     db: PgPool::connect("postgres://localhost/geo").await?,
//!     cache: CacheManager::builder("geo").redis("redis://localhost").build()?,
//! };
//! cities.verify_schema().await?;
//!
//! let paris = cities.find_by_slug("paris").await?;
//! let french = cities.list_by_country("FR", ..20).await?;
//!
//! let mut tx = cities.begin().await?;
//! cities.grow(&mut tx, 2_988_507, 1).await?;
//! tx.commit().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What is promised
//!
//! How old an answer may be is a [`Level`]: [`Bounded`](Level::Bounded) by a second unless you say otherwise, and never
//! older than this manager's own writes; [`Strong`](Level::Strong), no older than what was committed when the read began.
//! This holds for every write through a repository, or a method with `#[invalidates(…)]`, over the same namespace, and when
//! any process dies at any step; for other writes to a watched table from their delivery on. The protocol that keeps it,
//! and what is left open, is in `docs/coherence.md`.
//!
//! A getter fails only where the plain sqlx call would fail, or where too many loads wait already
//! ([`ErrorKind::Overloaded`]): a cache that is down, slow or full of rubbish is never the caller's error. Repositories therefore speak [`sqlx::Error`]; where a write was stopped by the cache and not by the
//! database, [`Error::of`] finds the reason in it.
//!
//! # By hand
//!
//! Values of one's own go through the same protocol without a repository: [`CacheManager::remember`], [`CacheManager::get`]
//! and their like, with the options of [`CacheManager::item`]. They need no Postgres.
//!
//! Everything that the macros generate stands on public types: [`Entity`], [`CachedRepository`], [`Repository`],
//! [`Within`], [`CacheTransaction`], and below them the ports [`Cache`], [`CoherentCache`] and [`DataSource`] with the
//! hands in [`backend`].
//!
//! # Cargo features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `postgres` | yes | repositories, transactions and the data source over sqlx |
//! | `macros` | yes | `#[derive(Entity)]` and `#[cached_repository]` |
//! | `redis` | yes | the Redis hand |
//! | `memory` | yes | the in-memory hand |
//! | `metrics` | no | what happens, published through the `metrics` facade: `docs/metrics.md` |
//! | `msgpack` | no | the codec MessagePack |
//! | `zstd` | no | compression by zstd, beside LZ4 |
//! | `session` | no | sessions: the module `session` |
//! | `tower-sessions` | no | a store for tower-sessions 0.15 |
//! | `config-toml`, `config-yaml` | no | configuration from files |
//! | `rate-limit` | no | rate limits, by hand and by `rate_limit(…)` |
//! | `tower` | no | a rate limit as a layer of tower, for axum |
//! | `testing` | no | the conformance suite, the faulty cache, the manual clock and the stepper |

pub mod backend;
mod clock;
#[cfg_attr(
    not(feature = "postgres"),
    allow(dead_code, reason = "only writes of rows compare values")
)]
mod codec;
pub mod entry;
mod error;
#[cfg(any(feature = "postgres", feature = "redis", test))]
mod gather;
mod key;
mod manager;
#[cfg_attr(
    not(feature = "postgres"),
    allow(dead_code, unused_imports, reason = "some of the protocol is for repositories alone")
)]
mod mind;
mod policy;
mod port;
#[cfg(feature = "postgres")]
mod postgres;
mod quota;
#[cfg(feature = "rate-limit")]
mod rate_limit;
#[cfg(feature = "postgres")]
mod repository;
#[cfg(feature = "session")]
pub mod session;
mod shape;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "postgres")]
mod transaction;

#[cfg(feature = "macros")]
pub use cache_macros::{Entity, cache_put, cached, cached_repository, invalidates};
pub use clock::{Clock, Moment, SystemClock};
pub use error::{Error, ErrorKind, Result};
pub use key::{Key, KeyBuilder, Namespace, Pattern, Prefix};
pub use manager::{
    CacheConfig, CacheManager, CacheManagerBuilder, Cached, Driver, Effects, Event, EventBus,
    EventBusBuilder, EventStats, Fresh, Guard, Health, Holding, Item, ItemKey, Items, MemoryGroup,
    MemoryReport, MemoryReportBuilder, MemoryReportProgress, Secret, Tiers,
};
#[cfg(feature = "metrics")]
pub use manager::{MetricKind, MetricName, Metrics, MetricsTask};
#[doc(hidden)]
pub use mind::Kept;
pub use mind::{
    Answer, CacheAside, Cacheable, CacheableSource, Latency, OperationStats, Optional, Origin,
    ReadThrough, RefreshAhead, Shared, StaleWhileRevalidate, Stats, Whole, WriteThrough,
};
#[cfg(feature = "postgres")]
pub use mind::{Lag, Relay, RelayBuilder, RelayStats};
pub use mind::{
    OnUnknown, Trouble, WriteBehind, WriteBehindBuilder, WriteBehindError, WriteBehindStats,
};
pub use policy::{
    At, Codec, Compression, Level, OnUnreachable, Policy, ReadAt, Remaining, Retry, Ttl,
    Volatility, parse_duration,
};
pub use port::{
    Action, BackendStats, BreakerState, Command, ConnectionHealth, Counters, Execute, FromReply,
    Hashes, Keyspace, Lists, Pipeline, Pipelines, Progress, Queued, RateLimits, Replies, Reply,
    Sets, Walk, Watched,
};
pub use port::{
    Backlog, BoxFuture, Cache, CoherentCache, DataSource, Delivery, Fill, Heard,
    InvalidationStream, LeaseOutcome, LeaseRequest, Lineage, Live, Observer, Outbox, OutboxRow,
    ReleaseOutcome, Replacement, Standing, Step, Survey, SurveyFrom, Surveyed,
};
pub use port::{
    Changed, NewSession, NotADigest, SessionBackend, SessionChange, SessionDigest, SessionSpace,
    StoredListing, StoredSession, UserDigest,
};
pub use port::{
    DeadLetter, Failed, NewWrite, Pending, QueueBacklog, QueuedWrite, Write, WriteBehindSource,
    WriteQueue,
};
#[cfg(feature = "postgres")]
pub use postgres::{
    By, Column, Entity, EntityId, Field, IndexValue, Operand, Order, PgSource, SchemaDifference,
    SchemaError, Test, migrate,
};
pub use quota::{Algorithm, Ask, LimitKey, Quota, Seat, Seats, Verdict};
#[cfg(feature = "tower")]
pub use rate_limit::tower;
#[cfg(feature = "rate-limit")]
pub use rate_limit::{
    Acquired, ConcurrencyLimit, ConcurrencyLimitBuilder, Decision, LimitStats, OnError, Permit,
    RateLimit, RateLimitBuilder, Rule,
};
#[cfg(feature = "postgres")]
pub use repository::{
    Buckets, CachedRepository, Call, CallSpec, Changing, Condition, Explanation, Index,
    Invalidation, Page, Repository, RepositoryConfig, Slot, State, TagPiece, TagTemplate, Warm,
    WarmProgress, WarmReport, Within,
};
pub use shape::Shape;
#[cfg(feature = "postgres")]
pub use transaction::{CacheTransaction, Savepoint};

#[doc(hidden)]
pub mod __private;

#[cfg(all(
    doctest,
    feature = "macros",
    feature = "redis",
    feature = "memory",
    feature = "rate-limit",
    feature = "session"
))]
#[doc = include_str!("../../README.md")]
struct Readme;

#[cfg(all(doctest, feature = "macros", feature = "redis", feature = "memory"))]
#[doc = include_str!("../../docs/migration.md")]
struct Migration;
