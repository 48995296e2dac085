//! The Redis hand: Redis 7 or Valkey, one server.

mod commands;
mod failure;
mod link;
mod scripts;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::{Client, IntoConnectionInfo};

use self::failure::Place;
use self::link::Link;
use crate::error::{Error, ErrorKind, Result};

/// A [`Cache`](crate::Cache) on a Redis server.
///
/// One multiplexed connection serves every caller; more gain nothing. It is opened at the first call and opened anew
/// after it broke, in the background: while the server is away a read fails at once, and attempts to reach it are 50 ms
/// to 1 s apart. While the server lets calls run out of time, one read at a time tries it and the others fail at once;
/// two in a row, and the connection counts as half-open and is replaced. Writers' steps always try.
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
        }
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
        let link = Link::new(client, place, self.connect_timeout, self.operation_timeout);
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
            .finish_non_exhaustive()
    }
}
