//! The one table of options. The environment, files and the builder all go by it: a row is an option's field in
//! [`CacheConfig`], its path in a file, its variable in the environment, how its text is read, and a value that is not
//! its default, by which a test tries each way to set it.

use std::time::Duration;

use super::read;
use super::secret::Secret;
use crate::policy::{Codec, Compression, Level, OnUnreachable, Ttl};

/// An option, as one who sets it by name knows it.
pub(super) struct Spec {
    /// Where it stands in a file: the names of tables and its own, with dots between.
    pub(super) path: &'static str,
    /// Other paths that mean it.
    pub(super) also: &'static [&'static str],
    pub(super) variable: &'static str,
    /// Its text is no one's business.
    #[cfg(test)]
    pub(super) secret: bool,
    /// What says where the server is: one of these is enough.
    pub(super) place: bool,
    /// Reads the text and keeps it; else a sentence that says what was wrong and what to write.
    pub(super) set: fn(&mut CacheConfig, &str) -> Result<(), String>,
    #[cfg(test)]
    pub(super) sample: &'static str,
}

/// An option that others have, that we refuse, and what to do instead.
pub(super) struct Refused {
    pub(super) paths: &'static [&'static str],
    pub(super) variable: &'static str,
    pub(super) instead: &'static str,
}

const ONE_CONNECTION: &str = "there is one connection, which all callers share and more of which gain nothing; \
                              it is opened at the first call and again when it broke: remove this";
const ONE_TIMEOUT: &str = "one time bounds a whole operation, sending and receiving: remove this, and set redis.operation_timeout";

pub(super) const REFUSED: [Refused; 4] = [
    Refused {
        paths: &["redis.pool_size", "pool_size", "redis.max_connections"],
        variable: "REDIS_POOL_SIZE",
        instead: ONE_CONNECTION,
    },
    Refused {
        paths: &["redis.min_idle_conns", "min_idle_conns", "redis.min_idle_connections"],
        variable: "REDIS_MIN_IDLE_CONNS",
        instead: ONE_CONNECTION,
    },
    Refused {
        paths: &["redis.read_timeout", "read_timeout"],
        variable: "REDIS_READ_TIMEOUT",
        instead: ONE_TIMEOUT,
    },
    Refused {
        paths: &["redis.write_timeout", "write_timeout"],
        variable: "REDIS_WRITE_TIMEOUT",
        instead: ONE_TIMEOUT,
    },
];

/// Where values are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Driver {
    /// In a Redis server, with a tier in the process.
    #[default]
    Redis,
    /// In this process's memory: for one process alone, and for tests.
    Memory,
    /// Nowhere: every read goes to the database.
    None,
}

/// What belongs to a row beside its field: `secret`, `place`.
macro_rules! is {
    ($wanted:ident: $($mark:ident)*) => { false $(|| is!(@ $wanted $mark))* };
    (@ secret secret) => { true };
    (@ place place) => { true };
    (@ $wanted:ident $mark:ident) => { false };
}

