//! The plain port, in Redis commands.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use redis::{Cmd, cmd, pipe};

use super::RedisCache;
use super::link::Patience;
use super::pipeline::CHUNK;
use crate::error::Result;
use crate::key::{Key, Namespace};
use crate::policy::{Remaining, Ttl};
use crate::port::{
    Action, BoxFuture, Cache, Counters, Hashes, Keyspace, Lists, Pipelines, RateLimits,
    SessionBackend, Sets, Watched,
};

pub(super) fn set(key: &Key, value: &[u8], ttl: Ttl) -> Cmd {
    let mut command = match ttl.millis() {
        // A zero TTL removes the key.
        Some(0) => return cmd("UNLINK").arg(key.as_str()).to_owned(),
        _ => cmd("SET"),
    };
    command.arg(key.as_str()).arg(value);
    if let Some(millis) = ttl.millis() {
        command.arg("PX").arg(millis);
    }
    command
}

/// What PTTL answers.
pub(super) fn remaining(millis: i64) -> Remaining {
    match u64::try_from(millis) {
        Ok(millis) => Remaining::Left(Duration::from_millis(millis)),
        Err(_) if millis == -1 => Remaining::Forever,
        Err(_) => Remaining::NoKey,
    }
}

impl Cache for RedisCache {
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Bytes>>> {
        Box::pin(async move {
            let command = || cmd("GET").arg(key.as_str()).to_owned();
            let found: Option<Bytes> = self.read_one(command).await?;
            self.link.tally().read(found.is_some());
            Ok(found)
        })
    }

    fn set<'a>(&'a self, key: &'a Key, value: Bytes, ttl: Ttl) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.one::<redis::Value>(|| set(key, &value, ttl)).await?;
            self.link.tally().set(1);
            Ok(())
        })
    }

    fn set_if_absent<'a>(
        &'a self,
        key: &'a Key,
        value: Bytes,
        ttl: Ttl,
    ) -> BoxFuture<'a, Result<bool>> {
        self.ask(key, Action::SetIfAbsent(value, ttl))
    }

    fn take<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Bytes>>> {
        self.ask(key, Action::Take)
    }

    fn delete<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool>> {
        self.ask(key, Action::Delete)
    }

    fn exists<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool>> {
        Box::pin(self.read_one(|| cmd("EXISTS").arg(key.as_str()).to_owned()))
    }

    fn expire<'a>(&'a self, key: &'a Key, ttl: Ttl) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let mut pipeline = pipe();
            match ttl.millis() {
                // PERSIST answers whether there was a lifetime to take away, so the key is asked for beside it.
                None => pipeline
                    .atomic()
                    .cmd("EXISTS")
                    .arg(key.as_str())
                    .cmd("PERSIST")
                    .arg(key.as_str())
                    .ignore(),
                Some(0) => pipeline.cmd("UNLINK").arg(key.as_str()),
                Some(millis) => pipeline.cmd("PEXPIRE").arg(key.as_str()).arg(millis),
            };
            let exchange = |mut connection| async move {
                pipeline.query_async::<(bool,)>(&mut connection).await
            };
            let (found,) = self.counted(self.link.run(Patience::Reader, exchange).await)?;
            Ok(found)
        })
    }

    fn persist<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool>> {
        self.ask(key, Action::Persist)
    }

    fn ttl<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Remaining>> {
        Box::pin(async move {
            let millis: i64 = self.read_one(|| cmd("PTTL").arg(key.as_str()).to_owned()).await?;
            Ok(remaining(millis))
        })
    }

    fn get_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<Bytes>>>> {
        Box::pin(async move {
            let mut values = Vec::with_capacity(keys.len());
            for chunk in keys.chunks(CHUNK) {
                let read = self.counted(self.link.read_together(chunk, false).await)?;
                values.extend(read.into_iter().map(|read| read.value));
            }
            self.link.tally().read_each(&values);
            Ok(values)
        })
    }

    fn set_many<'a>(&'a self, entries: &'a [(Key, Bytes)], ttl: Ttl) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let answers = self
                .each::<_, redis::Value>(Patience::Reader, entries, |pipeline, (key, value)| {
                    pipeline.add_command(set(key, value, ttl));
                })
                .await?;
            self.link.tally().set(answers.iter().filter(|answer| answer.is_ok()).count());
            answers
                .into_iter()
                .try_for_each(|answer| answer.map(drop).map_err(|error| self.failed(error)))
        })
    }

    fn delete_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            let mut removed = 0;
            for chunk in keys.chunks(CHUNK) {
                let mut command = cmd("UNLINK");
                for key in chunk {
                    command.arg(key.as_str());
                }
                let gone = self.one::<u64>(|| command).await?;
                self.link.tally().deleted(gone);
                removed += gone;
            }
            Ok(removed)
        })
    }

    fn ping(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { self.one::<redis::Value>(|| cmd("PING")).await.map(drop) })
    }

    fn clear<'a>(&'a self, namespace: &'a Namespace) -> BoxFuture<'a, Result<u64>> {
        Box::pin(self.clear_namespace(namespace))
    }

    fn close(&self) -> BoxFuture<'_, Result<()>> {
        let link = Arc::clone(&self.link);
        Box::pin(async move {
            link.close();
            Ok(())
        })
    }

    fn counters(&self) -> Option<&dyn Counters> {
        Some(self)
    }

    fn lists(&self) -> Option<&dyn Lists> {
        Some(self)
    }

    fn sets(&self) -> Option<&dyn Sets> {
        Some(self)
    }

    fn hashes(&self) -> Option<&dyn Hashes> {
        Some(self)
    }

    fn keyspace(&self) -> Option<&dyn Keyspace> {
        Some(self)
    }

    fn pipelines(&self) -> Option<&dyn Pipelines> {
        Some(self)
    }

    fn sessions(&self) -> Option<&dyn SessionBackend> {
        Some(self)
    }

    fn watched(&self) -> Option<&dyn Watched> {
        Some(self)
    }

    fn limits(&self) -> Option<&dyn RateLimits> {
        Some(self)
    }
}
