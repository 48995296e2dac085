//! A manager, option by option.

use std::fmt;
#[cfg(feature = "tls")]
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{CacheManager, Failures};
use crate::backend::Traced;
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind, Result};
use crate::key::Namespace;
use crate::mind::Context;
use crate::policy::{Codec, Compression, Level, OnUnreachable, Policy, Retry, Ttl};
use crate::port::{CoherentCache, Observer};

/// Puts a [`CacheManager`] together. Options that are not set keep the defaults of [`Policy`].
#[must_use]
pub struct CacheManagerBuilder {
    namespace: String,
    /// The namespace, where it was made elsewhere.
    whole: Option<Namespace>,
    backend: Option<Backend>,
    policy: Policy,
    /// As was said; else it goes by the size that a value may have.
    max_unpacked_bytes: Option<usize>,
    retry: Retry,
    connect_timeout: Duration,
    operation_timeout: Duration,
    hang_after: Duration,
    #[cfg(feature = "tls")]
    certificates: (Option<PathBuf>, Option<(PathBuf, PathBuf)>),
    /// An option that was set and means something to Redis alone.
    of_redis: Option<&'static str>,
    clock: Arc<dyn Clock>,
    observer: Option<Arc<dyn Observer>>,
    failures: Failures,
    debug: bool,
}

enum Backend {
    #[cfg(feature = "redis")]
    Redis(String),
    #[cfg(feature = "memory")]
    Memory,
    Own(Arc<dyn CoherentCache>),
}

impl Backend {
    fn is_redis(&self) -> bool {
        match self {
            #[cfg(feature = "redis")]
            Self::Redis(_) => true,
            #[cfg(feature = "memory")]
            Self::Memory => false,
            Self::Own(_) => false,
        }
    }
}

