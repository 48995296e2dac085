//! One read: hit, or lease, load and fill.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;

use super::context::Context;
use super::fill::Permit;
use super::flight::{Arrival, Arrived, Boarding, Erased, Flights, Leader};
use super::spec::{Answer, Spec};
use super::stats::Counters;
use crate::entry::{Body, Entry, Token};
use crate::error::{Error, ErrorKind};
use crate::key::Key;
use crate::port::Step;

/// What a look at the cache found.
pub(crate) enum Look<T> {
    Hit(T),
    Miss(Miss),
}

/// Why the cache has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Miss {
    Absent,
    /// Bytes that are no answer: of another type, another version, under a tag that has moved on.
    Foreign(Bytes),
    /// Somebody is loading.
    Leased(Token),
    /// A writer is about to commit, or has just done so.
    Held,
    /// The cache could not be asked.
    Unreachable,
}

/// How one failure is handed to several callers: split off a copy, and make it a failure again.
pub(crate) struct Sharing<E> {
    pub(crate) split: fn(E) -> (E, Option<Erased>),
    pub(crate) restore: fn(&Erased) -> Option<E>,
}

/// The reads of one repository.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'r> {
    pub(crate) context: &'r Arc<Context>,
    pub(crate) flights: &'r Arc<Flights>,
    pub(crate) counters: &'r Arc<Counters>,
}

