//! The Redis hand: Redis 7 or Valkey, one server at a time.

mod address;
mod again;
mod announcement;
mod breaker;
mod commands;
mod dial;
mod failure;
mod figures;
mod fills;
mod gather;
mod gauge;
mod holds;
mod identity;
mod limits;
mod link;
mod pipeline;
mod ports;
mod queue;
mod removal;
mod scripts;
mod seek;
mod sessions;
mod steps;
mod stream;
mod survey;
mod tally;
mod vigil;
mod wire;

use std::fmt;
#[cfg(feature = "tls")]
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use self::address::{Address, Certificates};
use self::gather::Steps;
use self::link::Link;
use crate::error::Result;
use crate::policy::Retry;
use crate::port::ConnectionHealth;

/// A [`Cache`](crate::Cache) on a Redis server.
///
/// One multiplexed connection serves every caller; more gain nothing. It is opened at the first call, and opened anew
/// after it broke.
///
/// # While the server is away or hangs
///
/// Every call, a writer's too, fails at once and costs less than a microsecond, while probes in the background look for
/// a server that answers: the first after 50 to 100 ms, then at most 500 ms apart. So it is
///
/// - when no connection can be opened;
/// - when several calls wait and not a byte has come for [`hang_after`](RedisCacheBuilder::hang_after), 40 ms;
/// - when a call waited for the whole [operation timeout](RedisCacheBuilder::operation_timeout) and not a byte came.
///
/// A server that is slow, but goes on answering anybody, is let be. [`health`](Self::health) tells which it is.
///
/// # Whose answers are believed
///
/// Those of a primary alone. Which server it is is asked when a connection is opened, and about once a second while it
/// is used: a connection whose server was made a replica, or has another past than it had, is left. The
/// [era](crate::CoherentCache::era) is a hash of the server's run id and of its replication id, so it is another one
/// after a restart and after a failover, and the same after `FLUSHALL`. A server that gives no answer to `INFO` has the
/// era 0 for ever, and a warning says so.
///
/// With Sentinels the primary is asked for each time a connection is opened, so a failover is followed as soon as the old
/// connection breaks, or its server says that it is a replica now. What the new primary has not heard of before the old
/// one was lost is another era, and a miss.
///
/// Each stream of invalidations is one more connection. What it has announced is heard by every process of the
/// namespace, also by those on another database of the same server.
///
/// # Permissions
///
/// A user of its own needs the keys and the channels of the namespace, and these commands:
///
/// ```text
/// ACL SETUSER shop on >… ~shop:* &shop:* +get +getrange +mget +set +getdel +del +unlink +exists +pexpire +persist +pttl
///     +scan +time +evalsha +script|load +publish +subscribe +multi +exec +ping +info +role
/// ```
///
/// and those of the data structures that it uses:
///
/// ```text
///     +incrby +lpush +rpush +lpop +rpop +llen +lrange +ltrim +sadd +srem +smembers +sismember +scard
///     +hset +hget +hgetall +hdel +hlen +hincrby
/// ```
///
/// A [write-behind](crate::WriteBehind) needs `~{shop:behind:*` besides, and
///
/// ```text
/// +xadd +xlen +xrange +xreadgroup +xpending +xclaim +xack +xdel +xgroup +xinfo +hget +hset +hdel +hincrby
/// ```
///
/// A memory report needs `+memory|usage`; nothing else does.
///
/// A rate limit needs `~{shop:limit:*` besides, and
///
/// ```text
/// +zadd +zcard +zcount +zrange +zrangebyscore +zrem +zremrangebyscore +zrevrange +zscore
/// ```
///
/// Sessions need `~{shop:session:*` besides, and
///
/// ```text
/// +hget +hset +hdel +hlen +hkeys +hmget +hexists +hincrby +exists +rename +unlink +pexpireat +pexpiretime +scan
/// ```
///
/// `select` too where the URL names a database other than 0. Without the channels or `publish` no hold is placed,
/// so every write goes by the outbox or is refused; without `subscribe` there is no tier in the process.
///
/// Cheap to clone; clones share the connection.
#[derive(Clone)]
pub struct RedisCache {
    link: Arc<Link>,
    steps: Arc<Steps>,
}

/// Options of a [`RedisCache`].
#[derive(Clone)]
#[must_use]
pub struct RedisCacheBuilder {
    url: String,
    certificates: Certificates,
    connect_timeout: Duration,
    operation_timeout: Duration,
    hang_after: Duration,
    retry: Retry,
}

