//! One read: hit, or lease, load and fill.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::context::Context;
use super::fill::Permit;
use super::flight::{Arrival, Arrived, Boarding, Erased, Flights, Leader};
use super::lease::Replaced;
use super::loads::{Loads, Turn};
use super::soft::{self, Underway, Waited, Work};
use super::spec::{Answer, Kept, Spec};
use super::stats::Counters;
use super::tier::Ticket;
use crate::entry::{Body, Entry, Token};
use crate::error::{Error, ErrorKind};
use crate::key::Key;
use crate::policy::{Level, Loading, Remaining};
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
    /// Bytes that are no answer: of another type, another version, another era, under a tag that has moved on.
    Foreign(Bytes),
    /// A value that has outlived its TTL, and may still stand in for a load that fails.
    Expired(Replaced),
    /// Somebody is loading.
    Leased(Token),
    /// A writer is about to commit, or has just done so.
    Held,
    /// The cache could not be asked.
    Unreachable,
}

/// How one failure is handed to several callers: split off a copy, and make it a failure again. And how a failure of
/// our own is put into the caller's type, where that can be.
pub(crate) struct Sharing<E> {
    pub(crate) split: fn(E) -> (E, Option<Erased>),
    pub(crate) restore: fn(&Erased) -> Option<E>,
    pub(crate) own: fn(&Error) -> Option<E>,
}

impl<E> Clone for Sharing<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Sharing<E> {}

/// The reads of one repository.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'r> {
    pub(crate) context: &'r Arc<Context>,
    pub(crate) flights: &'r Arc<Flights>,
    pub(crate) counters: &'r Arc<Counters>,
    /// The cap on this repository's loads, beside that of all.
    pub(crate) cap: Option<&'r Arc<Semaphore>>,
}

/// What a reader found at a key, as it came from the cache.
pub(crate) struct Found {
    pub(crate) bytes: Option<Bytes>,
    pub(crate) tags: Vec<Option<Bytes>>,
    /// Known where it was asked for.
    pub(crate) remaining: Option<Remaining>,
    /// When it was asked for, on the manager's clock.
    pub(crate) asked: Duration,
}

