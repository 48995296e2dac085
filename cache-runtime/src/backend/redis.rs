//! The Redis hand: Redis 7 or Valkey, one server.

mod again;
mod announcement;
mod breaker;
mod commands;
mod dial;
mod failure;
mod figures;
mod gauge;
mod identity;
mod link;
mod pipeline;
mod ports;
mod queue;
mod removal;
mod scripts;
mod seek;
mod steps;
mod stream;
mod tally;
mod vigil;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::{Client, IntoConnectionInfo};

use self::failure::Place;
use self::link::Link;
use crate::error::{Error, ErrorKind, Result};
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
/// `select` too where the URL names a database other than 0. Without the channels or `publish` no hold is placed,
/// so every write goes by the outbox or is refused; without `subscribe` there is no tier in the process.
///
/// Cheap to clone; clones share the connection.
#[derive(Clone)]
pub struct RedisCache {
    link: Arc<Link>,
}

/// Options of a [`RedisCache`].
#[derive(Clone)]
#[must_use]
pub struct RedisCacheBuilder {
    url: String,
    connect_timeout: Duration,
    operation_timeout: Duration,
    hang_after: Duration,
    retry: Retry,
}

impl RedisCache {
    /// A cache on the server at `url` (`redis://[user[:password]@]host[:port][/database]`, or `redis+unix://…`) with
    /// the default timeouts. Nothing is sent yet: a server that is away now is found when it comes.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) for an URL that cannot be read.
    pub fn open(url: &str) -> Result<Self> {
        Self::builder(url).build()
    }

    /// The same, with options.
    pub fn builder(url: &str) -> RedisCacheBuilder {
        RedisCacheBuilder {
            url: url.to_owned(),
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

    /// How long one call may take, whatever happens. 250 ms: a server that hangs costs a request no more than that.
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

    /// The cache.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) for an URL that cannot be read.
    pub fn build(self) -> Result<RedisCache> {
        let unreadable = |error: redis::RedisError| {
            Error::new(
                ErrorKind::Config,
                "the Redis URL cannot be read: write redis://[user[:password]@]host[:port][/database]",
            )
            .because(error)
        };
        if self.url.starts_with("rediss:") {
            let message =
                "TLS to Redis is not supported yet: write redis://…, over a network that you trust";
            return Err(Error::new(ErrorKind::Config, message));
        }
        let info = self.url.as_str().into_connection_info().map_err(unreadable)?;
        let place = Place::of(&info);
        let client = Client::open(info).map_err(unreadable)?;
        let (connect, operation) = (self.connect_timeout, self.operation_timeout);
        let link = Link::new(client, place, connect, operation, self.hang_after, self.retry);
        Ok(RedisCache { link: Arc::new(link) })
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
