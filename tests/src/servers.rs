//! The servers that the tests of one process share.

use std::env;
use std::sync::OnceLock;

use crate::net;
use crate::postgres::PostgresServer;
use crate::redis::RedisServer;

/// The Postgres and the Redis that the tests of one process share.
///
/// Each is private and starts when it is first asked for, unless `DATABASE_URL` or `REDIS_URL`
/// names one that is there already. They end with the process.
#[derive(Debug)]
pub struct Servers {
    postgres: OnceLock<Postgres>,
    redis: OnceLock<Redis>,
}

#[derive(Debug)]
enum Postgres {
    Private(PostgresServer),
    Given(String),
}

#[derive(Debug)]
enum Redis {
    Private(RedisServer),
    Given(String),
}

impl Servers {
    /// The one instance of this process.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: Servers = Servers { postgres: OnceLock::new(), redis: OnceLock::new() };
        &SHARED
    }

    /// Starts both at the same time; without this call each starts at its first use.
    ///
    /// # Panics
    ///
    /// When one of them is neither installed nor given by a URL, or can't start.
    pub fn start(&self) {
        std::thread::scope(|threads| {
            threads.spawn(|| self.redis());
            self.postgres();
        });
    }

    /// The URL of one of the databases of the shared Postgres.
    ///
    /// # Panics
    ///
    /// When it can't start.
    #[must_use]
    pub fn postgres_url(&self, database: &str) -> String {
        match self.postgres() {
            Postgres::Private(server) => server.url(database),
            Postgres::Given(url) => net::with_database(url, database),
        }
    }

    /// The URL of the shared Redis.
    ///
    /// # Panics
    ///
    /// When it can't start.
    #[must_use]
    pub fn redis_url(&self) -> String {
        match self.redis() {
            Redis::Private(server) => server.url(),
            Redis::Given(url) => url.clone(),
        }
    }

    /// The URL through which databases are made and dropped.
    pub(crate) fn admin_url(&self) -> String {
        match self.postgres() {
            Postgres::Private(server) => server.url("postgres"),
            Postgres::Given(url) => url.clone(),
        }
    }

    /// True when `DATABASE_URL` names the Postgres: what is made there has to be cleared away.
    pub(crate) fn postgres_is_given(&self) -> bool {
        matches!(self.postgres(), Postgres::Given(_))
    }

    fn postgres(&self) -> &Postgres {
        self.postgres.get_or_init(|| match variable("DATABASE_URL") {
            Some(url) => Postgres::Given(url),
            None => Postgres::Private(PostgresServer::start()),
        })
    }

    fn redis(&self) -> &Redis {
        self.redis.get_or_init(|| match variable("REDIS_URL") {
            Some(url) => Redis::Given(url),
            None => Redis::Private(RedisServer::start()),
        })
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
