//! The cache of one application: a backend, a namespace, a policy.

mod behind;
mod builder;
mod config;
mod events;
mod health;
mod items;
#[cfg(all(feature = "postgres", feature = "session"))]
mod kept;
#[cfg(feature = "rate-limit")]
mod limits;
#[cfg(feature = "metrics")]
mod metrics;
mod ports;
mod report;
mod strategies;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

#[cfg(feature = "metrics")]
pub use self::metrics::{MetricKind, MetricName, Metrics, MetricsTask};
pub use builder::CacheManagerBuilder;
pub use config::{CacheConfig, Driver, Secret};
#[cfg(feature = "postgres")]
pub(crate) use events::Target;
pub use events::{Effects, Event, EventBus, EventBusBuilder, EventStats};
pub use health::Health;
pub use items::{Cached, Fresh, Guard, Holding, Item, ItemKey, Items, Tiers};
use items::{Failures, Shelf};
pub use report::{MemoryGroup, MemoryReport, MemoryReportBuilder, MemoryReportProgress};

use crate::error::Result;
use crate::key::{Key, KeyBuilder, Namespace};
#[cfg(feature = "postgres")]
use crate::mind::RelayBuilder;
use crate::mind::{AllCounters, Context, OperationStats, Stats};
use crate::policy::Policy;
use crate::port::CoherentCache;
#[cfg(feature = "postgres")]
use crate::port::Outbox;
#[cfg(feature = "postgres")]
use crate::postgres::PgOutbox;
#[cfg(feature = "postgres")]
use crate::repository::Registry;
#[cfg(feature = "postgres")]
use crate::transaction::CacheTransaction;

/// A backend, a namespace and a policy, shared by all repositories of an application. Cheap to clone.
///
/// One namespace belongs to one database: repositories of two databases under one namespace would take each other's
/// rows for their own.
///
/// ```
/// use std::time::Duration;
/// use cache_runtime::CacheManager;
///
/// # #[cfg(feature = "redis")]
/// # fn example() -> cache_runtime::Result<()> {
/// let cache = CacheManager::builder("shop")
///     .redis("redis://127.0.0.1:6379")
///     .ttl(Duration::from_secs(600))
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct CacheManager(Arc<Inner>);

struct Inner {
    context: Arc<Context>,
    /// What items share.
    shelf: Shelf,
    #[cfg(feature = "postgres")]
    registry: Registry,
    /// The limits that generated code has asked for.
    #[cfg(feature = "rate-limit")]
    limits: crate::rate_limit::Registry,
    #[cfg(all(feature = "postgres", feature = "session"))]
    kept: std::sync::OnceLock<kept::Shared>,
}

impl CacheManager {
    /// Begins a manager for the application of this name: its keys stand apart from everyone else's.
    pub fn builder(namespace: &str) -> CacheManagerBuilder {
        CacheManagerBuilder::new(namespace)
    }

    /// A manager from the environment, by the variables of [`CacheConfig`]; in the namespace of this name where
    /// `CACHE_NAMESPACE` is not set. A server has to be given: `REDIS_URL`, `REDIS_ADDR` or `REDIS_HOST`.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config), which names the variable.
    pub fn from_env(namespace: &str) -> Result<Self> {
        let here = CacheConfig { namespace: Some(namespace.to_owned()), ..CacheConfig::default() };
        here.overridden_by(CacheConfig::from_env()?).build()
    }

