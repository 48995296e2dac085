//! The Redis of a run, and what is done to it.

use std::time::Duration;

use redis::{AsyncConnectionConfig, Client, FromRedisValue};
use tests::RedisServer;

/// Nothing here waits longer for a server that may be stopped.
const PATIENCE: Duration = Duration::from_secs(2);

/// A primary and its replica, which change places.
pub(crate) struct Redis {
    primary: RedisServer,
    replica: RedisServer,
}

impl Redis {
    pub(crate) async fn start() -> Self {
        let mut redis = Self { primary: RedisServer::start(), replica: RedisServer::start() };
        redis.follow(false).await;
        redis
    }

    pub(crate) fn address(&self) -> String {
        self.primary.address()
    }

    pub(crate) fn primary(&mut self) -> &mut RedisServer {
        &mut self.primary
    }

    pub(crate) fn replica(&mut self) -> &mut RedisServer {
        &mut self.replica
    }

    /// Makes a primary of the replica, which nobody but the old primary talks to yet. That one is taken away first, or
    /// becomes the replica with all that it has.
    pub(crate) async fn fail_over(&mut self, kill: bool) {
        if kill {
            self.primary.kill();
        }
        let _ = tell::<redis::Value>(&self.replica, &["REPLICAOF", "NO", "ONE"]).await;
        std::mem::swap(&mut self.primary, &mut self.replica);
    }

    /// Lets the other server follow the primary.
    pub(crate) async fn follow(&mut self, restart: bool) {
        if restart {
            self.replica.restart_empty();
        }
        let port = self.primary.port().to_string();
        let _ = tell::<redis::Value>(&self.replica, &["REPLICAOF", "127.0.0.1", &port]).await;
    }

    /// One command to the primary.
    pub(crate) async fn tell<T: FromRedisValue>(&self, words: &[&str]) -> redis::RedisResult<T> {
        tell(&self.primary, words).await
    }

    /// One of the numbers of `INFO`.
    pub(crate) async fn info(&self, name: &str) -> Option<u64> {
        let text: String = self.tell(&["INFO"]).await.ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.trim().parse().ok()
    }

    pub(crate) async fn empty(&self) {
        let _ = self.tell::<redis::Value>(&["FLUSHALL"]).await;
    }
}

/// One command, by a connection of its own.
async fn tell<T: FromRedisValue>(server: &RedisServer, words: &[&str]) -> redis::RedisResult<T> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE));
    let client = Client::open(server.url())?;
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    let mut command = redis::cmd(words.first().copied().unwrap_or("PING"));
    command.arg(words.get(1..).unwrap_or_default());
    command.query_async(&mut connection).await
}
