//! Making a limit by hand.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex};

use super::local::Local;
use super::shared::Shared;
use super::stats::Counters;
use super::subject::Subjects;
use super::{ConcurrencyLimit, Inner, OnError, RateLimit, Rule};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::key::Namespace;
use crate::port::CoherentCache;
use crate::quota::{LimitKey, Quota, Seats};

/// What a limit needs of the manager it belongs to.
#[derive(Clone)]
pub(crate) struct Ground {
    pub(crate) cache: Arc<dyn CoherentCache>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) namespace: Namespace,
}

/// Options of any limit.
struct Options {
    ground: Ground,
    name: String,
    on_error: Option<OnError>,
    allowed: HashSet<String>,
    secret: Option<Vec<u8>>,
}

impl Options {
    fn new(ground: Ground, name: &str) -> Self {
        let (on_error, allowed, secret) = (None, HashSet::new(), None);
        Self { ground, name: name.to_owned(), on_error, allowed, secret }
    }

    /// A limit that answers every call with this error: one that was generated, with a secret that is none.
    fn refused(self, error: Error) -> Shared {
        Shared {
            cache: self.ground.cache,
            clock: self.ground.clock,
            namespace: self.ground.namespace,
            name: self.name,
            on_error: OnError::Deny,
            allowed: HashSet::new(),
            subjects: Subjects::new(None),
            stats: Counters::default(),
            said: Mutex::default(),
            refused: Some(error),
        }
    }

    fn build(self) -> Result<Shared> {
        let Self { ground, name, on_error, allowed, secret } = self;
        // Refuses names that no key can have.
        LimitKey::new(&ground.namespace, &name, "-", "-")?;
        let Some(on_error) = on_error else {
            return Err(wrong(format!(
                "the rate limit `{name}` does not say what happens when its backend cannot decide: call \
                 on_error(OnError::Deny) or on_error(OnError::Allow)"
            )));
        };
        if allowed.contains("") {
            return Err(wrong(format!(
                "the rate limit `{name}` allows an empty key, which none is: leave it out"
            )));
        }
        if secret.as_ref().is_some_and(Vec::is_empty) {
            return Err(wrong(format!(
                "the secret of the rate limit `{name}` is empty: give 32 random bytes, or leave it out"
            )));
        }
        Ok(Shared {
            cache: ground.cache,
            clock: ground.clock,
            namespace: ground.namespace,
            name,
            on_error,
            allowed,
            subjects: Subjects::new(secret.as_deref()),
            stats: Counters::default(),
            said: Mutex::default(),
            refused: None,
        })
    }
}

/// Makes a [`RateLimit`].
#[must_use]
pub struct RateLimitBuilder {
    options: Options,
    quota: Option<Quota>,
    others: Vec<(String, Quota)>,
    local: bool,
}

impl RateLimitBuilder {
    pub(crate) fn new(ground: Ground, name: &str) -> Self {
        Self { options: Options::new(ground, name), quota: None, others: Vec::new(), local: false }
    }

    pub(super) fn refused(self, error: Error) -> RateLimit {
        let shared = self.options.refused(error);
        RateLimit(Arc::new(Inner { shared, rules: Box::default(), most: u64::MAX, local: None }))
    }

    /// How much is admitted. Required.
    pub fn quota(mut self, quota: Quota) -> Self {
        self.quota = Some(quota);
        self
    }

    /// One more rule that every call comes under, called `limit.name`: so many a second and so many a day. A call is counted
    /// under all of them, or under none.
    pub fn and(mut self, name: &str, quota: Quota) -> Self {
        self.others.push((name.to_owned(), quota));
        self
    }

    /// What is said where the backend cannot decide. Required.
    pub fn on_error(mut self, on_error: OnError) -> Self {
        self.options.on_error = Some(on_error);
        self
    }

    /// Keys that are never limited, nor counted.
    pub fn allow<T: Into<String>>(mut self, keys: impl IntoIterator<Item = T>) -> Self {
        self.options.allowed.extend(keys.into_iter().map(Into::into));
        self
    }

    /// A secret for the digests under which keys are stored, the same in every process: without it a digest tells who was
    /// counted to anyone who can guess. Changing it begins every count anew. None.
    pub fn secret(mut self, secret: impl Into<Vec<u8>>) -> Self {
        self.options.secret = Some(secret.into());
        self
    }

