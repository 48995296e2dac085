//! What every reader and writer under one manager shares.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use super::complaints::Complaints;
use super::flight::Flights;
use super::gate::{Disbelief, Gate};
use super::loads::Loads;
use super::operation::Beside;
use super::overdue::Overdue;
#[cfg(feature = "postgres")]
use super::relay::Relayed;
use super::strategy::Behinds;
use super::tasks::Tasks;
use super::tier::Tier;
use super::times::Times;
use crate::clock::{Clock, nanos};
use crate::entry::Token;
use crate::error::{Error, Result};
use crate::key::{Key, Namespace};
use crate::policy::{Level, OnUnreachable, Policy};
use crate::port::{CoherentCache, Observer, Step};

/// Beats are no further apart than this, so that an outage is noticed soon, and no closer than that, so that they cost
/// nothing.
const LONGEST_BEAT: Duration = Duration::from_millis(250);
const SHORTEST_BEAT: Duration = Duration::from_millis(5);

#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) cache: Arc<dyn CoherentCache>,
    pub(crate) namespace: Namespace,
    pub(crate) policy: Policy,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) complaints: Complaints,
    pub(crate) tasks: Tasks,
    pub(crate) gate: Gate,
    pub(crate) loads: Loads,
    pub(super) overdue: Overdue,
    pub(crate) behinds: Behinds,
    pub(crate) beside: Beside,
    /// `None` where the policy gives it no room.
    pub(crate) tier: Option<Tier>,
    pub(super) listening: Listening,
    /// How long beats took to come back on the stream, and with them what was announced before.
    pub(crate) beats: Times,
    #[cfg(feature = "postgres")]
    pub(super) relay: Relayed,
    /// The loads under way of each repository.
    flights: Mutex<Vec<Weak<Flights>>>,
    /// Nanoseconds between two beats of the stream.
    beat: AtomicU64,
}

impl Context {
    pub(crate) fn new(
        cache: Arc<dyn CoherentCache>,
        namespace: Namespace,
        policy: Policy,
        clock: Arc<dyn Clock>,
        observer: Option<Arc<dyn Observer>>,
    ) -> Self {
        let context = Self {
            cache,
            namespace,
            complaints: Complaints::default(),
            tasks: Tasks::default(),
            gate: Gate::default(),
            loads: Loads::new(&policy),
            overdue: Overdue::default(),
            behinds: Behinds::default(),
            beside: Beside::default(),
            tier: Tier::new(&policy, &clock),
            listening: Listening::default(),
            beats: Times::default(),
            #[cfg(feature = "postgres")]
            relay: Relayed::default(),
            flights: Mutex::default(),
            beat: AtomicU64::new(nanos(LONGEST_BEAT)),
            policy,
            clock,
            observer,
        };
        context.expects(context.policy.level);
        context
    }

    /// Reads of this level will come: beats have to follow each other closely enough to prove it.
    pub(crate) fn expects(&self, level: Level) {
        if let Level::Bounded(bound) = level {
            let beat = (bound / 4).clamp(SHORTEST_BEAT, LONGEST_BEAT);
            self.beat.fetch_min(nanos(beat), Ordering::Relaxed);
        }
    }

    pub(super) fn beat_period(&self) -> Duration {
        Duration::from_nanos(self.beat.load(Ordering::Relaxed))
    }

    /// The flights of a repository, which invalidations detach from now on.
    pub(crate) fn new_flights(&self) -> Arc<Flights> {
        let flights = Arc::new(Flights::default());
        let mut all = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        // Those of whoever was made for one call, and is gone.
        all.retain(|flights| flights.strong_count() > 0);
        all.push(Arc::downgrade(&flights));
        flights
    }

    /// A writer of this process has changed, or is about to change, what stands at these keys.
    pub(crate) async fn forget(&self, keys: &[Key]) {
        for key in keys {
            self.before(Step::Forget, key).await;
            self.evict(key);
        }
    }

    /// Whether keys that the cache cannot be told of are left in the outbox: that is the policy, and somebody will deliver
    /// them.
    pub(crate) fn goes_by_outbox(&self) -> bool {
        self.policy.on_unreachable == OnUnreachable::Outbox && self.gate.is_relayed()
    }

    /// Takes whatever stands at these keys away, but for the holds of writers; what was loaded before is filled nowhere.
    pub(crate) async fn remove(&self, keys: &[Key]) -> Result<()> {
        self.forget(keys).await;
        // A release with a token that nobody holds.
        let outcome = self.cache.release(keys, Token::new()).await;
        // Once more: what was read before the release may have been kept since.
        self.forget(keys).await;
        outcome.map(drop)
    }

    /// Empties the tier of this process, and takes all flights away from those who come later.
    pub(crate) fn forget_everything(&self) {
        if let Some(tier) = &self.tier {
            tier.empty();
        }
        let flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        flights.iter().filter_map(Weak::upgrade).for_each(|flights| flights.forget_all());
    }

    /// Takes a key out of the tier, and its flights away from those who come later.
    pub(super) fn evict(&self, key: &Key) {
        if let Some(tier) = &self.tier {
            tier.evict(key);
        }
        let flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        for flights in flights.iter().filter_map(Weak::upgrade) {
            flights.forget(key);
        }
    }

    /// The relay, where there is one.
    #[cfg(all(feature = "metrics", feature = "postgres"))]
    pub(crate) fn relayed(&self) -> Option<super::relay::There> {
        self.relay.there()
    }

    /// Whether what the cache says now may be believed.
    pub(crate) fn trusts(&self) -> bool {
        self.gate.trusts(self.cache.session())
    }

    /// Why it may not, in words; `None` where it may.
    pub(crate) fn disbelief(&self) -> Option<String> {
        Some(match self.gate.disbelief(self.cache.session())? {
            Disbelief::Unreleased => "the release of a write was not answered".to_owned(),
            Disbelief::Undrained => match self.relay_failure() {
                Some(why) => format!("the outbox may know better, and the relay fails: {why}"),
                None => {
                    "the outbox may know better, and the relay has not drained it yet".to_owned()
                }
            },
            Disbelief::Doubted => {
                "a write went by the outbox, and there is no relay that drains it: start one with \
                                   CacheManager::relay"
                    .to_owned()
            }
        })
    }

    #[cfg(feature = "postgres")]
    fn relay_failure(&self) -> Option<String> {
        self.relay.failure()
    }

    #[cfg(not(feature = "postgres"))]
    #[expect(clippy::unused_self, reason = "there is no relay without a database")]
    fn relay_failure(&self) -> Option<String> {
        None
    }

    /// Tells the observer, if there is one, that `step` is about to be taken.
    pub(crate) async fn before(&self, step: Step, key: &Key) {
        if let Some(observer) = &self.observer {
            observer.before(step, key).await;
        }
    }

    pub(crate) async fn before_each(&self, step: Step, keys: &[Key]) {
        if let Some(observer) = &self.observer {
            for key in keys {
                observer.before(step, key).await;
            }
        }
    }

    pub(crate) fn complain(&self, doing: &'static str, error: &Error) {
        self.complaints.hear(&*self.clock, doing, error);
    }
}

/// Whether somebody follows the stream.
#[derive(Debug, Default)]
pub(super) struct Listening(AtomicBool);

impl Listening {
    /// Says whether the caller is the one who begins.
    pub(super) fn begin(&self) -> bool {
        !self.0.load(Ordering::Relaxed) && !self.0.swap(true, Ordering::AcqRel)
    }

    pub(super) fn end(&self) {
        self.0.store(false, Ordering::Release);
    }
}
