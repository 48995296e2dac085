//! Every call of the ports, through the plan.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::stream::FaultyStream;
use super::{FaultyCache, Op};
use crate::entry::Token;
use crate::error::Result;
use crate::key::{Key, Namespace, Prefix};
use crate::policy::{Remaining, Ttl};
use crate::port::{
    BoxFuture, Cache, CoherentCache, Counters, Fill, Hashes, InvalidationStream, Keyspace,
    LeaseOutcome, LeaseRequest, Lists, Live, Pipelines, RateLimits, ReleaseOutcome, Replacement,
    SessionBackend, Sets, Survey, SurveyFrom, Watched, WriteQueue,
};

impl Cache for FaultyCache {
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Bytes>>> {
        self.pass(Op::Get, |inner| inner.get(key))
    }

    fn set<'a>(&'a self, key: &'a Key, value: Bytes, ttl: Ttl) -> BoxFuture<'a, Result<()>> {
        self.pass(Op::Set, move |inner| inner.set(key, value, ttl))
    }

    fn set_if_absent<'a>(
        &'a self,
        key: &'a Key,
        value: Bytes,
        ttl: Ttl,
    ) -> BoxFuture<'a, Result<bool>> {
        self.pass(Op::SetIfAbsent, move |inner| inner.set_if_absent(key, value, ttl))
    }

    fn take<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Bytes>>> {
        self.pass(Op::Take, |inner| inner.take(key))
    }

    fn delete<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool>> {
        self.pass(Op::Delete, |inner| inner.delete(key))
    }

    fn exists<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool>> {
        self.pass(Op::Exists, |inner| inner.exists(key))
    }

    fn expire<'a>(&'a self, key: &'a Key, ttl: Ttl) -> BoxFuture<'a, Result<bool>> {
        self.pass(Op::Expire, move |inner| inner.expire(key, ttl))
    }

    fn persist<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool>> {
        self.pass(Op::Persist, |inner| inner.persist(key))
    }

    fn ttl<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Remaining>> {
        self.pass(Op::Ttl, |inner| inner.ttl(key))
    }

    fn get_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<Bytes>>>> {
        self.pass(Op::GetMany, |inner| inner.get_many(keys))
    }

    fn set_many<'a>(&'a self, entries: &'a [(Key, Bytes)], ttl: Ttl) -> BoxFuture<'a, Result<()>> {
        self.pass(Op::SetMany, move |inner| inner.set_many(entries, ttl))
    }

    fn delete_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<u64>> {
        self.pass(Op::DeleteMany, |inner| inner.delete_many(keys))
    }

    fn ping(&self) -> BoxFuture<'_, Result<()>> {
        self.pass(Op::Ping, |inner| inner.ping())
    }

    fn clear<'a>(&'a self, namespace: &'a Namespace) -> BoxFuture<'a, Result<u64>> {
        self.pass(Op::Clear, |inner| inner.clear(namespace))
    }

    fn close(&self) -> BoxFuture<'_, Result<()>> {
        self.pass(Op::Close, |inner| inner.close())
    }

    fn counters(&self) -> Option<&dyn Counters> {
        self.inner.counters().map(|_| self as &dyn Counters)
    }

    fn lists(&self) -> Option<&dyn Lists> {
        self.inner.lists().map(|_| self as &dyn Lists)
    }

    fn sets(&self) -> Option<&dyn Sets> {
        self.inner.sets().map(|_| self as &dyn Sets)
    }

    fn hashes(&self) -> Option<&dyn Hashes> {
        self.inner.hashes().map(|_| self as &dyn Hashes)
    }

    fn keyspace(&self) -> Option<&dyn Keyspace> {
        self.inner.keyspace().map(|_| self as &dyn Keyspace)
    }

    fn pipelines(&self) -> Option<&dyn Pipelines> {
        self.inner.pipelines().map(|_| self as &dyn Pipelines)
    }

    fn sessions(&self) -> Option<&dyn SessionBackend> {
        self.inner.sessions().map(|_| self as &dyn SessionBackend)
    }

    fn watched(&self) -> Option<&dyn Watched> {
        self.inner.watched().map(|_| self as &dyn Watched)
    }

    fn limits(&self) -> Option<&dyn RateLimits> {
        self.inner.limits().map(|_| self as &dyn RateLimits)
    }
}

impl CoherentCache for FaultyCache {
    fn lease<'a>(
        &'a self,
        requests: &'a [LeaseRequest],
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Vec<LeaseOutcome>>> {
        self.pass(Op::Lease, move |inner| inner.lease(requests, ttl))
    }

    fn fill<'a>(&'a self, fills: &'a [Fill]) -> BoxFuture<'a, Result<Vec<bool>>> {
        self.pass(Op::Fill, |inner| inner.fill(fills))
    }

    fn replace<'a>(&'a self, replacements: &'a [Replacement]) -> BoxFuture<'a, Result<Vec<bool>>> {
        self.pass(Op::Replace, |inner| inner.replace(replacements))
    }

    fn abandon<'a>(&'a self, keys: &'a [Key], token: Token) -> BoxFuture<'a, Result<()>> {
        self.pass(Op::Abandon, move |inner| inner.abandon(keys, token))
    }

    fn hold<'a>(
        &'a self,
        keys: &'a [Key],
        token: Token,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<()>> {
        self.pass(Op::Hold, move |inner| inner.hold(keys, token, ttl))
    }

    fn release<'a>(
        &'a self,
        keys: &'a [Key],
        token: Token,
    ) -> BoxFuture<'a, Result<Vec<ReleaseOutcome>>> {
        self.pass(Op::Release, move |inner| inner.release(keys, token))
    }

    fn pull<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Live>>> {
        self.pass(Op::Pull, move |inner| inner.pull(keys))
    }

    fn read<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Bytes>>> {
        self.pass(Op::Get, |inner| inner.read(key))
    }

    fn get_live<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Live>>> {
        self.pass(Op::GetLive, move |inner| inner.get_live(keys))
    }

    fn sweep<'a>(&'a self, prefix: &'a Prefix) -> BoxFuture<'a, Result<u64>> {
        self.pass(Op::Sweep, move |inner| inner.sweep(prefix))
    }

    fn invalidations<'a>(
        &'a self,
        namespace: &'a Namespace,
    ) -> BoxFuture<'a, Result<Box<dyn InvalidationStream>>> {
        let opening = self.pass(Op::Invalidations, move |inner| inner.invalidations(namespace));
        Box::pin(async move {
            let stream = FaultyStream::over(self, opening.await?);
            Ok(Box::new(stream) as Box<dyn InvalidationStream>)
        })
    }

    fn write_queue(&self, name: &Key) -> Result<Arc<dyn WriteQueue>> {
        self.inner.write_queue(name)
    }

    fn survey<'a>(
        &'a self,
        namespace: &'a Namespace,
        from: SurveyFrom,
    ) -> BoxFuture<'a, Result<Survey>> {
        self.pass(Op::Survey, move |inner| inner.survey(namespace, from))
    }

    fn era(&self) -> u64 {
        self.inner.era()
    }

    fn session(&self) -> u64 {
        self.inner.session()
    }
}
