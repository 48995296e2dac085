//! The connection that calls go over, and who may use it when.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::RedisResult;
use redis::aio::MultiplexedConnection;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::address::Address;
use super::breaker::{Breaker, Look, Outage, Verdict};
use super::dial::{Dialer, Live};
use super::failure::{Place, is_read_only, translate};
use super::gather::{AT_ONCE, Asked, PATIENCE, ROUND_TRIPS};
use super::seek::Seeker;
use super::tally::Tally;
use crate::error::{Error, ErrorKind, Result};
use crate::gather::Gather;
use crate::policy::Retry;
use crate::port::{BreakerState, ConnectionHealth};

pub(super) struct Link {
    dialer: Arc<Dialer>,
    operation_timeout: Duration,
    retry: Retry,
    state: Mutex<State>,
    /// The line, or whether calls are let through, has changed.
    changed: Notify,
    closed: watch::Sender<bool>,
    era: AtomicU64,
    session: AtomicU64,
    /// Whether it was said that the server does not tell its identity.
    warned: AtomicBool,
    /// Connections that were found so far.
    connections: AtomicU64,
    /// Reads that were sent again so far.
    retried: AtomicU64,
    tally: Tally,
    gather: Gather<Asked>,
    /// Callers whose questions others send, and that were not answered.
    waiting: Arc<AtomicUsize>,
    /// How long the server took to answer when the connection was opened, in microseconds.
    round_trip: AtomicU64,
    /// The session whose server has refused a script over several keys. It is not asked again in that session.
    refuses_many: AtomicU64,
}

struct State {
    line: Line,
    breaker: Breaker,
}

enum Line {
    /// Nobody has asked yet, or whoever was looking for a connection has died.
    Idle,
    /// The task of this number is looking for a connection.
    Seeking(u64),
    Up(Arc<Live>),
    Closed,
}

/// How much a call is worth waiting for on a connection that has fallen silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// A reader's: it has the database to go to, and waits no longer than until the silence is found to be a hang.
    Reader,
    /// That of a writer's hold, which a write depends on: once it is out, it waits to the end of its own time.
    Writer,
}

impl Link {
    pub(super) fn new(
        address: Address,
        connect_timeout: Duration,
        operation_timeout: Duration,
        hang_after: Duration,
        retry: Retry,
    ) -> Self {
        let (timeout, origin) = (connect_timeout, Instant::now());
        let place = address.place();
        let dialer = Arc::new(Dialer { address, place, timeout, hang_after, origin });
        let state = State { line: Line::Idle, breaker: Breaker::new(dialer.now()) };
        Self {
            dialer,
            operation_timeout,
            retry,
            state: Mutex::new(state),
            changed: Notify::new(),
            closed: watch::Sender::new(false),
            era: AtomicU64::new(0),
            session: AtomicU64::new(0),
            warned: AtomicBool::new(false),
            connections: AtomicU64::new(0),
            retried: AtomicU64::new(0),
            tally: Tally::default(),
            gather: Gather::new(AT_ONCE),
            round_trip: AtomicU64::new(0),
            waiting: Arc::default(),
            refuses_many: AtomicU64::new(0),
        }
    }

    pub(super) fn place(&self) -> &Place {
        &self.dialer.place
    }

    pub(super) fn address(&self) -> &Address {
        &self.dialer.address
    }

    pub(super) fn connect_timeout(&self) -> Duration {
        self.dialer.timeout
    }

    pub(super) fn era(&self) -> u64 {
        self.era.load(Ordering::Acquire)
    }

    pub(super) fn session(&self) -> u64 {
        self.session.load(Ordering::Acquire)
    }

    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    pub(super) fn gathered(&self) -> &Gather<Asked> {
        &self.gather
    }

    pub(super) fn waiting(&self) -> &Arc<AtomicUsize> {
        &self.waiting
    }

    /// For how long one waits for the exchanges of others: some round trips, however far the server is.
    pub(super) fn patience(&self) -> Duration {
        let round_trip = Duration::from_micros(self.round_trip.load(Ordering::Relaxed));
        PATIENCE.max(round_trip * ROUND_TRIPS)
    }

    /// The server of this session refuses scripts over several keys.
    pub(super) fn refuses_many(&self, session: u64) {
        self.refuses_many.store(session, Ordering::Relaxed);
    }

    pub(super) fn is_refused_many(&self, session: u64) -> bool {
        session != 0 && self.refuses_many.load(Ordering::Relaxed) == session
    }

    /// The number of the database on the server.
    pub(super) fn database(&self) -> i64 {
        self.dialer.address.settings().db()
    }

    pub(super) fn health(&self) -> ConnectionHealth {
        let state = self.lock();
        let (up, breaker) = (matches!(state.line, Line::Up(_)), &state.breaker);
        let since = (self.dialer.origin + breaker.since()).into_std();
        let mut health = ConnectionHealth::new(up, breaker.state(), since);
        health.reconnects = self.connections.load(Ordering::Relaxed).saturating_sub(1);
        health.retried = self.retried.load(Ordering::Relaxed);
        health.last_error = breaker.last_error().cloned();
        health
    }

