//! What generated code says of its limits, and the limits that were made of it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::builder::Ground;
use super::{ConcurrencyLimit, ConcurrencyLimitBuilder, OnError, RateLimit, RateLimitBuilder};
use crate::error::Result;
use crate::quota::{Algorithm, Quota, Seats};

/// A limit as it was annotated. The macro has checked it.
#[derive(Debug)]
pub struct LimitSpec {
    /// The limit's name.
    pub name: &'static str,
    /// Its first rule.
    pub first: RuleSpec,
    /// The others, with their names.
    pub others: &'static [(&'static str, RuleSpec)],
    /// What is said where the backend cannot decide.
    pub on_error: OnError,
    /// Keys that are never limited.
    pub allow: &'static [&'static str],
    /// Whether calls are leased in batches.
    pub local: bool,
}

/// One rule of a [`LimitSpec`].
#[derive(Debug)]
pub struct RuleSpec {
    /// How calls are counted.
    pub algorithm: Algorithm,
    /// How many.
    pub limit: u64,
    /// In how much time.
    pub per: Duration,
    /// How many at once, where that is said.
    pub burst: Option<u64>,
}

/// A limit of what happens at the same time, as it was annotated.
#[derive(Debug)]
pub struct ConcurrencySpec {
    /// The limit's name.
    pub name: &'static str,
    /// How many.
    pub limit: u64,
    /// For how long a seat is kept that is not renewed, where that is said.
    pub lease: Option<Duration>,
    /// What is said where the backend cannot decide.
    pub on_error: OnError,
    /// Keys that are never limited.
    pub allow: &'static [&'static str],
}

impl RuleSpec {
    fn quota(&self) -> Result<Quota> {
        let quota = Quota::new(self.algorithm, self.limit, self.per)?;
        self.burst.map_or(Ok(quota), |burst| quota.burst(burst))
    }
}

/// The limits of one manager that generated code has asked for, each made once: what one has leased, all callers share.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    rates: Made<RateLimit>,
    seats: Made<ConcurrencyLimit>,
}

/// By the place of the annotation.
#[derive(Debug)]
struct Made<L>(RwLock<HashMap<usize, Vec<Under<L>>>>);

/// A limit, and the secret that its keys are digested with: one struct of a program may have several.
struct Under<L> {
    secret: Option<Arc<[u8]>>,
    limit: L,
}

/// Never shows the secret.
impl<L: fmt::Debug> fmt::Debug for Under<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.limit.fmt(f)
    }
}

impl<L> Default for Made<L> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<L: Clone> Made<L> {
    fn get<S>(&self, spec: &'static S, secret: Option<&[u8]>, make: impl FnOnce() -> L) -> L {
        let place = std::ptr::from_ref(spec).addr();
        let same = |made: &&Under<L>| made.secret.as_deref() == secret;
        let made = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = made.get(&place).and_then(|made| made.iter().find(same)) {
            return found.limit.clone();
        }
        drop(made);
        let mut made = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let made = made.entry(place).or_default();
        if let Some(found) = made.iter().find(same) {
            return found.limit.clone();
        }
        let limit = make();
        made.push(Under { secret: secret.map(Arc::from), limit: limit.clone() });
        limit
    }
}

impl Registry {
    pub(crate) fn rate(
        &self,
        spec: &'static LimitSpec,
        secret: Option<&[u8]>,
        ground: impl Fn() -> Ground,
    ) -> RateLimit {
        self.rates.get(spec, secret, || {
            let build = || {
                let mut builder = RateLimitBuilder::new(ground(), spec.name)
                    .quota(spec.first.quota()?)
                    .on_error(spec.on_error)
                    .allow(spec.allow.iter().copied());
                for (name, rule) in spec.others {
                    builder = builder.and(name, rule.quota()?);
                }
                if let Some(secret) = secret {
                    builder = builder.secret(secret);
                }
                if spec.local { builder.local().build() } else { builder.build() }
            };
            build()
                .unwrap_or_else(|error| RateLimitBuilder::new(ground(), spec.name).refused(error))
        })
    }

    pub(crate) fn concurrency(
        &self,
        spec: &'static ConcurrencySpec,
        secret: Option<&[u8]>,
        ground: impl Fn() -> Ground,
    ) -> ConcurrencyLimit {
        self.seats.get(spec, secret, || {
            let build = || {
                let lease = spec.lease.unwrap_or(Seats::DEFAULT_LEASE);
                let mut builder = ConcurrencyLimitBuilder::new(ground(), spec.name)
                    .seats(Seats::new(spec.limit, lease)?)
                    .on_error(spec.on_error)
                    .allow(spec.allow.iter().copied());
                if let Some(secret) = secret {
                    builder = builder.secret(secret);
                }
                builder.build()
            };
            build().unwrap_or_else(|error| {
                ConcurrencyLimitBuilder::new(ground(), spec.name).refused(error)
            })
        })
    }
}
