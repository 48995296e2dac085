//! The ports, step by step on the shards. No step waits for anything but a shard's lock.

use std::slice::from_ref;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::MemoryCache;
use super::stream::Stream;
use crate::entry::Token;
use crate::error::Result;
use crate::key::{Key, Namespace, Prefix};
use crate::policy::{Remaining, Ttl};
use crate::port::{
    BoxFuture, Cache, CoherentCache, Counters, Fill, Hashes, InvalidationStream, Keyspace,
    LeaseOutcome, LeaseRequest, Lists, Live, Pipelines, RateLimits, ReleaseOutcome, Replacement,
    SessionBackend, Sets, Survey, SurveyFrom, Watched, WriteQueue,
};

impl MemoryCache {
    /// One step for each item, in order. For no items it still says whether the cache is open.
    fn each<I, T>(&self, items: &[I], step: impl Fn(&I) -> Result<T>) -> Result<Vec<T>> {
        self.inner.open()?;
        items.iter().map(step).collect()
    }

    pub(super) fn announcing_everything<T>(
        &self,
        namespace: &str,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        self.inner.listeners.announce_everything(namespace);
        let done = work();
        self.inner.listeners.announce_everything(namespace);
        done
    }
}

impl Cache for MemoryCache {
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Bytes>>> {
        Box::pin(async move { self.try_at(key, |shard, now| shard.get(key, now)) })
    }

    fn set<'a>(&'a self, key: &'a Key, value: Bytes, ttl: Ttl) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.at(key, |shard, now| shard.set(key, value, ttl, now)) })
    }

    fn set_if_absent<'a>(
        &'a self,
        key: &'a Key,
        value: Bytes,
        ttl: Ttl,
    ) -> BoxFuture<'a, Result<bool>> {
        Box::pin(
            async move { self.at(key, |shard, now| shard.set_if_absent(key, value, ttl, now)) },
        )
    }

    fn take<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Bytes>>> {
        Box::pin(async move { self.try_at(key, |shard, now| shard.take(key, now)) })
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

    fn persist<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move { self.at(key, |shard, now| shard.persist(key, now)) })
    }

    fn ttl<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Remaining>> {
        Box::pin(async move { self.at(key, |shard, now| shard.remaining(key, now)) })
    }

    fn get_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<Bytes>>>> {
        Box::pin(async move {
            self.each(keys, |key| self.at(key, |shard, now| shard.get_one_of_many(key, now)))
        })
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
            self.announcing_everything(namespace.as_str(), || {
                let mut removed = 0;
                self.everywhere(|shard, now| removed += shard.clear(namespace, now))?;
                Ok(removed)
            })
        })
    }

    fn close(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.shut();
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

impl CoherentCache for MemoryCache {
    fn lease<'a>(
        &'a self,
        requests: &'a [LeaseRequest],
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Vec<LeaseOutcome>>> {
        Box::pin(async move {
            self.each(requests, |request| {
                self.at(&request.key, |shard, now| {
                    let outcome = shard.lease(request, ttl, now);
                    if outcome == LeaseOutcome::Granted && request.over.is_some() {
                        self.inner.listeners.announce(from_ref(&request.key));
                    }
                    outcome
                })
            })
        })
    }

    fn fill<'a>(&'a self, fills: &'a [Fill]) -> BoxFuture<'a, Result<Vec<bool>>> {
        Box::pin(async move {
            self.each(fills, |fill| self.at(&fill.key, |shard, now| shard.fill(fill, now)))
        })
    }

    fn replace<'a>(&'a self, replacements: &'a [Replacement]) -> BoxFuture<'a, Result<Vec<bool>>> {
        Box::pin(async move {
            self.each(replacements, |replacement| {
                self.at(&replacement.key, |shard, now| shard.replace(replacement, now))
            })
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
            // One key that cannot be held does not keep the others from it: they were asked for, too.
            let held = self.each(keys, |key| {
                Ok(self.try_at(key, |shard, now| shard.hold(key, token, ttl, now)))
            })?;
            self.inner.listeners.announce(keys);
            held.into_iter().collect()
        })
    }

    fn release<'a>(
        &'a self,
        keys: &'a [Key],
        token: Token,
    ) -> BoxFuture<'a, Result<Vec<ReleaseOutcome>>> {
        Box::pin(async move {
            self.each(keys, |key| {
                self.at(key, |shard, now| {
                    let outcome = shard.release(key, token, now);
                    // Under the shard's lock: nobody sees the key without it before it is announced.
                    if outcome == ReleaseOutcome::WasGone {
                        self.inner.listeners.announce(from_ref(key));
                    }
                    outcome
                })
            })
        })
    }

    fn pull<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Live>>> {
        Box::pin(async move {
            self.each(keys, |key| {
                self.at(key, |shard, now| {
                    let pulled = shard.pull(key, now);
                    // Under the shard's lock: nobody sees the key without it before it is announced.
                    self.inner.listeners.announce(from_ref(key));
                    pulled
                })
            })
        })
    }

    fn get_live<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Live>>> {
        Box::pin(async move {
            self.each(keys, |key| self.at(key, |shard, now| shard.get_live(key, now)))
        })
    }

    fn invalidations<'a>(
        &'a self,
        namespace: &'a Namespace,
    ) -> BoxFuture<'a, Result<Box<dyn InvalidationStream>>> {
        Box::pin(async move {
            let stream = Stream::open(self, namespace)?;
            Ok(Box::new(stream) as Box<dyn InvalidationStream>)
        })
    }

    fn write_queue(&self, name: &Key) -> Result<Arc<dyn WriteQueue>> {
        self.inner.open()?;
        Ok(self.inner.queues.of(name, &self.inner.clock))
    }

    /// A piece is a shard.
    fn survey<'a>(
        &'a self,
        namespace: &'a Namespace,
        from: SurveyFrom,
    ) -> BoxFuture<'a, Result<Survey>> {
        Box::pin(async move {
            let place = usize::try_from(from.cursor).unwrap_or(usize::MAX);
            let Some(found) = self.within(place, |shard, now| shard.survey(namespace, now))? else {
                return Ok(Survey::default());
            };
            let more = place + 1 < self.inner.shards.len();
            let next = more.then_some(from.cursor + 1);
            let seen = found.len() as u64;
            Ok(Survey { next, seen, keys: from.sampled(found).collect() })
        })
    }

    fn sweep<'a>(&'a self, prefix: &'a Prefix) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            self.announcing_everything(prefix.namespace(), || {
                let mut removed = 0;
                self.everywhere(|shard, now| removed += shard.sweep(prefix, now))?;
                Ok(removed)
            })
        })
    }
}
