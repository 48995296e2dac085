//! The ports, step by step on the shards. No step waits for anything but a shard's lock.

use std::time::Duration;

use bytes::Bytes;

use super::MemoryCache;
use crate::entry::Token;
use crate::error::Result;
use crate::key::{Key, Namespace};
use crate::policy::{Remaining, Ttl};
use crate::port::{
    BoxFuture, Cache, CoherentCache, Fill, LeaseOutcome, LeaseRequest, ReleaseOutcome,
};

impl MemoryCache {
    /// One step for each item, in order. For no items it still says whether the cache is open.
    fn each<I, T>(&self, items: &[I], step: impl Fn(&I) -> Result<T>) -> Result<Vec<T>> {
        self.inner.open()?;
        items.iter().map(step).collect()
    }
}

impl Cache for MemoryCache {
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Bytes>>> {
        Box::pin(async move { self.at(key, |shard, now| shard.get(key, now)) })
    }

    fn set<'a>(&'a self, key: &'a Key, value: Bytes, ttl: Ttl) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.at(key, |shard, now| shard.set(key, value, ttl, now)) })
    }

    fn delete<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move { self.at(key, |shard, now| shard.delete(key, now)) })
    }

    fn exists<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move { self.at(key, |shard, now| shard.exists(key, now)) })
    }

    fn expire<'a>(&'a self, key: &'a Key, ttl: Ttl) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move { self.at(key, |shard, now| shard.expire(key, ttl, now)) })
    }

    fn ttl<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Remaining>> {
        Box::pin(async move { self.at(key, |shard, now| shard.remaining(key, now)) })
    }

    fn get_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<Bytes>>>> {
        Box::pin(
            async move { self.each(keys, |key| self.at(key, |shard, now| shard.get(key, now))) },
        )
    }

    fn set_many<'a>(&'a self, entries: &'a [(Key, Bytes)], ttl: Ttl) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.each(entries, |(key, value)| {
                self.at(key, |shard, now| shard.set(key, value.clone(), ttl, now))
            })
            .map(drop)
        })
    }

    fn delete_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            let removed =
                self.each(keys, |key| self.at(key, |shard, now| shard.delete(key, now)))?;
            Ok(removed.into_iter().map(u64::from).sum())
        })
    }

    fn ping(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { self.inner.open() })
    }

    fn clear<'a>(&'a self, namespace: &'a Namespace) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            let mut removed = 0;
            self.everywhere(|shard, now| removed += shard.clear(namespace, now))?;
            Ok(removed)
        })
    }

    fn close(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.shut();
            Ok(())
        })
    }
}

impl CoherentCache for MemoryCache {
    fn lease<'a>(
        &'a self,
        requests: &'a [LeaseRequest],
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Vec<LeaseOutcome>>> {
        Box::pin(async move {
            self.each(requests, |request| {
                self.at(&request.key, |shard, now| shard.lease(request, ttl, now))
            })
        })
    }

    fn fill<'a>(&'a self, fills: &'a [Fill]) -> BoxFuture<'a, Result<Vec<bool>>> {
        Box::pin(async move {
            self.each(fills, |fill| self.at(&fill.key, |shard, now| shard.fill(fill, now)))
        })
    }

    fn abandon<'a>(&'a self, keys: &'a [Key], token: Token) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.each(keys, |key| self.at(key, |shard, now| shard.abandon(key, token, now)))
                .map(drop)
        })
    }

    fn hold<'a>(
        &'a self,
        keys: &'a [Key],
        token: Token,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.each(keys, |key| self.at(key, |shard, now| shard.hold(key, token, ttl, now)))
                .map(drop)
        })
    }

    fn release<'a>(
        &'a self,
        keys: &'a [Key],
        token: Token,
    ) -> BoxFuture<'a, Result<Vec<ReleaseOutcome>>> {
        Box::pin(async move {
            self.each(keys, |key| self.at(key, |shard, now| shard.release(key, token, now)))
        })
    }
}
