//! What the server says of itself, in figures.

use std::time::Duration;

use redis::{RedisResult, Value, pipe};

use super::RedisCache;
use super::identity::{field, text};
use super::link::Patience;
use crate::error::{ErrorKind, Result};
use crate::port::{BackendStats, BoxFuture, ConnectionHealth, Watched};

impl Watched for RedisCache {
    fn backend_stats(&self) -> BoxFuture<'_, Result<BackendStats>> {
        Box::pin(async move {
            let mut stats = self.link.tally().stats();
            let asked = self.figures().await;
            let mut connection = self.link.health();
            match asked {
                Ok((figures, round_trip)) => {
                    figures.enter(&mut stats, self.link.database());
                    connection.round_trip = Some(round_trip);
                }
                Err(error) if error.kind() == ErrorKind::Closed => return Err(error),
                // That it is away is part of the answer.
                Err(_) => {}
            }
            stats.connection = Some(connection);
            Ok(stats)
        })
    }

    fn connection(&self) -> Option<ConnectionHealth> {
        Some(self.health())
    }
}

/// The sections of `INFO` that matter here; `None` where the user may not ask.
#[derive(Debug, Default)]
struct Figures {
    memory: Option<String>,
    stats: Option<String>,
    keyspace: Option<String>,
}

impl RedisCache {
    async fn figures(&self) -> Result<(Figures, Duration)> {
        self.link.admit()?;
        let link = &self.link;
        let exchange = |mut connection| async move {
            let mut questions = pipe();
            questions.ignore_errors();
            for section in ["memory", "stats", "keyspace"] {
                questions.cmd("INFO").arg(section);
            }
            // The connection was waited for before this.
            let asked = link.now();
            let answers: Vec<RedisResult<Value>> = questions.query_async(&mut connection).await?;
            let took = link.now().saturating_sub(asked);
            let mut answers = answers.into_iter().map(|answer| text(answer.ok()));
            let mut section = || answers.next().flatten();
            let figures = Figures { memory: section(), stats: section(), keyspace: section() };
            Ok((figures, took))
        };
        self.link.run(Patience::Reader, exchange).await
    }
}

impl Figures {
    fn enter(&self, stats: &mut BackendStats, database: i64) {
        let number = |section: &Option<String>, name: &str| {
            field(section.as_deref()?, name)?.parse::<u64>().ok()
        };
        stats.memory_bytes = number(&self.memory, "used_memory");
        stats.memory_limit_bytes = number(&self.memory, "maxmemory").filter(|limit| *limit > 0);
        stats.evictions = number(&self.stats, "evicted_keys");
        stats.expiries = number(&self.stats, "expired_keys");
        stats.keys = self.keyspace.as_deref().map(|section| keys_in(section, database));
    }
}

/// `db0:keys=3,expires=0,…`; an empty database has no line.
fn keys_in(section: &str, database: i64) -> u64 {
    let line = field(section, &format!("db{database}"));
    let keys = line.and_then(|line| line.split(',').find_map(|part| part.strip_prefix("keys=")));
    keys.and_then(|keys| keys.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(memory: &str, stats: &str, keyspace: &str) -> Figures {
        let [memory, stats, keyspace] = [memory, stats, keyspace].map(|text| Some(text.to_owned()));
        Figures { memory, stats, keyspace }
    }

    #[test]
    fn the_figures_are_those_of_the_connections_database() {
        let keyspace = "# Keyspace\r\ndb0:keys=3,expires=1,avg_ttl=0\r\ndb10:keys=7,expires=0\r\n";
        let memory = "# Memory\r\nused_memory:1024\r\nused_memory_rss:9\r\nmaxmemory:4096\r\n";
        let figures = figures(memory, "expired_keys:5\r\nevicted_keys:2\r\n", keyspace);
        for (database, keys) in [(0, 3), (1, 0), (10, 7)] {
            let mut stats = BackendStats::default();
            figures.enter(&mut stats, database);
            assert_eq!(stats.keys, Some(keys), "database {database}");
            assert_eq!(stats.memory_bytes, Some(1024));
            assert_eq!(stats.memory_limit_bytes, Some(4096));
            assert_eq!((stats.evictions, stats.expiries), (Some(2), Some(5)));
        }
    }

    #[test]
    fn what_is_not_told_is_not_made_up() {
        let mut stats = BackendStats::default();
        Figures::default().enter(&mut stats, 0);
        assert_eq!((stats.keys, stats.memory_bytes, stats.evictions), (None, None, None));
        figures("maxmemory:0\r\n", "", "").enter(&mut stats, 0);
        assert_eq!(stats.memory_limit_bytes, None, "zero is no bound");
        assert_eq!(stats.keys, Some(0), "an empty database has no line");
    }
}
