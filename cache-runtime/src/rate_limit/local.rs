//! Calls that were leased from the backend, and are decided about in this process.
//!
//! A batch is counted under the limit when it is leased, and is good for a hundredth of the period from right before it was
//! asked for. So each call that is admitted here was counted by the backend at most that long ago.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use foldhash::fast::RandomState;
use quick_cache::UnitWeighter;
use quick_cache::sync::{Cache, DefaultLifecycle};
use tokio::sync::Mutex;

use super::subject::Subjects;
use super::{Decision, Inner, Rule};
use crate::clock::{Clock, Moment};
use crate::error::{Error, ErrorKind, Result};
use crate::quota::{Algorithm, Ask};

/// A leased call is good for this part of the period.
const LIFE: u32 = 100;
/// With a shorter life the kernel's coarse clocks lag by too much of it, and an exact one is asked besides.
const COARSE: Duration = Duration::from_millis(100);
/// The shortest period: what is leased has to outlive a round trip.
const SHORTEST: Duration = Duration::from_secs(1);
/// No denial is remembered for longer, so that a reset elsewhere is noticed.
const DENIED: Duration = Duration::from_secs(1);
/// Keys with something leased, or denied. One that is forgotten costs a round trip, and what it had leased.
const KEYS: usize = 100_000;
/// Longer keys are kept as digests: whoever calls may choose how long his are.
const SHORT: usize = 64;
/// A process leases no more than this part of what may come at once: others are there, too.
const SHARE: u64 = 10;

type Batches =
    Cache<String, Arc<Batch>, UnitWeighter, RandomState, DefaultLifecycle<String, Arc<Batch>>>;

pub(super) struct Local {
    batches: Batches,
    life: Duration,
    /// The most that is leased at once.
    largest: u64,
    limits: Box<[u64]>,
}

/// What was leased for one key in one go; nothing, where that was denied.
struct Batch {
    left: AtomicU64,
    granted: u64,
    /// Right before it was asked for.
    asked: Asked,
    life: Duration,
    /// For how long, and to calls of which cost and above, nothing is admitted.
    denied: (Duration, u64),
    /// What the backend said.
    told: Option<Decision>,
    turn: Arc<Turn>,
}

#[derive(Clone, Copy)]
struct Asked {
    moment: Moment,
    exactly: Duration,
}

/// Who leases the next batch of a key, and how much.
#[derive(Default)]
struct Turn {
    asking: Mutex<()>,
    /// What those that wait for a batch need.
    waiting: AtomicU64,
    /// How much the last batch was to have.
    size: AtomicU64,
    /// How many attempts have failed: whoever has waited for one has waited long enough.
    failures: AtomicU64,
}

impl Local {
    pub(super) fn new(rules: &[Rule]) -> Result<Self> {
        for Rule { name, quota } in rules {
            let algorithm = quota.algorithm();
            if matches!(algorithm, Algorithm::SlidingCounter | Algorithm::SlidingLog) {
                let message = format!(
                    "the rule `{name}` cannot be counted locally by `{algorithm}`: what is leased would count when it was \
                     leased and not when it was used; write `gcra`, `token_bucket` or `fixed_window`"
                );
                return Err(Error::new(ErrorKind::Config, message));
            }
            if quota.period() < SHORTEST {
                let message = format!(
                    "the rule `{name}` has a period of {:?}, too short to be counted locally: what is leased is good for a \
                     hundredth of it, less than a round trip takes; write at least a second, or leave out `local`",
                    quota.period()
                );
                return Err(Error::new(ErrorKind::Config, message));
            }
        }
        let quotas = || rules.iter().map(|rule| rule.quota);
        let life = quotas().map(|quota| quota.period() / LIFE).min().unwrap_or_default();
        let largest = quotas().map(|quota| quota.at_once() / SHARE).min().unwrap_or(0).max(1);
        let batches = Cache::with(
            KEYS,
            KEYS as u64,
            UnitWeighter,
            RandomState::default(),
            DefaultLifecycle::default(),
        );
        Ok(Self { batches, life, largest, limits: quotas().map(|quota| quota.limit()).collect() })
    }

