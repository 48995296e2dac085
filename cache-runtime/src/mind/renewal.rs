//! Renewing a value that is still served: ahead of its TTL, or for a while after it.
//!
//! Which reader renews ahead of the TTL is decided by XFetch: Vattani, Chierichetti, Lowenstein, "Optimal Probabilistic
//! Cache Stampede Prevention", PVLDB 8(8), 2015. After the TTL it is the one that gets a short claim in the backend. In
//! either case one at a time in this process.
//!
//! The value itself is the lease: what was loaded takes its place only if this very value still stands there.

mod many;
mod reading;
mod run;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::context::Context;
use super::flight::Flights;
use super::spec::Spec;
use crate::clock::nanos;
use crate::entry::{Mark, Token, Value};
use crate::key::Key;
use crate::policy::Remaining;

/// A value whose renewal has failed is left alone for so long.
const PAUSE: Duration = Duration::from_secs(1);
/// So many renewals are remembered before those that say nothing any more are forgotten.
const MOST_REMEMBERED: usize = 1024;
/// The largest that the negative logarithm of a random number can be, which is a multiple of 2^-53 and not zero.
const LARGEST_DRAW: f64 = 53.0 * std::f64::consts::LN_2;

/// When a value is renewed while it is served.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Renewing {
    /// Ahead of its TTL, by how many times the cost of its load, on average; zero for never.
    pub(crate) beta: f64,
    /// For how long after its TTL.
    pub(crate) revalidate: Duration,
}

impl Renewing {
    pub(crate) fn is_off(self) -> bool {
        self.beta <= 0.0 && self.revalidate.is_zero()
    }
}

/// What is left of a value's life, and what the next would cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Life {
    remaining: Remaining,
    /// The end of it that comes after the TTL.
    kept: Duration,
    load: Duration,
    nonce: u64,
}

impl Life {
    pub(super) fn of(value: &Value, remaining: Remaining) -> Self {
        Self {
            remaining,
            kept: Duration::from_millis(value.kept_millis.into()),
            load: Duration::from_micros(value.load_micros.into()),
            nonce: value.nonce,
        }
    }

    fn before(self, tail: Duration) -> Remaining {
        match self.remaining {
            Remaining::Left(left) => Remaining::Left(left.saturating_sub(tail)),
            other => other,
        }
    }

    /// Up to its TTL.
    fn fresh(self) -> Remaining {
        self.before(self.kept)
    }

    /// For how long it may be served at all: up to its TTL, and for as long after it as it may be revalidated.
    pub(super) fn served(self, renewing: Renewing) -> Remaining {
        self.before(self.kept.saturating_sub(renewing.revalidate))
    }

    /// Whether it may be served where its load fails, if a value may be so for this long after its TTL.
    pub(super) fn stands_in(self, stale_for: Duration) -> bool {
        self.before(self.kept.saturating_sub(stale_for)) != Remaining::Left(Duration::ZERO)
    }

    /// When the tier in the process begins to think of renewing it, if `now` is in nanoseconds of its clock.
    pub(super) fn soft_point(self, renewing: Renewing, now: u64) -> Option<SoftPoint> {
        let Remaining::Left(left) = self.fresh() else { return None };
        if renewing.is_off() {
            return None;
        }
        let ttl = now.saturating_add(nanos(left));
        let spread = spread(self.load, renewing.beta);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "never negative, and more than fits is as good as the most that does"
        )]
        let from = ttl.saturating_sub((spread * LARGEST_DRAW) as u64);
        // One that is past its TTL has just been asked for: whoever renews it is about to.
        let next = if left.is_zero() { now.saturating_add(nanos(PAUSE)) } else { 0 };
        Some(SoftPoint { from, ttl, spread, nonce: self.nonce, next: AtomicU64::new(next) })
    }
}

/// The average time by which a value is renewed ahead of its TTL, in nanoseconds.
#[expect(clippy::cast_precision_loss, reason = "it is an average")]
fn spread(load: Duration, beta: f64) -> f64 {
    nanos(load) as f64 * beta.max(0.0)
}

/// A draw of the exponential distribution of mean 1.
fn draw() -> f64 {
    // Not of zero, whose logarithm is infinite.
    -(1.0 - fastrand::f64()).ln()
}

