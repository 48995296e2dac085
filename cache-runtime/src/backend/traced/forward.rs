//! Every call of the ports, told of where somebody listens.

use std::slice::from_ref;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::Traced;
use super::call::Came;
use crate::entry::Token;
use crate::error::Result;
use crate::key::{Key, Namespace, Prefix};
use crate::policy::{Remaining, Ttl};
use crate::port::{
    BoxFuture, Cache, CoherentCache, Counters, Fill, Hashes, InvalidationStream, Keyspace,
    LeaseOutcome, LeaseRequest, Lists, Live, Pipelines, RateLimits, ReleaseOutcome, Replacement,
    SessionBackend, Sets, Survey, SurveyFrom, Watched, WriteQueue,
};

/// `told!(self.get(key), about …, sending …, |answer| Came)`
macro_rules! told {
    ($self:ident.$method:ident($($argument:expr),*), $keys:expr, $sending:expr, $came:expr) => {{
        if !Self::is_on() {
            return $self.inner.$method($($argument),*);
        }
        Box::pin(async move {
            let call = Self::begin(stringify!($method)).about($keys).sending($sending);
            let answer = $self.inner.$method($($argument),*).await;
            call.end(answer, $came)
        })
    }};
}

pub(super) const NO_KEYS: [&Key; 0] = [];

pub(super) fn as_count(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

impl<C: Cache + ?Sized> Cache for Traced<C> {
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Bytes>>> {
        told!(self.get(key), from_ref(key), 0, |found| Came::found(found.as_ref().map(Bytes::len)))
    }

    fn set<'a>(&'a self, key: &'a Key, value: Bytes, ttl: Ttl) -> BoxFuture<'a, Result<()>> {
        told!(self.set(key, value, ttl), from_ref(key), value.len(), |()| Came::done())
    }

    fn set_if_absent<'a>(
        &'a self,
        key: &'a Key,
        value: Bytes,
        ttl: Ttl,
    ) -> BoxFuture<'a, Result<bool>> {
        told!(self.set_if_absent(key, value, ttl), from_ref(key), value.len(), |set| Came::count(
            usize::from(*set)
        ))
    }

    fn take<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Bytes>>> {
        told!(self.take(key), from_ref(key), 0, |found| Came::found(found.as_ref().map(Bytes::len)))
    }

    fn delete<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool>> {
        told!(self.delete(key), from_ref(key), 0, |there| Came::yes(*there))
    }

    fn exists<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool>> {
        told!(self.exists(key), from_ref(key), 0, |there| Came::yes(*there))
    }

    fn expire<'a>(&'a self, key: &'a Key, ttl: Ttl) -> BoxFuture<'a, Result<bool>> {
        told!(self.expire(key, ttl), from_ref(key), 0, |there| Came::yes(*there))
    }

    fn persist<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool>> {
        told!(self.persist(key), from_ref(key), 0, |there| Came::yes(*there))
    }

    fn ttl<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Remaining>> {
        told!(self.ttl(key), from_ref(key), 0, |left| Came::yes(*left != Remaining::NoKey))
    }

    fn get_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<Bytes>>>> {
        told!(self.get_many(keys), keys, 0, |found| Came::among(
            found.iter().map(|found| found.as_ref().map(Bytes::len))
        ))
    }

    fn set_many<'a>(&'a self, entries: &'a [(Key, Bytes)], ttl: Ttl) -> BoxFuture<'a, Result<()>> {
        told!(
            self.set_many(entries, ttl),
            entries.iter().map(|(key, _)| key),
            entries.iter().map(|(_, value)| value.len()).sum(),
            |()| Came::done()
        )
    }

    fn delete_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<u64>> {
        told!(self.delete_many(keys), keys, 0, |removed| Came::count(as_count(*removed)))
    }

    fn ping(&self) -> BoxFuture<'_, Result<()>> {
        told!(self.ping(), NO_KEYS, 0, |()| Came::done())
    }

    fn clear<'a>(&'a self, namespace: &'a Namespace) -> BoxFuture<'a, Result<u64>> {
        told!(self.clear(namespace), NO_KEYS, 0, |removed| Came::count(as_count(*removed)))
    }

    fn close(&self) -> BoxFuture<'_, Result<()>> {
        told!(self.close(), NO_KEYS, 0, |()| Came::done())
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

    fn watched(&self) -> Option<&dyn Watched> {
        self.inner.watched().map(|_| self as &dyn Watched)
    }

    fn limits(&self) -> Option<&dyn RateLimits> {
        self.inner.limits().map(|_| self as &dyn RateLimits)
    }

    fn sessions(&self) -> Option<&dyn SessionBackend> {
        self.inner.sessions().map(|_| self as &dyn SessionBackend)
    }
}