    /// Fails where no call would be let through now. It neither waits nor allocates: the error is ready.
    pub(super) fn admit(&self) -> Result<()> {
        let mut state = self.lock();
        let State { line, breaker } = &mut *state;
        match (line, breaker.refusal()) {
            (Line::Closed, _) => Err(closed()),
            // The call that goes on sends somebody.
            (Line::Idle, _) => Ok(()),
            (_, Some(refusal)) => Err(refusal.clone()),
            _ => Ok(()),
        }
    }

    /// Fails once the cache was closed.
    pub(super) fn open(&self) -> Result<()> {
        if *self.closed.borrow() { Err(closed()) } else { Ok(()) }
    }

    pub(super) async fn until_closed(&self) {
        // An error would mean that the sender is gone, and it is right here.
        let _ = self.closed.subscribe().wait_for(|closed| *closed).await;
    }

    /// Runs one exchange with the server within the operation timeout.
    pub(super) async fn run<T, F, Fut>(
        self: &Arc<Self>,
        patience: Patience,
        exchange: F,
    ) -> Result<T>
    where
        F: FnOnce(MultiplexedConnection) -> Fut,
        Fut: Future<Output = RedisResult<T>>,
    {
        let began = self.now();
        let live = self.live(began).await?;
        let live = self.proven(live, began).await?;
        self.exchange(&live, patience, began, exchange).await
    }

    pub(super) fn now(&self) -> Duration {
        self.dialer.now()
    }

    pub(super) fn retry(&self) -> Retry {
        self.retry
    }

    /// Counts a read that is sent again.
    pub(super) fn sends_again(&self) {
        self.retried.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether calls still go over this connection.
    pub(super) fn is_up(&self, live: &Live) -> bool {
        self.lock().is_up(live)
    }

    pub(super) fn operation_timeout(&self) -> Duration {
        self.operation_timeout
    }

    /// The connection; where there is none, the next one, or why there will be none.
    pub(super) async fn live(self: &Arc<Self>, began: Duration) -> Result<Arc<Live>> {
        if let Some(live) = self.at_hand()? {
            return Ok(live);
        }
        let coming = async {
            loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                // Registered before the look at the state, so that no change falls in between.
                changed.as_mut().enable();
                if let Some(live) = self.at_hand()? {
                    return Ok(live);
                }
                changed.await;
            }
        };
        let left = began.saturating_add(self.operation_timeout).saturating_sub(self.now());
        match tokio::time::timeout(left, coming).await {
            Ok(live) => live,
            Err(_) => {
                // Who comes now need not find out by waiting as long.
                let error = self.too_slow();
                let mut state = self.lock();
                if matches!(state.line, Line::Seeking(_)) {
                    state.breaker.open(self.now(), error.clone());
                    drop(state);
                    self.changed.notify_waiters();
                }
                Err(error)
            }
        }
    }

    /// The connection, if it is there; `None` where it is worth waiting for.
    fn at_hand(self: &Arc<Self>) -> Result<Option<Arc<Live>>> {
        let mut state = self.lock();
        match &state.line {
            Line::Closed => return Err(closed()),
            Line::Up(live) => return Ok(Some(Arc::clone(live))),
            Line::Idle | Line::Seeking(_) => {}
        }
        let answer = match state.breaker.refusal() {
            Some(refusal) => Err(refusal.clone()),
            None => Ok(None),
        };
        if matches!(state.line, Line::Idle) {
            self.seek(state);
        }
        answer
    }

    /// Sends a task of its own for a connection: a caller that gives up must not undo the attempt for all others.
    fn seek(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        state.line = Line::Seeking(number);
        let pause = match state.breaker.state() {
            BreakerState::Closed => Duration::ZERO,
            BreakerState::Open | BreakerState::HalfOpen => state.breaker.pause(),
        };
        // A runtime that is shutting down drops the task at once, which takes the lock.
        drop(state);
        let seeker = Seeker::new(self, number);
        tokio::spawn(seeker.seek(Arc::clone(&self.dialer), pause));
    }