impl Reader<'_> {
    /// The answer at `spec`, from the cache or by `load`.
    pub(crate) async fn read<A, E, F, Fut>(
        self,
        spec: &Spec,
        sharing: Sharing<E>,
        load: F,
    ) -> Result<A::Value, E>
    where
        A: Answer,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<A::Value, E>>,
    {
        let mut miss = match self.look::<A>(spec).await {
            Look::Hit(value) => return Ok(value),
            Look::Miss(miss) => miss,
        };
        self.counters.misses.up();
        loop {
            let passenger = match self.flights.board(&spec.key) {
                Boarding::Leader(leader) => {
                    return self.lead::<A, E, F, Fut>(leader, spec, miss, sharing, load).await;
                }
                Boarding::Passenger(passenger) => passenger,
            };
            // Longer than a lease lives nobody waits: then the leader hangs, and another takes over.
            match passenger.arrive(self.context.policy.lease_ttl).await {
                Arrived::With(Arrival::Value(body)) => {
                    if let Some(value) = A::decode(&body) {
                        self.counters.coalesced.up();
                        return Ok(value);
                    }
                }
                Arrived::With(Arrival::Failure(failure)) => {
                    if let Some(error) = (sharing.restore)(&failure) {
                        self.counters.coalesced.up();
                        return Err(error);
                    }
                }
                Arrived::Anew => {}
                Arrived::Alone => {
                    self.context.before(Step::Load, &spec.key).await;
                    self.counters.loads.up();
                    return load().await;
                }
                Arrived::TooSlow => self.flights.detach(&spec.key, &passenger),
            }
            // What was found before is old by now.
            miss = match self.look::<A>(spec).await {
                Look::Hit(value) => return Ok(value),
                Look::Miss(miss) => miss,
            };
        }
    }

    /// Asks the cache alone.
    pub(crate) async fn look<A: Answer>(self, spec: &Spec) -> Look<A::Value> {
        self.context.before(Step::Read, &spec.key).await;
        let found = if spec.tags.is_empty() {
            self.context.cache.get(&spec.key).await.map(|bytes| (bytes, Vec::new()))
        } else {
            let keys: Vec<Key> = std::iter::once(&spec.key).chain(&spec.tags).cloned().collect();
            self.context.cache.get_many(&keys).await.map(|mut all| {
                let tags = all.split_off(1.min(all.len()));
                (all.pop().flatten(), tags)
            })
        };
        match found {
            Ok((bytes, tags)) => self.judge::<A>(spec, bytes, &tags),
            Err(error) => {
                self.failed("reading an entry", &error);
                Look::Miss(Miss::Unreachable)
            }
        }
    }

    /// Decides what bytes at a key mean to a reader of this type.
    pub(crate) fn judge<A: Answer>(
        self,
        spec: &Spec,
        bytes: Option<Bytes>,
        tags: &[Option<Bytes>],
    ) -> Look<A::Value> {
        let Some(bytes) = bytes else { return Look::Miss(Miss::Absent) };
        let value = match Entry::parse(&bytes) {
            Entry::Value(value) => value,
            Entry::Lease(token) => return Look::Miss(Miss::Leased(token)),
            Entry::Hold => return self.held(),
            Entry::Foreign => return self.foreign(bytes),
        };
        let mut stamps = value.stamps.iter();
        for tag in tags {
            match tag.as_ref().map(Entry::parse) {
                Some(Entry::Lease(stamp)) if stamps.next() == Some(&stamp) => {}
                Some(Entry::Hold) => return self.held(),
                // The tag has moved on.
                _ => return Look::Miss(Miss::Foreign(bytes)),
            }
        }
        if value.fingerprint != spec.shape.fingerprint || stamps.next().is_some() {
            return self.foreign(bytes);
        }
        match A::decode(&value.body) {
            Some(answer) => {
                match value.body {
                    Body::Nothing => self.counters.negative_hits.up(),
                    Body::Encoded { .. } => self.counters.hits.up(),
                }
                Look::Hit(answer)
            }
            None => self.foreign(bytes),
        }
    }

    fn held<T>(self) -> Look<T> {
        self.counters.held.up();
        Look::Miss(Miss::Held)
    }

    fn foreign<T>(self, bytes: Bytes) -> Look<T> {
        self.counters.foreign.up();
        Look::Miss(Miss::Foreign(bytes))
    }

    async fn lead<A, E, F, Fut>(
        self,
        leader: Leader,
        spec: &Spec,
        miss: Miss,
        sharing: Sharing<E>,
        load: F,
    ) -> Result<A::Value, E>
    where
        A: Answer,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<A::Value, E>>,
    {
        let permit = match self.permit::<A>(&leader, spec, miss).await {
            Permit::Answer(value) => {
                leader.land(A::encode(&value, spec.codec()).map(Arrival::Value));
                leader.filled(false);
                return Ok(value);
            }
            Permit::Fill(permit) => Some(permit),
            Permit::LoadOnly => {
                // No round trip to the cache lets the others board: without this they would fly one by one.
                tokio::task::yield_now().await;
                None
            }
        };
        self.context.before(Step::Load, &spec.key).await;
        leader.depart();
        self.counters.loads.up();
        let began = self.context.clock.elapsed();
        match load().await {
            Ok(value) => {
                let took = self.context.clock.elapsed().saturating_sub(began);
                let body = A::encode(&value, spec.codec());
                leader.land(body.clone().map(Arrival::Value));
                self.fill_behind(leader, spec, self.prepare(spec, permit, body, took));
                Ok(value)
            }
            // Nobody else is waiting: the failure stays as it is.
            Err(error) if !leader.has_passengers() => Err(error),
            Err(error) => {
                let (error, shared) = (sharing.split)(error);
                leader.land(shared.map(Arrival::Failure));
                leader.filled(false);
                Err(error)
            }
        }
    }

    /// Loads in any case, and puts the answer in place of what stands there.
    pub(crate) async fn renew<A, E, F, Fut>(self, spec: &Spec, load: F) -> Result<A::Value, E>
    where
        A: Answer,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<A::Value, E>>,
    {
        let (permit, replaced) = match self.permit_to_replace(spec).await {
            Some((permit, replaced)) => (Some(permit), replaced),
            None => (None, None),
        };
        let filled_by_nobody = permit.is_none();
        self.context.before(Step::Load, &spec.key).await;
        self.counters.loads.up();
        let began = self.context.clock.elapsed();
        let value = match load().await {
            Ok(value) => value,
            Err(error) => {
                // What stood there is still as true as it was: the lease proves that no writer came between.
                if let Some((permit, (entry, ttl))) = permit.zip(replaced) {
                    let _ =
                        self.context.cache.fill(&[permit.put_back(&spec.key, entry, ttl)]).await;
                }
                return Err(error);
            }
        };
        let took = self.context.clock.elapsed().saturating_sub(began);
        let body = A::encode(&value, spec.codec());
        match self.prepare(spec, permit, body, took) {
            Some(fill) => {
                self.fill(fill, || {}).await;
            }
            // Somebody else is about to fill, maybe with what was there before.
            None if filled_by_nobody => {
                let keys = std::slice::from_ref(&spec.key);
                if let Err(error) = self.context.cache.release(keys, Token::new()).await {
                    self.failed("removing an entry", &error);
                }
            }
            None => {}
        }
        Ok(value)
    }

    /// The backend refused a lease for one key alone.
    pub(super) fn refused(self, kind: ErrorKind) {
        self.failed(
            "taking a lease",
            &Error::new(kind, "the cache refused a key: another data type stands there"),
        );
    }

    pub(crate) fn failed(self, doing: &'static str, error: &Error) {
        self.counters.errors.up();
        self.context.complain(doing, error);
    }
}
