//! One read: hit, or lease, load and fill.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tracing::Instrument;

use super::any::AnyAnswer;
use super::context::Context;
use super::fill::{Filling, Permit};
use super::flight::{Arrival, Arrived, Boarding, Erased, Flights, Leader};
use super::loads::{Loads, Turn};
use super::look::{Look, Miss};
use super::soft::{self, Underway, Waited, Work};
use super::spec::Spec;
use super::stats::Counters;
use crate::entry::Token;
use crate::error::{Error, ErrorKind};
use crate::key::Key;
use crate::policy::{Level, Loading};
use crate::port::Step;

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

/// What a leader begins with.
enum Leave {
    /// A lease, or none because nobody has answered for it, with its turn to load.
    Leased(Option<Filling>, Turn),
    /// What was found, over which it has to get one.
    Missed(Miss),
}

/// The reads of one repository.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'r> {
    pub(crate) context: &'r Arc<Context>,
    pub(crate) flights: &'r Arc<Flights>,
    pub(crate) counters: &'r Arc<Counters>,
    /// The cap on this repository's loads, beside that of all.
    pub(crate) cap: Option<&'r Arc<Semaphore>>,
}

impl Reader<'_> {
    /// The answer at `spec`, from the cache or by `load`. The tier in the process has been asked already.
    pub(crate) async fn read<E, F, Fut>(
        self,
        spec: &Spec,
        sharing: Sharing<E>,
        (load, carry): Work<F, Fut, Result<AnyAnswer, E>>,
    ) -> Result<AnyAnswer, E>
    where
        E: Send + 'static,
        F: FnOnce(Turn) -> Fut,
        Fut: Future<Output = Result<AnyAnswer, E>>,
    {
        if spec.level == Level::Database {
            return self.load_alone(Some(&spec.key), sharing.own, load).await;
        }
        if let Some((leader, filling, turn)) = self.lease_unseen(spec).await {
            self.counters.misses.up();
            let leave = Leave::Leased(filling, turn);
            return self.lead(leader, spec, leave, sharing, (load, carry)).await;
        }
        let look = self.look(spec).await;
        let (found, nothing) =
            (matches!(look, Look::Hit(_)), matches!(look, Look::Miss(Miss::Absent)));
        self.flights.cold.note(found, nothing);
        let mut miss = match look {
            Look::Hit(hit) => return Ok(self.hit(spec, hit, (load, carry)).await),
            Look::Miss(miss) => miss,
        };
        self.counters.misses.up();
        loop {
            let passenger = match self.flights.board(&spec.key) {
                Boarding::Leader(leader) => {
                    let (leave, load) = (Leave::Missed(miss), (load, carry));
                    return self.lead(leader, spec, leave, sharing, load).await;
                }
                Boarding::Passenger(passenger) => passenger,
            };
            // Longer than a lease lives nobody waits: then the leader hangs, and another takes over.
            match passenger.arrive(self.context.policy.lease_ttl, Level::is_loading()).await {
                Arrived::With(Arrival::Value(body)) => {
                    if let Some(value) = spec.form.decode(&body) {
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
            miss = match self.look(spec).await {
                Look::Hit(hit) => return Ok(hit.value),
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
        self.timed(load(turn)).await
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

    async fn lead<E, F, Fut>(
        self,
        leader: Leader,
        spec: &Spec,
        leave: Leave,
        sharing: Sharing<E>,
        (load, carry): Work<F, Fut, Result<AnyAnswer, E>>,
    ) -> Result<AnyAnswer, E>
    where
        E: Send + 'static,
        F: FnOnce(Turn) -> Fut,
        Fut: Future<Output = Result<AnyAnswer, E>>,
    {
        let mut turn = None;
        let permit = match leave {
            Leave::Leased(filling, its) => {
                turn = Some(its);
                let filling = match filling {
                    Some(filling) => self.with_stamps(spec, filling).await,
                    None => None,
                };
                Ok(filling.map_or(Permit::LoadOnly, Permit::Fill))
            }
            Leave::Missed(miss) => self.permit(&leader, spec, miss, sharing.own, &mut turn).await,
        };
        let permit = match permit {
            Ok(Permit::Answer(value)) => {
                leader.land(spec.form.encode(&value, spec.codec()).map(Arrival::Value));
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
                let load = tokio::spawn(
                    Loading::of(carry(load(turn))).instrument(self.counters.of.span()),
                );
                let underway = Underway { load, began, permit, leader };
                match self.wait_softly(spec, underway).await {
                    Waited::GoesOn(value) => return Ok(value),
                    Waited::Loaded(loaded, permit, leader) => (loaded, Some(permit), leader),
                }
            }
            (permit, _) => (self.timed(load(turn)).await, permit, leader),
        };
        let error = match loaded {
            Ok(value) => {
                let took = self.context.clock.elapsed().saturating_sub(began);
                let body = spec.form.encode(&value, spec.codec());
                leader.land(body.clone().map(Arrival::Value));
                let kept = body.as_ref().map(|body| value.kept(body));
                let encoded = (body, value.lives());
                self.fill_behind(leader, spec, self.prepare(spec, permit, encoded, took), kept);
                return Ok(value);
            }
            Err(error) => error,
        };
        if let Some((value, body)) = self.stand_in(spec, permit).await {
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
    pub(crate) async fn refresh<E, F, Fut>(
        self,
        spec: &Spec,
        own: fn(&Error) -> Option<E>,
        load: F,
    ) -> Result<AnyAnswer, E>
    where
        F: FnOnce(Turn) -> Fut,
        Fut: Future<Output = Result<AnyAnswer, E>>,
    {
        let permit = self.permit_to_replace(spec).await;
        let filled_by_nobody = permit.is_none();
        let turn = self.turn(own).await?;
        self.context.before(Step::Load, &spec.key).await;
        self.counters.loads.up();
        let began = self.context.clock.elapsed();
        let loaded = self.timed(load(turn)).await;
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
        let body = spec.form.encode(&value, spec.codec());
        match self.prepare(spec, permit, (body, value.lives()), took) {
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