    /// A decision that takes no round trip, where one can be made.
    pub(super) fn take(&self, text: &str, cost: u64, limit: &Inner) -> Option<Decision> {
        let batch = self.batches.get(&*near(text, &limit.shared.subjects))?;
        let told = batch.told.as_ref()?;
        let clock = &*limit.shared.clock;
        let age = batch.asked.age(clock, batch.life);
        let fewer = |left: u64| left.checked_sub(cost);
        if age < batch.life
            && let Ok(left) = batch.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer)
        {
            limit.shared.stats.locally();
            return Some(told.ahead(true, left - cost, age, Duration::ZERO));
        }
        let (wait, from) = batch.denied;
        if cost >= from && !wait.is_zero() {
            // Not by a coarse clock: it lags, and would deny for longer than was said.
            let age = batch.asked.exact_age(clock);
            if age < wait.min(DENIED) {
                limit.shared.stats.locally();
                return Some(told.ahead(false, 0, age, wait - age));
            }
        }
        None
    }

    /// A decision with a round trip: leases the next batch, unless another caller just has.
    pub(super) async fn refill(&self, text: &str, cost: u64, limit: &Inner) -> Result<Decision> {
        let near = near(text, &limit.shared.subjects);
        let turn = match self.batches.get(&*near) {
            Some(batch) => Arc::clone(&batch.turn),
            None => self.first(&near),
        };
        let failures = turn.failures.load(Ordering::Relaxed);
        let waits = Waits::new(&turn.waiting, cost);
        let asking = turn.asking.lock().await;
        if let Some(decision) = self.take(text, cost, limit) {
            return Ok(decision);
        }
        drop(waits);
        if turn.failures.load(Ordering::Relaxed) != failures {
            // Another attempt each, one after the other, would let the last of them wait for all.
            return Ok(Decision::failed(limit.shared.on_error, limit.tightest()));
        }
        let size = self.next_size(&near, &turn);
        let wanted = size.max(turn.waiting.load(Ordering::Relaxed).saturating_add(cost));
        let extra = wanted.min(self.largest).saturating_sub(cost);
        let asks: Vec<Ask> =
            limit.asks(text, cost)?.into_iter().map(|ask| Ask { extra, ..ask }).collect();
        let asked = Asked::now(&*limit.shared.clock);
        let mut decision = limit.decide(&asks).await;
        if decision.by_failure {
            turn.failures.fetch_add(1, Ordering::Relaxed);
        } else {
            turn.size.store(size, Ordering::Relaxed);
            let batch = self.batch(&decision, cost, asked, Arc::clone(&turn), &asks);
            decision.add(batch.left.load(Ordering::Relaxed), cost);
            self.batches.insert(near.into_owned(), Arc::new(batch));
        }
        drop(asking);
        Ok(decision)
    }

    /// Forgets what this process has of a key.
    pub(super) fn forget(&self, text: &str, subjects: &Subjects) {
        self.batches.remove(&*near(text, subjects));
    }

    fn batch(
        &self,
        decision: &Decision,
        cost: u64,
        asked: Asked,
        turn: Arc<Turn>,
        asks: &[Ask],
    ) -> Batch {
        let verdicts = decision.verdicts();
        let granted = verdicts.iter().map(|verdict| verdict.granted).min().unwrap_or(0);
        // A window's calls end with it: those of the next are counted apart.
        let windows = verdicts.iter().zip(asks).filter_map(|(verdict, ask)| {
            (ask.quota.algorithm() == Algorithm::FixedWindow).then_some(verdict.reset)
        });
        let life = windows.min().map_or(self.life, |left| left.min(self.life));
        let denied = if decision.admitted { Duration::ZERO } else { decision.retry_after };
        let told = Decision::by(self.limits.iter().copied(), verdicts.to_vec());
        Batch {
            left: AtomicU64::new(granted.saturating_sub(cost)),
            granted,
            asked,
            life,
            denied: (denied, cost),
            told: Some(told),
            turn,
        }
    }

    /// The turn of a key that has nothing yet: the same one for all who ask at once.
    fn first(&self, text: &str) -> Arc<Turn> {
        let nothing = || {
            Ok::<_, std::convert::Infallible>(Arc::new(Batch {
                left: AtomicU64::new(0),
                granted: 0,
                asked: Asked { moment: Moment::from_parts((0, 0)), exactly: Duration::ZERO },
                life: Duration::ZERO,
                denied: (Duration::ZERO, 0),
                told: None,
                turn: Arc::default(),
            }))
        };
        let Ok(batch) = self.batches.get_or_insert_with(text, nothing);
        Arc::clone(&batch.turn)
    }

    /// How much to lease: twice as much as last time where that was used up in its life, what was used where it was not.
    fn next_size(&self, text: &str, turn: &Turn) -> u64 {
        let last = turn.size.load(Ordering::Relaxed);
        let size = match self.batches.get(text) {
            Some(batch) if batch.granted > 0 => match batch.left.load(Ordering::Relaxed) {
                0 => last.saturating_mul(2),
                left => batch.granted - left.min(batch.granted),
            },
            _ => last,
        };
        size.clamp(1, self.largest)
    }
}

/// What a key is kept under: itself, or a text longer than any that is.
fn near<'k>(text: &'k str, subjects: &Subjects) -> Cow<'k, str> {
    match text.len() {
        ..=SHORT => Cow::Borrowed(text),
        _ => Cow::Owned(format!("#{}", subjects.digest(text))),
    }
}

impl Asked {
    fn now(clock: &dyn Clock) -> Self {
        Self { moment: clock.moment(), exactly: clock.elapsed() }
    }

    /// How long ago that was at most, by a clock that is as exact as `life` needs.
    fn age(self, clock: &dyn Clock, life: Duration) -> Duration {
        let age = self.moment.age(clock.moment());
        if life >= COARSE {
            return age + Moment::LAG;
        }
        let exact = self.exact_age(clock);
        // The exact clock may stand still while the machine sleeps; then the coarse ones know better.
        if age > exact + Moment::LAG * 2 { age } else { exact }
    }

    fn exact_age(self, clock: &dyn Clock) -> Duration {
        clock.elapsed().saturating_sub(self.exactly)
    }
}

/// One that waits, counted for as long as it does.
struct Waits<'t>(&'t AtomicU64, u64);

impl<'t> Waits<'t> {
    fn new(waiting: &'t AtomicU64, cost: u64) -> Self {
        waiting.fetch_add(cost, Ordering::Relaxed);
        Self(waiting, cost)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(self.1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_takes_no_more_memory_than_its_digest() {
        let subjects = Subjects::new(None);
        let short = "x".repeat(SHORT);
        assert_eq!(near(&short, &subjects), short);
        let kept = near("x".repeat(1 << 20).as_str(), &subjects).into_owned();
        assert_eq!(kept.len(), SHORT + 1, "as no short key is");
        assert_ne!(kept, near("y".repeat(1 << 20).as_str(), &subjects));
    }
}