macro_rules! options {
    ($(
        $(#[doc = $doc:literal])+
        $field:ident: $type:ty = $path:literal $(| $also:literal)*, $variable:literal,
            $read:expr, $sample:literal $(, $mark:ident)*;
    )*) => {
        /// The configuration of a [`CacheManager`](crate::CacheManager), as it comes from a file, from the environment,
        /// or from a struct of the application's own: it is `serde::Deserialize`. What is not set is left to the
        /// defaults of [`Policy`](crate::Policy) and of the builder.
        ///
        /// An option that nobody knows is an error that names the closest one that there is.
        ///
        /// ```
        /// use cache_runtime::{CacheConfig, Codec};
        ///
        /// # #[cfg(feature = "config-yaml")]
        /// # fn example() -> cache_runtime::Result<()> {
        /// let config = CacheConfig::from_yaml_str("
        /// namespace: shop
        /// driver: memory
        /// ttl: stable
        /// codec: json
        /// ")?;
        /// assert_eq!(config.codec, Some(Codec::Json));
        /// let cache = config.builder()?.jitter(0.2).build()?;
        ///
        /// let error = CacheConfig::from_yaml_str("\nnegativ_ttl: 30s").unwrap_err();
        /// assert_eq!(error.to_string(), "line 2: there is no option `negativ_ttl`: did you mean `negative_ttl`?");
        /// # Ok(())
        /// # }
        /// # #[cfg(feature = "config-yaml")]
        /// # example().unwrap();
        /// ```
        ///
        /// # Options
        ///
        /// In a file they stand at the top, or in a table `cache` beside others' tables; those of the server stand in
        /// `redis`. A text of the form `${NAME}` is replaced by the variable of that name, `$${` is a `${`. A white
        /// space around a value does not count.
        ///
        /// | option | variable | |
        /// |---|---|---|
        $(#[doc = concat!("| `", $path, "` | `", $variable, "` |", $($doc,)+ " |")])*
        #[derive(Clone, Debug, Default, PartialEq)]
        #[non_exhaustive]
        pub struct CacheConfig {
            $($(#[doc = $doc])+ pub $field: Option<$type>,)*
        }

        impl CacheConfig {
            /// What `over` says; where it is silent, what this says.
            ///
            /// A server is one whole: where `over` names one by `redis_url`, `redis_addr` or `redis_host`, what this
            /// says by the others of these is left out, and with an URL user, password, database and TLS as well.
            #[must_use]
            pub fn overridden_by(mut self, over: Self) -> Self {
                self.leave_place_to(&over);
                Self { $($field: over.$field.or(self.$field),)* }
            }
        }

        pub(super) static OPTIONS: &[Spec] = &[$(
            Spec {
                path: $path,
                also: &[$($also),*],
                variable: $variable,
                #[cfg(test)]
                secret: is!(secret: $($mark)*),
                place: is!(place: $($mark)*),
                set: |config, text| {
                    config.$field = $read(text)?;
                    Ok(())
                },
                #[cfg(test)]
                sample: $sample,
            },
        )*];
    };
}

options! {
    /// Where values are kept: `redis`, `memory` or `none`. Default: `redis`.
    driver: Driver = "driver", "CACHE_DRIVER", read::driver, "memory";
    /// The namespace of all keys: one for each database.
    namespace: String = "namespace", "CACHE_NAMESPACE", read::text, "other";
    /// The version of the namespace: `shop` in version 2 is `shop@v2`. Default: none.
    namespace_version: u32 = "namespace_version", "CACHE_NAMESPACE_VERSION", read::number, "3";
    /// How long a value lives: a time, or one of `realtime`, `volatile`, `normal`, `stable`, `static`. Default: `15m`.
    ttl: Ttl = "ttl" | "default_ttl", "CACHE_TTL", read::ttl, "1h30m";
    /// How long "there is none" is kept. Default: `1m`.
    negative_ttl: Ttl = "negative_ttl", "CACHE_NEGATIVE_TTL", read::ttl, "0s";
    /// The share by which each TTL is moved at random, from 0 to 1. Default: `0.1`.
    jitter: f64 = "jitter", "CACHE_JITTER", read::share, "0.25";
    /// How values are written: `postcard`, `json`, or with the feature `msgpack` `msgpack`. Default: `postcard`.
    codec: Codec = "codec", "CACHE_CODEC", read::codec, "json";
    /// How values are made smaller: `none`, `lz4`, or with the feature `zstd` `zstd`. Default: `lz4`.
    compression: Compression = "compression", "CACHE_COMPRESSION", read::compression, "none";
    /// The size in bytes above which a value is compressed. Default: `2048`.
    compress_above: usize = "compress_above", "CACHE_COMPRESS_ABOVE", read::number, "100";
    /// The size in bytes, as written, above which a value is not cached. Default: `1048576`.
    max_value_bytes: usize = "max_value_bytes", "CACHE_MAX_VALUE_BYTES", read::number, "1000";
    /// The size in bytes that a compressed value may unpack to. Default: eight times `max_value_bytes`.
    max_unpacked_bytes: usize = "max_unpacked_bytes", "CACHE_MAX_UNPACKED_BYTES", read::number, "2000";
    /// How old an answer may be: `strong`, `database`, or a time. Default: `1s`.
    level: Level = "level", "CACHE_LEVEL", read::level, "200ms";
    /// How long a load may take and still be cached. Default: `10s`.
    lease_ttl: Duration = "lease_ttl", "CACHE_LEASE_TTL", read::time, "7s";
    /// How long another process's load is waited for. Default: `1s`.
    lease_wait: Duration = "lease_wait", "CACHE_LEASE_WAIT", read::time, "2s";
    /// How long the hold of a writer that died stands. Default: `30s`.
    hold_ttl: Duration = "hold_ttl", "CACHE_HOLD_TTL", read::time, "20s";
    /// What a write does when its keys cannot be held: `outbox`, `reject` or `proceed`. Default: `outbox`.
    on_unreachable: OnUnreachable = "on_unreachable", "CACHE_ON_UNREACHABLE", read::on_unreachable, "proceed";
    /// Whether every write leaves its keys in the outbox. Default: `false`.
    always_outbox: bool = "always_outbox", "CACHE_ALWAYS_OUTBOX", read::flag, "true";
    /// Whether each call of the backend is told of at the level `debug`. Default: `false`.
    debug: bool = "debug", "CACHE_DEBUG", read::flag, "true";
    /// Entries of the tier in the process, at most; 0: none. Default: `100000`.
    tier_entries: usize = "tier_entries", "CACHE_TIER_ENTRIES", read::number, "11";
    /// Bytes of the tier in the process, at most; 0: none. Default: `67108864`.
    tier_bytes: usize = "tier_bytes", "CACHE_TIER_BYTES", read::number, "12";
    /// Loads from the database that run at once. Default: `64`.
    max_loads: usize = "max_loads", "CACHE_MAX_LOADS", read::number, "13";
    /// Loads that may wait. Default: `4096`.
    max_waiting_loads: usize = "max_waiting_loads", "CACHE_MAX_WAITING_LOADS", read::number, "14";
    /// For how long after its TTL a value is served when the database fails. Default: `0s`, not at all.
    stale_on_error: Duration = "stale_on_error", "CACHE_STALE_ON_ERROR", read::time, "1h";
    /// After how long such a value is served while the load goes on. Default: `0s`, not at all.
    soft_timeout: Duration = "soft_timeout", "CACHE_SOFT_TIMEOUT", read::time, "50ms";
    /// How readily a value is renewed ahead of its TTL: a number, `1.0` where in doubt. Default: `0`, never.
    refresh_ahead: f64 = "refresh_ahead", "CACHE_REFRESH_AHEAD", read::beta, "1.5";
    /// For how long after its TTL a value is served while it is renewed. Default: `0s`, not at all.
    stale_while_revalidate: Duration = "stale_while_revalidate", "CACHE_STALE_WHILE_REVALIDATE", read::time, "30s";
    /// The server: `redis://[user[:password]@]host[:port][/database]`.
    redis_url: Secret = "redis.url" | "redis.uri", "REDIS_URL", read::secret, "redis://127.0.0.1:1", secret, place;
    /// The server, in place of an URL: `host:port`.
    redis_addr: String = "redis.addr" | "redis.address", "REDIS_ADDR", read::text, "cache.local:6380", place;
    /// The server's host, in place of an URL.
    redis_host: String = "redis.host", "REDIS_HOST", read::text, "cache.local", place;
    /// The server's port, beside `host`. Default: `6379`.
    redis_port: u16 = "redis.port", "REDIS_PORT", read::port, "6380";
    /// The user. Default: Redis's own default user.
    redis_user: String = "redis.user" | "redis.username", "REDIS_USER", read::text, "shop";
    /// The password.
    redis_password: Secret = "redis.password", "REDIS_PASSWORD", read::secret, "secret", secret;
    /// The number of the database. Default: `0`.
    redis_db: u32 = "redis.db" | "redis.database", "REDIS_DB", read::number, "3";
    /// Whether the connection is encrypted. Default: `false`.
    redis_tls: bool = "redis.tls", "REDIS_TLS", read::flag, "true";
    /// A file of PEM: whom to trust when the connection is encrypted. Default: the system's authorities.
    redis_tls_ca: String = "redis.tls_ca", "REDIS_TLS_CA", read::text, "/etc/ca.pem";
    /// A file of PEM: the certificate that the server is shown, with `tls_key`. Default: none.
    redis_tls_cert: String = "redis.tls_cert", "REDIS_TLS_CERT", read::text, "/etc/cert.pem";
    /// A file of PEM: the private key of `tls_cert`.
    redis_tls_key: String = "redis.tls_key", "REDIS_TLS_KEY", read::text, "/etc/key.pem";
    /// How long an attempt to connect may take. Default: `1s`.
    connect_timeout: Duration = "redis.connect_timeout" | "redis.dial_timeout" | "connect_timeout" | "dial_timeout",
        "CACHE_CONNECT_TIMEOUT", read::time, "2s";
    /// How long one operation may take, all its tries together. Default: `250ms`.
    operation_timeout: Duration = "redis.operation_timeout" | "redis.timeout" | "operation_timeout" | "timeout",
        "CACHE_OPERATION_TIMEOUT", read::time, "100ms";
    /// After what silence towards several calls the server counts as hung. Default: `40ms`.
    hang_after: Duration = "redis.hang_after" | "hang_after", "CACHE_HANG_AFTER", read::time, "90ms";
    /// How often a read is sent again when the connection broke under it. Default: `1`.
    max_retries: u32 = "redis.max_retries" | "max_retries", "CACHE_MAX_RETRIES", read::number, "4";
    /// The bound of the pause before the first retry; it doubles with each. Default: `10ms`.
    retry_delay: Duration = "redis.retry_delay" | "retry_delay", "CACHE_RETRY_DELAY", read::time, "15ms";
    /// The bound of every pause before a retry. Default: `100ms`.
    max_retry_delay: Duration = "redis.max_retry_delay" | "max_retry_delay", "CACHE_MAX_RETRY_DELAY", read::time, "150ms";
}
