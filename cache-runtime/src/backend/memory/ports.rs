//! The small ports.

use super::counts::Counts;
use super::{MemoryCache, lock};
use crate::error::Result;
use crate::key::{Key, Pattern};
use crate::port::{
    BackendStats, BoxFuture, Command, Execute, Keyspace, Pipelines, Progress, Reply, Walk, Watched,
};

impl Execute for MemoryCache {
    fn execute<'a>(&'a self, command: Command) -> BoxFuture<'a, Result<Reply>> {
        let Command { key, action } = command;
        Box::pin(async move { self.try_at(&key, |shard, now| shard.execute(&key, action, now)) })
    }
}

impl Pipelines for MemoryCache {
    fn run_commands<'a>(
        &'a self,
        commands: &'a [Command],
    ) -> BoxFuture<'a, Result<Vec<Result<Reply>>>> {
        Box::pin(async move {
            self.inner.open()?;
            let run = |Command { key, action }: &Command| {
                self.try_at(key, |shard, now| shard.execute(key, action.clone(), now))
            };
            Ok(commands.iter().map(run).collect())
        })
    }
}

/// A shard at a time, whatever the size of a batch is.
impl Keyspace for MemoryCache {
    fn keys_matching<'a>(
        &'a self,
        pattern: &'a Pattern,
        mut walk: Walk<'a>,
    ) -> BoxFuture<'a, Result<Vec<Key>>> {
        Box::pin(async move {
            let (mut found, mut progress) = (Vec::new(), Progress::default());
            self.everywhere(|shard, now| {
                progress += shard.list(pattern, &mut found, now);
                walk.tell(progress);
            })?;
            Ok(found)
        })
    }

    fn delete_matching<'a>(
        &'a self,
        pattern: &'a Pattern,
        mut walk: Walk<'a>,
    ) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            let mut progress = Progress::default();
            self.announcing_everything(pattern.namespace(), || {
                self.everywhere(|shard, now| {
                    progress += shard.delete_matching(pattern, now);
                    walk.tell(progress);
                })
            })?;
            Ok(progress.removed)
        })
    }
}

impl Watched for MemoryCache {
    fn backend_stats(&self) -> BoxFuture<'_, Result<BackendStats>> {
        Box::pin(async move {
            self.inner.open()?;
            let (mut counts, mut keys, mut bytes) = (Counts::default(), 0, 0);
            for shard in &self.inner.shards {
                let shard = lock(shard);
                counts += shard.counted();
                keys += shard.entries();
                bytes += shard.bytes();
            }
            Ok(BackendStats {
                hits: counts.hits,
                misses: counts.misses,
                sets: counts.sets,
                deletes: counts.deletes,
                errors: counts.errors,
                keys: u64::try_from(keys).ok(),
                memory_bytes: Some(bytes),
                memory_limit_bytes: u64::try_from(self.inner.capacity).ok(),
                evictions: Some(counts.evictions),
                expiries: Some(counts.expiries),
                connection: None,
            })
        })
    }
}
