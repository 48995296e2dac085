//! The soft timeout: a load that takes its time goes on, and its callers get the expired value.
//!
//! The lease has taken the value's place in the backend, so this process keeps it beside the lease's token while the
//! load goes on. Whoever finds that very lease at the key may have the value: no writer has come since.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::any::AnyAnswer;
use super::context::Context;
use super::fill::Filling;
use super::flight::{Arrival, Leader, Standby};
use super::reader::Reader;
use super::spec::Spec;
use crate::entry::{Body, Entry};
use crate::port::Step;

/// A load that goes on without its caller.
pub(crate) type Carried<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// How a load is made to go on without its caller; there is none for a load that borrows.
pub(crate) type Carry<Fut, T> = fn(Fut) -> Carried<T>;

/// A load, and how it goes on without its caller, if it can.
pub(crate) type Work<F, Fut, T> = (F, Option<Carry<Fut, T>>);

/// A load on its way, and what its caller has in hand.
pub(super) struct Underway<T> {
    pub(super) load: JoinHandle<T>,
    /// When it began.
    pub(super) began: Duration,
    pub(super) permit: Filling,
    pub(super) leader: Leader,
}

/// What became of it.
pub(super) enum Waited<T> {
    /// It was loaded in time, or there is nothing to serve in its place.
    Loaded(T, Filling, Leader),
    /// It goes on; this is the expired value.
    GoesOn(AnyAnswer),
}

impl Reader<'_> {
    /// Waits for the load up to the soft timeout, and then for as long as the expired value may not be served.
    pub(super) async fn wait_softly<E>(
        self,
        spec: &Spec,
        underway: Underway<Result<AnyAnswer, E>>,
    ) -> Waited<Result<AnyAnswer, E>>
    where
        E: Send + 'static,
    {
        let Underway { mut load, began, mut permit, leader } = underway;
        if let Ok(loaded) = tokio::time::timeout(spec.soft_timeout, &mut load).await {
            return Waited::Loaded(self.came_to(began, loaded), permit, leader);
        }
        let Some((value, body)) = self.expired_under(spec, &permit).await else {
            return Waited::Loaded(self.came_to(began, load.await), permit, leader);
        };
        self.counters.stale.up();
        leader.land(Some(Arrival::Value(body.clone())));
        leader.filled(false);
        self.flights.stand_by(&spec.key, permit.token(), standby(body, &permit));
        let it = self.owned();
        let spec = spec.clone();
        self.context.tasks.spawn(async move {
            let reader = it.reader();
            let loaded = load.await;
            reader.ended(began, matches!(loaded, Ok(Ok(_))));
            let token = permit.token();
            match loaded {
                Ok(Ok(value)) => {
                    let took = reader.context.clock.elapsed().saturating_sub(began);
                    let (body, said) = (spec.form.encode(&value, spec.codec()), value.lives());
                    if let Some(fill) = reader.prepare(&spec, Some(permit), (body, said), took) {
                        reader.fill(fill, || {}).await;
                    }
                }
                _ => {
                    if let Some(fill) = permit.put_back(&spec.key) {
                        reader.fill(fill, || {}).await;
                    }
                }
            }
            reader.flights.stand_down(&spec.key, token);
        });
        Waited::GoesOn(value)
    }

    /// The expired value, if the lease that has replaced it still stands.
    async fn expired_under(self, spec: &Spec, permit: &Filling) -> Option<(AnyAnswer, Body)> {
        let replaced = permit.replaced()?;
        let Entry::Value(value) = Entry::parse(&replaced.entry) else { return None };
        let (answer, body) = self.open(spec, value.body)?;
        self.context.before(Step::Read, &spec.key).await;
        let Context { cache, clock, .. } = &**self.context;
        let stands = cache.get(&spec.key).await.ok()?? == permit.token().lease();
        let same_life = cache.era() == permit.era() && self.context.trusts();
        let lives = replaced.left(clock.elapsed()).is_some();
        (stands && same_life && lives).then_some((answer, body))
    }

    /// What came of a load that ran in a task of its own.
    fn came_to<V, E>(
        self,
        began: Duration,
        joined: Result<Result<V, E>, tokio::task::JoinError>,
    ) -> Result<V, E> {
        self.ended(began, matches!(joined, Ok(Ok(_))));
        outcome(joined)
    }
}

fn standby(body: Body, permit: &Filling) -> Standby {
    Standby { body, era: permit.era(), until: permit.replaced().and_then(|value| value.until) }
}

/// What a task came to; its panic goes on here.
pub(super) fn outcome<T>(joined: Result<T, tokio::task::JoinError>) -> T {
    match joined.map_err(tokio::task::JoinError::try_into_panic) {
        Ok(outcome) => outcome,
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        // Nobody aborts a load, so its runtime has ended, and this caller with it.
        Err(Err(_)) => std::panic::resume_unwind(Box::new("the runtime ended during a load")),
    }
}

/// Whether a load may be given up for an expired value.
pub(super) fn applies(spec: &Spec, permit: &Filling) -> bool {
    spec.soft_timeout > Duration::ZERO && permit.replaced().is_some()
}