    /// Leases calls from the backend in batches, and decides about them in this process: mostly without a round trip.
    ///
    /// What is leased is good for a hundredth of the shortest period, so more than the limit is admitted by one in a hundred at
    /// most, whatever the number of processes; `docs/rate-limits.md` has the proof. What is leased and not used is lost.
    /// What a decision tells of what is left is then what the backend said with the last lease, and what is left of that.
    /// For [`Gcra`](crate::Algorithm::Gcra), [`TokenBucket`](crate::Algorithm::TokenBucket) and
    /// [`FixedWindow`](crate::Algorithm::FixedWindow) with a period of a second or more.
    pub fn local(mut self) -> Self {
        self.local = true;
        self
    }

    /// The limit.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) without a quota or [`on_error`](Self::on_error), for a name that a key cannot have, two
    /// rules of one name, an empty key on the allow list, an empty secret, and a quota that cannot be counted locally.
    pub fn build(self) -> Result<RateLimit> {
        let shared = self.options.build()?;
        let name = &shared.name;
        let Some(quota) = self.quota else {
            return Err(wrong(format!("the rate limit `{name}` has no quota: call quota(…)")));
        };
        let mut rules = vec![Rule { name: name.clone(), quota }];
        for (other, quota) in self.others {
            let name = format!("{name}.{other}");
            LimitKey::new(&shared.namespace, &other, "-", "-")?;
            if rules.iter().any(|rule| rule.name == name) {
                return Err(wrong(format!(
                    "there are two rules `{name}`: give each a name of its own"
                )));
            }
            rules.push(Rule { name, quota });
        }
        let local = if self.local { Some(Local::new(&rules)?) } else { None };
        let most = rules.iter().map(|rule| rule.quota.at_once()).min().unwrap_or(0);
        Ok(RateLimit(Arc::new(Inner { shared, rules: rules.into(), most, local })))
    }
}

/// Makes a [`ConcurrencyLimit`].
#[must_use]
pub struct ConcurrencyLimitBuilder {
    options: Options,
    seats: Option<Seats>,
}

impl ConcurrencyLimitBuilder {
    pub(crate) fn new(ground: Ground, name: &str) -> Self {
        Self { options: Options::new(ground, name), seats: None }
    }

    pub(super) fn refused(self, error: Error) -> ConcurrencyLimit {
        ConcurrencyLimit::new(self.options.refused(error), Seats::ONE)
    }

    /// How many at the same time. Required.
    pub fn seats(mut self, seats: Seats) -> Self {
        self.seats = Some(seats);
        self
    }

    /// What is said where the backend cannot decide. Required.
    pub fn on_error(mut self, on_error: OnError) -> Self {
        self.options.on_error = Some(on_error);
        self
    }

    /// Keys that are never limited, nor counted.
    pub fn allow<T: Into<String>>(mut self, keys: impl IntoIterator<Item = T>) -> Self {
        self.options.allowed.extend(keys.into_iter().map(Into::into));
        self
    }

    /// As [`RateLimitBuilder::secret`].
    pub fn secret(mut self, secret: impl Into<Vec<u8>>) -> Self {
        self.options.secret = Some(secret.into());
        self
    }

    /// The limit.
    ///
    /// # Errors
    /// As [`RateLimitBuilder::build`].
    pub fn build(self) -> Result<ConcurrencyLimit> {
        let shared = self.options.build()?;
        let Some(seats) = self.seats else {
            let name = &shared.name;
            return Err(wrong(format!("the rate limit `{name}` has no seats: call seats(…)")));
        };
        Ok(ConcurrencyLimit::new(shared, seats))
    }
}

fn wrong(message: String) -> Error {
    Error::new(ErrorKind::Config, message)
}

/// Never shows the secret.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("name", &self.name)
            .field("on_error", &self.on_error)
            .field("allowed", &self.allowed.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for RateLimitBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimitBuilder")
            .field("options", &self.options)
            .field("quota", &self.quota)
            .field("others", &self.others)
            .field("local", &self.local)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ConcurrencyLimitBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConcurrencyLimitBuilder")
            .field("options", &self.options)
            .field("seats", &self.seats)
            .finish_non_exhaustive()
    }
}