/// XFetch: whether a reader that has drawn this renews a value whose TTL is over in so many nanoseconds.
fn is_chosen(left: u64, spread: f64, draw: f64) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "the draw is no more exact")]
    let left = left as f64;
    spread * draw >= left
}

/// From when on a value in the tier is to be renewed. All times are in nanoseconds of the tier's clock.
#[derive(Debug)]
pub(super) struct SoftPoint {
    /// Before this no draw is large enough.
    from: u64,
    ttl: u64,
    spread: f64,
    nonce: u64,
    /// Before this nobody is chosen any more.
    next: AtomicU64,
}

impl SoftPoint {
    /// Whether the reader at `now` is to renew the value; its nonce, if so.
    pub(super) fn is_due(&self, now: u64) -> Option<u64> {
        if now < self.from {
            return None;
        }
        let next = self.next.load(Ordering::Relaxed);
        if now < next || (now < self.ttl && !is_chosen(self.ttl - now, self.spread, draw())) {
            return None;
        }
        let after = now.saturating_add(nanos(PAUSE));
        let chosen = self.next.compare_exchange(next, after, Ordering::Relaxed, Ordering::Relaxed);
        chosen.is_ok().then_some(self.nonce)
    }
}

/// A value that was seen, and all that is needed to put another in its place.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    over: Mark,
    /// What the next bears, too: the era that the value was seen in, and the stamps that were current then.
    era: u64,
    stamps: Vec<Token>,
    life: Life,
}

impl Seen {
    pub(super) fn of(over: Mark, era: u64, stamps: &[Token], life: Life) -> Self {
        Self { over, era, stamps: stamps.to_vec(), life }
    }

    pub(crate) fn nonce(&self) -> u64 {
        self.life.nonce
    }

    fn is_past_its_ttl(&self) -> bool {
        self.life.fresh() == Remaining::Left(Duration::ZERO)
    }

    /// Whether the reader that has seen it is to renew it.
    pub(crate) fn is_due(&self, spec: &Spec) -> bool {
        match self.life.fresh() {
            Remaining::Left(left) => {
                is_chosen(nanos(left), spread(self.life.load, spec.renewing.beta), draw())
            }
            _ => false,
        }
    }
}

/// The renewals of one repository: one at a time of each value in this process.
#[derive(Debug, Default)]
pub(crate) struct Renewals(Mutex<HashMap<Key, Remembered>>);

#[derive(Debug)]
struct Remembered {
    nonce: u64,
    /// Until when nobody else begins; `None` while one is under way.
    until: Option<Duration>,
}

impl Renewals {
    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Remembered>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flights {
    /// Leave to renew this very value, for one at a time in this process.
    pub(crate) fn renew(
        self: &Arc<Self>,
        context: &Arc<Context>,
        key: &Key,
        nonce: u64,
    ) -> Option<Claim> {
        let now = context.clock.elapsed();
        let mut all = self.renewals.lock();
        let stands = |remembered: &Remembered| remembered.until.is_none_or(|until| now < until);
        if all.get(key).is_some_and(|known| known.nonce == nonce && stands(known)) {
            return None;
        }
        if all.len() >= MOST_REMEMBERED {
            all.retain(|_, remembered| stands(remembered));
        }
        all.insert(key.clone(), Remembered { nonce, until: None });
        drop(all);
        let (flights, context) = (Arc::clone(self), Arc::clone(context));
        Some(Claim { flights, context, key: key.clone(), nonce })
    }
}

/// Leave to renew a value. Once it is dropped nobody here begins again for a while: the value has been replaced, or its
/// load has failed.
#[derive(Debug)]
#[must_use]
pub(crate) struct Claim {
    flights: Arc<Flights>,
    context: Arc<Context>,
    key: Key,
    nonce: u64,
}

impl Drop for Claim {
    fn drop(&mut self) {
        let until = self.context.clock.elapsed().saturating_add(PAUSE);
        let mut all = self.flights.renewals.lock();
        if let Some(known) = all.get_mut(&self.key).filter(|known| known.nonce == self.nonce) {
            known.until = Some(until);
        }
    }
}

#[cfg(test)]
mod tests;