    /// A manager from a file, TOML or YAML by the end of its name, and the environment over it: what
    /// [`CacheConfig::from_file`] and [`CacheConfig::from_env`] say.
    ///
    /// ```no_run
    /// # fn example() -> cache_runtime::Result<()> {
    /// let cache = cache_runtime::CacheManager::from_file("config/cache.yaml")?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config), which names the file, the line and the option, or the variable.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let config = CacheConfig::from_file(path)?.overridden_by(CacheConfig::from_env()?);
        let place = format!("{}, with the environment over it", path.display());
        config.build().map_err(|error| error.within(&place))
    }

    /// Makes a manager with the state it needs, out of what the builder has.
    fn with_context(context: Context, failures: Failures) -> Self {
        Self(Arc::new(Inner {
            context: Arc::new(context),
            shelf: Shelf::new(failures),
            #[cfg(feature = "postgres")]
            registry: Registry::default(),
            #[cfg(feature = "rate-limit")]
            limits: crate::rate_limit::Registry::default(),
            #[cfg(all(feature = "postgres", feature = "session"))]
            kept: std::sync::OnceLock::new(),
        }))
    }

    /// The namespace of all keys.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        &self.0.context.namespace
    }

    /// Begins a key in this manager's namespace, for values of one's own.
    #[must_use]
    pub fn key(&self) -> KeyBuilder {
        self.namespace().key()
    }

    /// The backend, for values of one's own.
    #[must_use]
    pub fn backend(&self) -> &Arc<dyn CoherentCache> {
        &self.0.context.cache
    }

    /// What is in force.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.0.context.policy
    }

    /// Asks the backend for a sign of life.
    ///
    /// # Errors
    /// What keeps it from answering.
    pub async fn ping(&self) -> Result<()> {
        self.backend().ping().await
    }

    /// Makes every value that was loaded under one of these tags a miss. Takes effect at once, whatever the number of
    /// values. For changes that a transaction makes use `#[invalidates(tags(…))]`, which is exact about the commit.
    ///
    /// # Errors
    /// What keeps the backend from answering; the values may then still be served.
    pub async fn invalidate_tags<T: AsRef<str>>(&self, tags: &[T]) -> Result<()> {
        let keys = tags.iter().map(|tag| self.tag_key(tag.as_ref())).collect::<Result<Vec<_>>>()?;
        self.0.context.remove(&keys).await
    }

    /// The key of a tag's stamp.
    fn tag_key(&self, tag: &str) -> Result<Key> {
        self.namespace().tag().text(tag).finish()
    }

    /// Empties the cache while it is in use: every value and lease of the namespace goes, and writers' holds stay. What
    /// is loaded from now on is cached as ever. Says how many keys it removed.
    ///
    /// # Errors
    /// What keeps the backend from answering; some keys may then be gone.
    pub async fn sweep(&self) -> Result<u64> {
        let outcome = self.backend().sweep(&self.namespace().whole()).await;
        self.0.context.forget_everything();
        outcome
    }

    /// Removes every key of the namespace, and nothing else. Writers' holds go, too: not for use while writes are
    /// under way, for which [`sweep`](Self::sweep) is.
    ///
    /// # Errors
    /// What keeps the backend from answering; some keys may then be gone.
    pub async fn clear(&self) -> Result<u64> {
        let outcome = self.backend().clear(self.namespace()).await;
        self.0.context.forget_everything();
        outcome
    }

    /// Begins a report on what the keys of the namespace take in the backend, whose they are, and which never expire.
    ///
    /// ```
    /// # async fn example(cache: cache_runtime::CacheManager) -> cache_runtime::Result<()> {
    /// let report = cache.memory_report().sample(10).run().await?;
    /// println!("{report}");
    /// # Ok(())
    /// # }
    /// ```
    pub fn memory_report(&self) -> MemoryReportBuilder {
        MemoryReportBuilder::new(&self.0.context)
    }

    /// What all repositories did, and what was done with items and with the values of write-behinds, added up.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.counted().iter().fold(Stats::default(), |mut sum, counters| {
            sum += counters.total();
            sum
        })
    }

    /// What each operation of each repository did, and what was done with items, once something was, and with the values
    /// that write-behinds keep in the cache.
    #[must_use]
    pub fn stats_by_operation(&self) -> Vec<OperationStats> {
        self.counted().iter().flat_map(|counters| counters.by_operation()).collect()
    }

    /// Everything that counts.
    fn counted(&self) -> Vec<Arc<AllCounters>> {
        #[cfg(feature = "postgres")]
        let repositories = self.0.registry.counters().into_iter().map(|(_, counters)| counters);
        #[cfg(not(feature = "postgres"))]
        let repositories = std::iter::empty();
        let items = self.0.shelf.all();
        let items = (items.total() != Stats::default()).then(|| Arc::clone(items));
        repositories.chain(items).chain(self.0.context.beside.each()).collect()
    }

    /// Waits until every commit, fill and release that is under way is done, those included whose callers have gone:
    /// before a service ends, so that no hold of its last writes has to run out by itself. It takes no longer than the
    /// cache's timeouts and the database's answers to the commits; and where releases have failed, because the cache is
    /// away, two seconds more, in which each of them is tried again. What could not be released by then runs out by
    /// itself, after `hold_ttl`.
    pub async fn drain(&self) {
        self.0.context.tasks.drained().await;
    }

    /// Lets go of the backend's connections. Reads go to the database from then on, and writes fail or proceed as the
    /// policy says.
    ///
    /// # Errors
    /// What keeps the backend from closing in order.
    pub async fn close(&self) -> Result<()> {
        self.backend().close().await
    }
}

#[cfg(feature = "postgres")]
impl CacheManager {
    /// Begins a transaction in which any repository of this database takes part: [`CacheTransaction::begin`].
    ///
    /// # Errors
    /// Those of sqlx.
    pub async fn begin(&self, pool: &sqlx::PgPool) -> sqlx::Result<CacheTransaction> {
        CacheTransaction::begin(pool).await
    }

    /// Begins a relay: it takes what waits in the outbox of this database out of the cache. Every process that may read
    /// or write while the cache is out of reach needs one; it stops when it is dropped. [`migrate`](crate::migrate)
    /// makes the outbox.
    ///
    /// ```no_run
    /// # async fn example(cache: cache_runtime::CacheManager, pool: sqlx::PgPool) -> cache_runtime::Result<()> {
    /// cache_runtime::migrate(&pool).await?;
    /// let relay = cache.relay(&pool).spawn()?;
    /// // … serve …
    /// relay.stop().await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn relay(&self, pool: &sqlx::PgPool) -> RelayBuilder {
        self.relay_of(Arc::new(PgOutbox::new(pool, self.namespace())))
    }

    /// The same for an outbox of one's own.
    pub fn relay_of(&self, outbox: Arc<dyn Outbox>) -> RelayBuilder {
        RelayBuilder::new(self.context(), outbox)
    }

    /// What each repository did, by its name.
    #[must_use]
    pub fn stats_by_repository(&self) -> Vec<(&'static str, Stats)> {
        let all = self.0.registry.counters();
        all.iter().map(|(name, counters)| (*name, counters.total())).collect()
    }

    pub(crate) fn context(&self) -> &Arc<Context> {
        &self.0.context
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.0.registry
    }
}

/// Never shows a password.
impl fmt::Debug for CacheManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheManager")
            .field("namespace", &self.namespace().as_str())
            .field("backend", self.backend())
            .field("policy", self.policy())
            .finish_non_exhaustive()
    }
}