    /// Sends one exchange over this connection.
    pub(super) async fn exchange<T, F, Fut>(
        self: &Arc<Self>,
        live: &Arc<Live>,
        patience: Patience,
        began: Duration,
        exchange: F,
    ) -> Result<T>
    where
        F: FnOnce(MultiplexedConnection) -> Fut,
        Fut: Future<Output = RedisResult<T>>,
    {
        let _waiting = live.gauge.wait(self.now());
        let silence = live.gauge.silence(began);
        let mut look = Look::new(began, silence, self.operation_timeout, live.hang_after);
        let answer = exchange(live.connection());
        tokio::pin!(answer);
        loop {
            let pause = look.next().saturating_sub(self.now());
            if let Ok(answer) = tokio::time::timeout(pause, answer.as_mut()).await {
                return answer.map_err(|error| {
                    if error.is_unrecoverable_error() || error.is_io_error() || is_read_only(&error)
                    {
                        self.broke(live);
                    }
                    translate(self.place(), error)
                });
            }
            let now = self.now();
            let waiting = live.gauge.waiting() + self.waiting.load(Ordering::Relaxed);
            match look.at(now, live.gauge.silence(now), waiting) {
                Verdict::Wait => {}
                Verdict::Hangs => self.trip(live, self.hangs(live)),
                Verdict::TooSlow { silent } => {
                    if silent {
                        self.trip(live, self.too_slow());
                    }
                    return Err(self.too_slow());
                }
            }
            if patience == Patience::Reader {
                // Another call may have found the hang.
                self.admit()?;
            }
        }
    }

    pub(super) fn too_slow(&self) -> Error {
        let (place, millis) = (self.place(), self.operation_timeout.as_millis());
        let message = format!("Redis at {place} did not answer within {millis} ms");
        Error::new(ErrorKind::Timeout, message)
    }

    fn hangs(&self, live: &Live) -> Error {
        let (place, millis) = (self.place(), live.hang_after.as_millis());
        let message =
            format!("Redis at {place} did not answer any of several calls for {millis} ms");
        Error::new(ErrorKind::Timeout, message)
    }

    pub(super) fn close(&self) {
        self.lock().line = Line::Closed;
        self.closed.send_replace(true);
        self.changed.notify_waiters();
    }

    /// Lets no more calls through, and looks for another connection.
    fn trip(self: &Arc<Self>, live: &Live, error: Error) {
        let mut state = self.lock();
        if state.is_up(live) {
            tracing::info!(server = %self.place(), %error, "calls to Redis are refused until it answers");
            state.breaker.open(self.now(), error);
            self.seek(state);
        }
    }

    /// Looks for another connection than this, if it is still the one in use.
    pub(super) fn broke(self: &Arc<Self>, live: &Live) {
        let state = self.lock();
        if state.is_up(live) {
            tracing::debug!(server = %self.place(), "the connection to Redis broke");
            self.seek(state);
        }
    }

    /// Looks for another connection than the one in use.
    pub(super) fn leave(self: &Arc<Self>) {
        let state = self.lock();
        if matches!(state.line, Line::Up(_)) {
            self.seek(state);
        }
    }

    /// Called by the seeker of this number for each attempt: how long to wait before the next one; `None` once nobody
    /// wants a connection of it.
    pub(super) fn attempts(&self, number: u64) -> Option<Duration> {
        let mut state = self.lock();
        state.is_sought_by(number).then(|| {
            state.breaker.probe(self.dialer.now());
            state.breaker.pause()
        })
    }

    pub(super) fn missed(&self, number: u64, error: Error) {
        let mut state = self.lock();
        if state.is_sought_by(number) {
            tracing::debug!(server = %self.place(), %error, "there is no connection to Redis");
            state.breaker.open(self.dialer.now(), error);
            drop(state);
            self.changed.notify_waiters();
        }
    }

    pub(super) fn found(&self, number: u64, live: Live) {
        let mut state = self.lock();
        if !state.is_sought_by(number) {
            return;
        }
        if live.identity.era == 0 && !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                server = %self.place(),
                "Redis does not say which server it is (its user may not send INFO): where it comes back with older \
                 data, after a restart or a failover, that goes unnoticed, and old values may be read until their TTL"
            );
        }
        // Before anyone can get an answer over the new connection.
        self.era.store(live.identity.era, Ordering::Release);
        self.session.store(live.generation, Ordering::Release);
        let round_trip = u64::try_from(live.round_trip.as_micros()).unwrap_or(u64::MAX);
        self.round_trip.store(round_trip, Ordering::Relaxed);
        state.line = Line::Up(Arc::new(live));
        self.connections.fetch_add(1, Ordering::Relaxed);
        let outage = state.breaker.close(self.dialer.now());
        drop(state);
        tracing::info!(server = %self.place(), "connected to Redis");
        // As loud as what was said when it began.
        if let Some(Outage { lasted, refused }) = outage {
            tracing::warn!(
                server = %self.place(),
                ?lasted,
                refused,
                "Redis answers again: calls were refused meanwhile, so reads went to the database and writes did what \
                 their policy says"
            );
        }
        self.changed.notify_waiters();
    }

    /// The seeker has died, with its runtime or by a panic: the next call sends another.
    pub(super) fn abandoned(&self, number: u64) {
        let mut state = self.lock();
        if state.is_sought_by(number) {
            state.line = Line::Idle;
            drop(state);
            self.changed.notify_waiters();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_up(&self, live: &Live) -> bool {
        matches!(&self.line, Line::Up(up) if up.generation == live.generation)
    }

    fn is_sought_by(&self, number: u64) -> bool {
        matches!(&self.line, Line::Seeking(seeker) if *seeker == number)
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the cache was closed")
}