impl<C: CoherentCache + ?Sized> CoherentCache for Traced<C> {
    fn lease<'a>(
        &'a self,
        requests: &'a [LeaseRequest],
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Vec<LeaseOutcome>>> {
        told!(
            self.lease(requests, ttl),
            requests.iter().map(|request| &request.key),
            0,
            |outcomes| Came::count(
                outcomes.iter().filter(|outcome| **outcome == LeaseOutcome::Granted).count()
            )
        )
    }

    fn fill<'a>(&'a self, fills: &'a [Fill]) -> BoxFuture<'a, Result<Vec<bool>>> {
        told!(
            self.fill(fills),
            fills.iter().map(|fill| &fill.key),
            fills.iter().map(|fill| fill.entry.len()).sum(),
            |accepted| Came::count(accepted.iter().filter(|accepted| **accepted).count())
        )
    }

    fn replace<'a>(&'a self, replacements: &'a [Replacement]) -> BoxFuture<'a, Result<Vec<bool>>> {
        told!(
            self.replace(replacements),
            replacements.iter().map(|replacement| &replacement.key),
            replacements.iter().map(|replacement| replacement.entry.len()).sum(),
            |stand| Came::count(stand.iter().filter(|stands| **stands).count())
        )
    }

    fn abandon<'a>(&'a self, keys: &'a [Key], token: Token) -> BoxFuture<'a, Result<()>> {
        told!(self.abandon(keys, token), keys, 0, |()| Came::done())
    }

    fn hold<'a>(
        &'a self,
        keys: &'a [Key],
        token: Token,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<()>> {
        told!(self.hold(keys, token, ttl), keys, 0, |()| Came::done())
    }

    fn release<'a>(
        &'a self,
        keys: &'a [Key],
        token: Token,
    ) -> BoxFuture<'a, Result<Vec<ReleaseOutcome>>> {
        told!(self.release(keys, token), keys, 0, |outcomes| Came::count(
            outcomes.iter().filter(|outcome| **outcome == ReleaseOutcome::Released).count()
        ))
    }

    fn read<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Bytes>>> {
        told!(self.read(key), from_ref(key), 0, |found| Came::found(found.as_ref().map(Bytes::len)))
    }

    fn get_live<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Live>>> {
        told!(self.get_live(keys), keys, 0, |found| Came::among(
            found.iter().map(|found| found.as_ref().map(|(bytes, _)| bytes.len()))
        ))
    }

    fn pull<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Live>>> {
        told!(self.pull(keys), keys, 0, |found| Came::among(
            found.iter().map(|found| found.as_ref().map(|(bytes, _)| bytes.len()))
        ))
    }

    fn sweep<'a>(&'a self, prefix: &'a Prefix) -> BoxFuture<'a, Result<u64>> {
        told!(self.sweep(prefix), NO_KEYS, 0, |removed| Came::count(as_count(*removed)))
    }

    fn survey<'a>(
        &'a self,
        namespace: &'a Namespace,
        from: SurveyFrom,
    ) -> BoxFuture<'a, Result<Survey>> {
        told!(self.survey(namespace, from), NO_KEYS, 0, |piece| Came::count(piece.keys.len()))
    }

    /// What comes on the stream is not told.
    fn invalidations<'a>(
        &'a self,
        namespace: &'a Namespace,
    ) -> BoxFuture<'a, Result<Box<dyn InvalidationStream>>> {
        told!(self.invalidations(namespace), NO_KEYS, 0, |_| Came::done())
    }

    /// What goes through the queue is not told.
    fn write_queue(&self, name: &Key) -> Result<Arc<dyn WriteQueue>> {
        self.inner.write_queue(name)
    }

    fn era(&self) -> u64 {
        self.inner.era()
    }

    fn session(&self) -> u64 {
        self.inner.session()
    }
}