impl RedisCache {
    /// A cache on the server at `url` with the default timeouts. Nothing is sent yet: a server that is away now is found
    /// when it comes. The forms of an URL:
    ///
    /// | URL | |
    /// |---|---|
    /// | `redis://[user[:password]@]host[:port][/database]` | port 6379, database 0 |
    /// | `rediss://…` | the same by TLS, with the feature `tls`; the server's certificate is always checked |
    /// | `redis+unix:///path` | a socket |
    /// | `redis+sentinel://[user[:password]@]host[:port],…/service[/database]` | the primary of this service, as its Sentinels say each time a connection is opened; port 26379. `rediss+sentinel://` for TLS to them and to it |
    ///
    /// What has a meaning in an URL stands in user and password as `%` and two digits. Sentinels that ask for a login get
    /// it from behind the URL, `?sentinel_user=…&sentinel_password=…`; user and password before the hosts are those of
    /// the primary.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) for an URL that cannot be read.
    pub fn open(url: &str) -> Result<Self> {
        Self::builder(url).build()
    }

    /// The same, with options.
    pub fn builder(url: &str) -> RedisCacheBuilder {
        RedisCacheBuilder {
            url: url.to_owned(),
            certificates: Certificates::default(),
            connect_timeout: Duration::from_secs(1),
            operation_timeout: Duration::from_millis(250),
            hang_after: Duration::from_millis(40),
            retry: Retry::default(),
        }
    }

    /// How it stands with the server at this moment, for metrics and health checks. Nothing is sent, so no round trip is
    /// told.
    #[must_use]
    pub fn health(&self) -> ConnectionHealth {
        self.link.health()
    }
}

impl RedisCacheBuilder {
    /// How long one attempt to connect may take. One second: a server in reach answers within milliseconds.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long one call may take once it is sent, whatever happens. 250 ms: a server that hangs costs a request little more than
    /// that. Where many come at once, reads and the steps of readers wait for the calls of others before, for 40 ms at most or
    /// a few round trips of a far network.
    pub fn operation_timeout(mut self, timeout: Duration) -> Self {
        self.operation_timeout = timeout;
        self
    }

    /// After how long without a byte from the server, while three calls or more wait for it, it counts as hanging. 40 ms:
    /// a server nearby answers within one, and stalls for some ten when it forks or runs a slow command; and a request
    /// that has to fall back on the database has lost less than people notice.
    ///
    /// Over a far network it is at least four times the round trip that was measured when the connection was opened, so
    /// a distance does not pass for a hang. Where the round trip comes near the
    /// [operation timeout](Self::operation_timeout), raise that. A time above that switches this off: then only a call
    /// that ran out of its own time finds a hang.
    pub fn hang_after(mut self, time: Duration) -> Self {
        self.hang_after = time;
        self
    }

    /// How often a read is sent again, over the next connection, where the one that it was sent over broke before the
    /// answer came. Once: a server that closes an idle connection, or restarts, then costs a read some milliseconds and
    /// not a trip to the database.
    ///
    /// All attempts together stay within the [operation timeout](Self::operation_timeout). Reads are what answers
    /// values, lifetimes and whether a key is there; a write, a step of the protocol or anything that counts, pushes or
    /// pops is sent once. What hangs, what the breaker refuses and what the server answers with an error is not sent
    /// again.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// Both of the following, where they are given.
    #[cfg(feature = "tls")]
    pub(crate) fn certificates(
        mut self,
        (ca, client): (Option<PathBuf>, Option<(PathBuf, PathBuf)>),
    ) -> Self {
        self.certificates = Certificates { ca, client };
        self
    }

    /// Trusts the authorities in this file, in PEM, and no others. Those that the system trusts, where not given.
    #[cfg(feature = "tls")]
    pub fn tls_ca(mut self, file: impl Into<PathBuf>) -> Self {
        self.certificates.ca = Some(file.into());
        self
    }

    /// Shows the server this chain of certificates, with its private key: two files in PEM. For a server that asks its
    /// clients for one (`tls-auth-clients yes`).
    #[cfg(feature = "tls")]
    pub fn tls_client(mut self, chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.certificates.client = Some((chain.into(), key.into()));
        self
    }

    /// The cache.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) for an URL that cannot be read, and for certificates that cannot.
    pub fn build(self) -> Result<RedisCache> {
        let address = Address::new(&self.url, &self.certificates)?;
        let (connect, operation) = (self.connect_timeout, self.operation_timeout);
        let link = Arc::new(Link::new(address, connect, operation, self.hang_after, self.retry));
        Ok(RedisCache { steps: Arc::new(Steps::over(&link)), link })
    }
}

/// Never shows the password.
impl fmt::Debug for RedisCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisCache").field("server", self.link.place()).finish_non_exhaustive()
    }
}

/// Never shows the URL, which may hold a password.
impl fmt::Debug for RedisCacheBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisCacheBuilder")
            .field("connect_timeout", &self.connect_timeout)
            .field("operation_timeout", &self.operation_timeout)
            .field("hang_after", &self.hang_after)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}