impl Reader<'_> {
    /// The answer at `spec`, from the cache or by `load`. The tier in the process has been asked already.
    pub(crate) async fn read<A, E, F, Fut>(
        self,
        spec: &Spec,
        sharing: Sharing<E>,
        (load, carry): Work<F, Fut, Result<A::Value, E>>,
    ) -> Result<A::Value, E>
    where
        A: Answer,
        E: Send + 'static,
        F: FnOnce(Turn) -> Fut,
        Fut: Future<Output = Result<A::Value, E>>,
    {
        if spec.level == Level::Database {
            return self.load_alone(Some(&spec.key), sharing.own, load).await;
        }
        let mut miss = match self.look::<A>(spec).await {
            Look::Hit(value) => return Ok(value),
            Look::Miss(miss) => miss,
        };
        self.counters.misses.up();
        loop {
            let passenger = match self.flights.board(&spec.key) {
                Boarding::Leader(leader) => {
                    let load = (load, carry);
                    return self.lead::<A, E, F, Fut>(leader, spec, miss, sharing, load).await;
                }
                Boarding::Passenger(passenger) => passenger,
            };
            // Longer than a lease lives nobody waits: then the leader hangs, and another takes over.
            match passenger.arrive(self.context.policy.lease_ttl, Level::is_loading()).await {
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
                    return self.load_alone(Some(&spec.key), sharing.own, load).await;
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

    /// Loads, and keeps the answer out of the cache. There is no key where none could be written, or where the answer is
    /// no entry's.
    pub(crate) async fn load_alone<T, E, F, Fut>(
        self,
        key: Option<&Key>,
        own: fn(&Error) -> Option<E>,
        load: F,
    ) -> Result<T, E>
    where
        F: FnOnce(Turn) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let turn = self.turn(own).await?;
        if let Some(key) = key {
            self.context.before(Step::Load, key).await;
        }
        self.counters.loads.up();
        Loading::of(load(turn)).await
    }

    /// Waits for the leader's leave to load.
    pub(super) async fn queue<E>(
        self,
        leader: &Leader,
        own: fn(&Error) -> Option<E>,
    ) -> Result<Turn, E> {
        leader.queues(true);
        let turn = self.turn(own).await;
        leader.queues(false);
        turn
    }

    /// Waits for leave to load. A failure that the caller's type has no room for is waited out instead.
    pub(crate) async fn turn<E>(self, own: fn(&Error) -> Option<E>) -> Result<Turn, E> {
        if Level::is_loading() {
            return Ok(Loads::nested());
        }
        let loads = &self.context.loads;
        match loads.turn(self.cap).await {
            Ok(turn) => Ok(turn),
            Err(error) => match own(&error) {
                Some(error) => {
                    self.counters.shed.up();
                    Err(error)
                }
                None => Ok(loads.wait(self.cap).await),
            },
        }
    }

    /// What the tier in the process has at a key, where the level allows to ask it.
    pub(crate) fn near<A: Answer>(self, spec: &Spec, key: &Key) -> Option<A::Value> {
        let (Level::Bounded(bound), Some(tier)) = (spec.level, &self.context.tier) else {
            return None;
        };
        let kept = tier.get(key.as_str(), spec.shape.fingerprint, tier.proven(bound)?)?;
        let value = A::recall(kept)?;
        self.counters.tier_hits.up();
        Some(value)
    }

    /// Asks the backend alone, and keeps what it has in the tier where the read may be answered from there.
    pub(crate) async fn look<A: Answer>(self, spec: &Spec) -> Look<A::Value> {
        self.try_look::<A>(spec).await.unwrap_or_else(|error| {
            self.failed("reading an entry", &error);
            Look::Miss(Miss::Unreachable)
        })
    }

    /// The same for a caller that wants to know why the backend has no answer.
    pub(crate) async fn try_look<A: Answer>(
        self,
        spec: &Spec,
    ) -> crate::error::Result<Look<A::Value>> {
        if !self.context.trusts() {
            return Ok(Look::Miss(Miss::Unreachable));
        }
        self.context.before(Step::Read, &spec.key).await;
        let ticket = self.ticket(spec, &spec.key);
        let found = self.ask(spec, ticket.is_some()).await?;
        let remaining = found.remaining;
        Ok(match self.judge::<A>(spec, found) {
            Look::Hit((value, body)) => {
                if let Some((ticket, remaining)) = ticket.zip(remaining) {
                    let kept = (A::keep(&value, &body), body.len());
                    self.admit(ticket, spec, &spec.key, kept, remaining).await;
                }
                Look::Hit(value)
            }
            Look::Miss(miss) => Look::Miss(miss),
        })
    }

    async fn ask(self, spec: &Spec, keeps: bool) -> crate::error::Result<Found> {
        let cache = &self.context.cache;
        let live = keeps || !spec.stale_for.is_zero();
        let asked = self.context.clock.elapsed();
        if spec.tags.is_empty() && !live {
            let bytes = cache.get(&spec.key).await?;
            return Ok(Found { bytes, tags: Vec::new(), remaining: None, asked });
        }
        let keys: Vec<Key> = std::iter::once(&spec.key).chain(&spec.tags).cloned().collect();
        if !live {
            let mut tags = cache.get_many(&keys).await?;
            let bytes = if tags.is_empty() { None } else { tags.remove(0) };
            return Ok(Found { bytes, tags, remaining: None, asked });
        }
        let mut found = cache.get_live(&keys).await?.into_iter();
        let (bytes, remaining) = found.next().flatten().unzip();
        let tags = found.map(|tag| tag.map(|(bytes, _)| bytes)).collect();
        Ok(Found { bytes, tags, remaining, asked })
    }

    /// What has to be shown with a value that the tier is to keep; `None` where it is to keep none.
    pub(super) fn ticket(self, spec: &Spec, key: &Key) -> Option<Ticket> {
        let (Level::Bounded(_), Some(tier)) = (spec.level, &self.context.tier) else { return None };
        self.context.listen();
        tier.ticket(key, &spec.tags)
    }

    pub(super) async fn admit(
        self,
        ticket: Ticket,
        spec: &Spec,
        key: &Key,
        kept: (Kept, usize),
        remaining: Remaining,
    ) {
        self.context.before(Step::Admit, key).await;
        let fresh = match remaining {
            Remaining::Left(left) => match left.saturating_sub(spec.stale_for) {
                Duration::ZERO => return,
                fresh => Remaining::Left(fresh),
            },
            other => other,
        };
        let Some(tier) = &self.context.tier else { return };
        if tier.admit(ticket, key, spec.shape.fingerprint, kept, fresh) {
            self.counters.admitted.up();
        } else {
            self.counters.refused_admits.up();
        }
    }

    /// Decides what bytes at a key mean to a reader of this type.
    pub(crate) fn judge<A: Answer>(self, spec: &Spec, found: Found) -> Look<(A::Value, Body)> {
        // The era and the session of the answer, or later ones.
        let era = self.context.cache.era();
        if !self.context.trusts() {
            return Look::Miss(Miss::Unreachable);
        }
        let Some(bytes) = found.bytes else { return Look::Miss(Miss::Absent) };
        let value = match Entry::parse(&bytes) {
            Entry::Value(value) => value,
            Entry::Lease(token) => return Look::Miss(Miss::Leased(token)),
            Entry::Hold => return self.held(),
            Entry::Foreign => return self.foreign(bytes),
        };
        let mut stamps = value.stamps.iter();
        for tag in &found.tags {
            match tag.as_ref().map(Entry::parse) {
                Some(Entry::Lease(stamp)) if stamps.next() == Some(&stamp) => {}
                Some(Entry::Hold) => return self.held(),
                // The tag has moved on.
                _ => return Look::Miss(Miss::Foreign(bytes)),
            }
        }
        if value.fingerprint != spec.shape.fingerprint
            || value.era != era
            || stamps.next().is_some()
        {
            return self.foreign(bytes);
        }
        if let Some(Remaining::Left(left)) = found.remaining
            && left <= spec.stale_for
        {
            let until = Some(found.asked.saturating_add(left));
            return Look::Miss(Miss::Expired(Replaced { entry: bytes, until }));
        }
        match self.open::<A>(value.body) {
            Some((answer, body)) => {
                match body {
                    Body::Nothing => self.counters.negative_hits.up(),
                    Body::Encoded { .. } | Body::Packed { .. } => self.counters.hits.up(),
                }
                Look::Hit((answer, body))
            }
            None => self.foreign(bytes),
        }
    }

    /// The answer in an entry's body, and the body unpacked; `None` where they make none.
    pub(super) fn open<A: Answer>(self, body: Body) -> Option<(A::Value, Body)> {
        let body = body.unpacked(self.context.policy.max_unpacked_bytes)?;
        Some((A::decode(&body)?, body))
    }

    /// The expired value that stands in for the load of this process that holds this lease.
    pub(super) fn stands_by<A: Answer>(self, spec: &Spec, lease: Token) -> Option<A::Value> {
        let (era, now) = (self.context.cache.era(), self.context.clock.elapsed());
        let body = self.flights.stands_by(&spec.key, lease, era, now)?;
        let value = A::decode(&body)?;
        self.counters.stale.up();
        Some(value)
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
        (load, carry): Work<F, Fut, Result<A::Value, E>>,
    ) -> Result<A::Value, E>
    where
        A: Answer,
        E: Send + 'static,
        F: FnOnce(Turn) -> Fut,
        Fut: Future<Output = Result<A::Value, E>>,
    {
        let mut turn = None;
        let permit = match self.permit::<A, E>(&leader, spec, miss, sharing.own, &mut turn).await {
            Ok(Permit::Answer(value)) => {
                leader.land(A::encode(&value, spec.codec()).map(Arrival::Value));
                leader.filled(false);
                return Ok(value);
            }
            Ok(Permit::Fill(permit)) => Some(permit),
            Ok(Permit::LoadOnly) => {
                // No round trip to the cache lets the others board: without this they would fly one by one.
                tokio::task::yield_now().await;
                None
            }
            Err(error) => return Err(self.share(leader, &sharing, error)),
        };
        let turn = match turn {
            Some(turn) => turn,
            None => match self.queue(&leader, sharing.own).await {
                Ok(turn) => turn,
                Err(error) => return Err(self.share(leader, &sharing, error)),
            },
        };
        self.context.before(Step::Load, &spec.key).await;
        leader.depart();
        self.counters.loads.up();
        let began = self.context.clock.elapsed();
        let (loaded, permit, leader) = match (permit, carry) {
            (Some(permit), Some(carry)) if soft::applies(spec, &permit) => {
                let underway = Underway { load: carry(load(turn)), permit, leader };
                match self.wait_softly::<A, E>(spec, underway).await {
                    Waited::GoesOn(value) => return Ok(value),
                    Waited::Loaded(loaded, permit, leader) => (loaded, Some(permit), leader),
                }
            }
            (permit, _) => (Loading::of(load(turn)).await, permit, leader),
        };
        let error = match loaded {
            Ok(value) => {
                let took = self.context.clock.elapsed().saturating_sub(began);
                let body = A::encode(&value, spec.codec());
                leader.land(body.clone().map(Arrival::Value));
                let kept = body.as_ref().map(|body| A::keep(&value, body));
                let encoded = (body, A::lives(&value));
                self.fill_behind(leader, spec, self.prepare(spec, permit, encoded, took), kept);
                return Ok(value);
            }
            Err(error) => error,
        };
        if let Some((value, body)) = self.stand_in::<A>(spec, permit).await {
            leader.land(Some(Arrival::Value(body)));
            leader.filled(false);
            return Ok(value);
        }
        Err(self.share(leader, &sharing, error))
    }

    /// Hands a failure to everyone who waits. Where nobody does, it stays as it is.
    fn share<E>(self, leader: Leader, sharing: &Sharing<E>, error: E) -> E {
        if !leader.has_passengers() {
            return error;
        }
        let (error, shared) = (sharing.split)(error);
        leader.land(shared.map(Arrival::Failure));
        leader.filled(false);
        error
    }

    /// Loads in any case, and puts the answer in place of what stands there.
    pub(crate) async fn renew<A, E, F, Fut>(
        self,
        spec: &Spec,
        own: fn(&Error) -> Option<E>,
        load: F,
    ) -> Result<A::Value, E>
    where
        A: Answer,
        F: FnOnce(Turn) -> Fut,
        Fut: Future<Output = Result<A::Value, E>>,
    {
        let permit = self.permit_to_replace(spec).await;
        let filled_by_nobody = permit.is_none();
        let turn = self.turn(own).await?;
        self.context.before(Step::Load, &spec.key).await;
        self.counters.loads.up();
        let began = self.context.clock.elapsed();
        let loaded = Loading::of(load(turn)).await;
        let value = match loaded {
            Ok(value) => value,
            Err(error) => {
                // What stood there is still as true as it was: the lease proves that no writer came between.
                if let Some(fill) = permit.and_then(|mut permit| permit.put_back(&spec.key)) {
                    let context = self.context.clone();
                    let put_back = async move { drop(context.cache.fill(&[fill]).await) };
                    self.context.tasks.run(put_back).await;
                }
                return Err(error);
            }
        };
        let took = self.context.clock.elapsed().saturating_sub(began);
        let body = A::encode(&value, spec.codec());
        match self.prepare(spec, permit, (body, A::lives(&value)), took) {
            Some(fill) => self.fill_to_the_end(fill).await,
            // Somebody else is about to fill, maybe with what was there before.
            None if filled_by_nobody => {
                let keys = std::slice::from_ref(&spec.key);
                if let Err(error) = self.context.cache.release(keys, Token::new()).await {
                    self.failed("removing an entry", &error);
                }
            }
            None => {}
        }
        // Granting the lease has announced that the value is another now; here that is known already.
        self.context.forget(std::slice::from_ref(&spec.key)).await;
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