impl CacheManagerBuilder {
    pub(super) fn new(namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            whole: None,
            backend: None,
            policy: Policy::default(),
            max_unpacked_bytes: None,
            retry: Retry::default(),
            connect_timeout: Duration::from_secs(1),
            operation_timeout: Duration::from_millis(250),
            hang_after: Duration::from_millis(40),
            #[cfg(feature = "tls")]
            certificates: (None, None),
            of_redis: None,
            clock: SystemClock::shared(),
            observer: None,
            failures: Failures::known(),
            debug: false,
        }
    }

    /// In a namespace that is one already.
    pub(super) fn within(namespace: Namespace) -> Self {
        Self { whole: Some(namespace), ..Self::new("") }
    }

    /// What is said of the server, beside where it is.
    #[cfg(test)]
    pub(super) fn server_options(&self) -> (Duration, Duration, Duration, Retry) {
        (self.connect_timeout, self.operation_timeout, self.hang_after, self.retry)
    }

    /// Lets be what was said of a server that is none: one file of options serves several backends.
    pub(super) fn whatever_the_server(mut self) -> Self {
        self.of_redis = None;
        self
    }

    pub(super) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Caches in the Redis server at this URL: `redis://[user[:password]@]host[:port][/database]`, or another form of
    /// [`RedisCache::open`](crate::backend::RedisCache::open), for TLS, Sentinels and sockets.
    #[cfg(feature = "redis")]
    pub fn redis(mut self, url: &str) -> Self {
        self.backend = Some(Backend::Redis(url.to_owned()));
        self
    }

    /// Caches in this process's memory: for one process alone, and for tests.
    #[cfg(feature = "memory")]
    pub fn memory(mut self) -> Self {
        self.backend = Some(Backend::Memory);
        self.of_redis = None;
        self
    }

    /// Caches in a backend of one's own. It takes the place of a Redis that was named before, and of that one's options.
    pub fn backend(mut self, backend: Arc<dyn CoherentCache>) -> Self {
        self.backend = Some(Backend::Own(backend));
        self.of_redis = None;
        self
    }

    /// How long a value lives, for repositories that do not say: [`Policy::ttl`].
    pub fn ttl(mut self, ttl: impl Into<Ttl>) -> Self {
        self.policy.ttl = ttl.into();
        self
    }

    /// How long a cached "there is none" lives: [`Policy::negative_ttl`].
    pub fn negative_ttl(mut self, ttl: impl Into<Ttl>) -> Self {
        self.policy.negative_ttl = ttl.into();
        self
    }

    /// The share by which each TTL is moved at random, from 0 to 1: [`Policy::jitter`].
    pub fn jitter(mut self, share: f64) -> Self {
        self.policy.jitter = share;
        self
    }

    /// How values are written: [`Policy::codec`].
    pub fn codec(mut self, codec: Codec) -> Self {
        self.policy.codec = codec;
        self
    }

    /// How values are made smaller: [`Policy::compression`].
    pub fn compression(mut self, compression: Compression) -> Self {
        self.policy.compression = compression;
        self
    }

    /// The size above which values are compressed: [`Policy::compress_above`].
    pub fn compress_above(mut self, bytes: usize) -> Self {
        self.policy.compress_above = bytes;
        self
    }

    /// What a compressed value may unpack to: [`Policy::max_unpacked_bytes`]. Eight times
    /// [`max_value_bytes`](Self::max_value_bytes) where it is not said.
    pub fn max_unpacked_bytes(mut self, bytes: usize) -> Self {
        self.max_unpacked_bytes = Some(bytes);
        self
    }

    /// The largest value that is cached: [`Policy::max_value_bytes`].
    pub fn max_value_bytes(mut self, bytes: usize) -> Self {
        self.policy.max_value_bytes = bytes;
        self
    }

    /// How long a load may take and still be cached: [`Policy::lease_ttl`].
    pub fn lease_ttl(mut self, time: Duration) -> Self {
        self.policy.lease_ttl = time;
        self
    }

    /// How long a reader waits for another process's load: [`Policy::lease_wait`].
    pub fn lease_wait(mut self, time: Duration) -> Self {
        self.policy.lease_wait = time;
        self
    }

    /// How long the hold of a dead writer stands: [`Policy::hold_ttl`].
    pub fn hold_ttl(mut self, time: Duration) -> Self {
        self.policy.hold_ttl = time;
        self
    }

    /// What a write does when its keys cannot be held: [`Policy::on_unreachable`].
    pub fn on_unreachable(mut self, policy: OnUnreachable) -> Self {
        self.policy.on_unreachable = policy;
        self
    }

    /// Whether every write leaves its keys in the outbox: [`Policy::always_outbox`].
    pub fn always_outbox(mut self, always: bool) -> Self {
        self.policy.always_outbox = always;
        self
    }

    /// How old an answer may be, for repositories that do not say: [`Policy::level`].
    pub fn level(mut self, level: Level) -> Self {
        self.policy.level = level;
        self
    }

    /// The size of the tier in the process: [`Policy::tier_entries`] and [`Policy::tier_bytes`].
    pub fn tier(mut self, entries: usize, bytes: usize) -> Self {
        (self.policy.tier_entries, self.policy.tier_bytes) = (entries, bytes);
        self
    }

    /// Loads that run at once, and those that may wait: [`Policy::max_loads`] and [`Policy::max_waiting_loads`].
    pub fn max_loads(mut self, running: usize, waiting: usize) -> Self {
        (self.policy.max_loads, self.policy.max_waiting_loads) = (running, waiting);
        self
    }

    /// For how long an expired value is served when the database fails: [`Policy::stale_on_error`].
    pub fn stale_on_error(mut self, time: Duration) -> Self {
        self.policy.stale_on_error = time;
        self
    }

    /// How readily a value is renewed ahead of its TTL, 1.0 where in doubt: [`Policy::refresh_ahead`].
    pub fn refresh_ahead(mut self, beta: f64) -> Self {
        self.policy.refresh_ahead = beta;
        self
    }

    /// For how long after its TTL a value is served while it is renewed: [`Policy::stale_while_revalidate`].
    pub fn stale_while_revalidate(mut self, time: Duration) -> Self {
        self.policy.stale_while_revalidate = time;
        self
    }

    /// After how long an expired value is served in place of one that is being loaded: [`Policy::soft_timeout`].
    pub fn soft_timeout(mut self, time: Duration) -> Self {
        self.policy.soft_timeout = time;
        self
    }

    /// How long an attempt to connect to Redis may take. One second.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self.of_redis = Some("connect_timeout");
        self
    }

    /// How long one operation on Redis may take once it is sent, whatever happens. 250 ms.
    pub fn operation_timeout(mut self, timeout: Duration) -> Self {
        self.operation_timeout = timeout;
        self.of_redis = Some("operation_timeout");
        self
    }

    /// After what silence towards several calls Redis counts as hung, and calls are refused until it answers again. 40 ms:
    /// far above what a server nearby ever takes; set it to several round trips where the server is far away.
    pub fn hang_after(mut self, time: Duration) -> Self {
        self.hang_after = time;
        self.of_redis = Some("hang_after");
        self
    }

    /// Trusts the authorities in this file, in PEM, where Redis is reached by TLS (`rediss://…`). Those of the system.
    #[cfg(feature = "tls")]
    pub fn tls_ca(mut self, file: impl Into<PathBuf>) -> Self {
        self.certificates.0 = Some(file.into());
        self.of_redis = Some("tls_ca");
        self
    }

    /// Shows Redis this chain of certificates, with its private key: two files in PEM.
    #[cfg(feature = "tls")]
    pub fn tls_client(mut self, chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.certificates.1 = Some((chain.into(), key.into()));
        self.of_redis = Some("tls_client");
        self
    }

    /// Gives a failed load of type `E` to all who waited for it, where a value is [cached by hand](CacheManager::remember), or
    /// of a [source of one's own](crate::DataSource).
    /// Without this each of them loads for itself, because only some types are known to be copied: `sqlx::Error`,
    /// [`Error`](crate::Error), `String` and `&'static str`.
    pub fn share_errors<E: Clone + Send + Sync + 'static>(mut self) -> Self {
        self.failures.copies::<E>();
        self
    }

    /// How often a read is sent to Redis again when the connection broke under it. Once.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self.of_redis = Some("retry");
        self
    }

    /// Whether each call of the backend is told of at the level `debug`: [`Traced`](crate::backend::Traced). No.
    pub fn debug(mut self, on: bool) -> Self {
        self.debug = on;
        self
    }

    /// Where "now" comes from.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Who is told of each step of the protocol: for tests that force an interleaving.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// The manager. Nothing is sent yet: a server that is away now is found when it comes.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) for an empty namespace, no backend, an URL that cannot be read, a jitter outside
    /// 0 to 1, a beta below zero, a lease or hold that lives for no time, a bound of no time, a cap of no loads, a timeout
    /// of no time, or a timeout of Redis with another backend.
    pub fn build(mut self) -> Result<CacheManager> {
        let wrong = |message: &str| Err(Error::new(ErrorKind::Config, message));
        let namespace = match self.whole.take() {
            Some(namespace) => namespace,
            None => Namespace::new(&self.namespace)?,
        };
        let most = self.policy.max_value_bytes.saturating_mul(Policy::UNPACKED);
        self.policy.max_unpacked_bytes = self.max_unpacked_bytes.unwrap_or(most);
        if !(0.0..=1.0).contains(&self.policy.jitter) {
            return wrong("the jitter is a share of the TTL, from 0 to 1");
        }
        if !self.policy.refresh_ahead.is_finite() || self.policy.refresh_ahead < 0.0 {
            return wrong(
                "refresh_ahead is by how many times the cost of its load a value is renewed ahead of its TTL: set it to 1.0, \
                 or to 0.0 for never",
            );
        }
        if self.policy.lease_ttl.is_zero() || self.policy.hold_ttl.is_zero() {
            return wrong(
                "a lease and a hold need time to live: set lease_ttl and hold_ttl above zero",
            );
        }
        if self.policy.level == Level::Bounded(Duration::ZERO) {
            return wrong(
                "an answer that is bounded by no time at all is Level::Strong: write that",
            );
        }
        if self.policy.max_loads == 0 {
            return wrong("with max_loads 0 nothing could ever be loaded: set it to at least 1");
        }
        for (name, time) in [
            ("connect_timeout", self.connect_timeout),
            ("operation_timeout", self.operation_timeout),
            ("hang_after", self.hang_after),
        ] {
            if time.is_zero() {
                return wrong(&format!(
                    "with {name} zero Redis could never answer in time: set it above zero"
                ));
            }
        }
        if let (Some(name), Some(backend)) = (self.of_redis, &self.backend)
            && !backend.is_redis()
        {
            return wrong(&format!(
                "{name} is an option of Redis, and the backend is another one: set it where that backend is made, or call \
                 redis(…)"
            ));
        }
        let cache: Arc<dyn CoherentCache> = match self.backend {
            #[cfg(feature = "redis")]
            Some(Backend::Redis(url)) => {
                let redis = crate::backend::RedisCache::builder(&url)
                    .connect_timeout(self.connect_timeout)
                    .operation_timeout(self.operation_timeout)
                    .hang_after(self.hang_after)
                    .retry(self.retry);
                #[cfg(feature = "tls")]
                let redis = redis.certificates(self.certificates);
                Arc::new(redis.build()?)
            }
            #[cfg(feature = "memory")]
            Some(Backend::Memory) => Arc::new(
                crate::backend::MemoryCache::builder().clock(Arc::clone(&self.clock)).build(),
            ),
            Some(Backend::Own(cache)) => cache,
            None => {
                return wrong("the manager has no backend: call redis(…), memory() or backend(…)");
            }
        };
        let cache: Arc<dyn CoherentCache> =
            if self.debug { Arc::new(Traced::over(cache)) } else { cache };
        Ok(CacheManager::with_context(
            Context::new(cache, namespace, self.policy, self.clock, self.observer),
            self.failures,
        ))
    }
}

/// Never shows the URL, which may hold a password.
impl fmt::Debug for CacheManagerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheManagerBuilder")
            .field("namespace", &self.whole.as_ref().map_or(&*self.namespace, Namespace::as_str))
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "redis"))]
mod tests;
