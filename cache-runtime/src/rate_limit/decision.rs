//! What a limit decides.

use std::time::Duration;

use crate::quota::{Ask, Verdict};

/// What a limit says where the backend cannot decide: it is away, takes no writes, is out of memory, or has something else
/// at the limit's key. There is no default: whether a shop rather lets everybody in or nobody is not a library's to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnError {
    /// Everything is admitted, uncounted.
    Allow,
    /// Nothing is admitted.
    Deny,
}

/// What a limit has decided about one call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decision {
    /// Whether the call may go on.
    pub admitted: bool,
    /// The limit: of several, that of the rule that denies for longest, or else has least left.
    pub limit: u64,
    /// How much more would be admitted at this moment under that rule.
    pub remaining: u64,
    /// How long until nothing is counted any more under that rule, if nothing else comes.
    pub reset_after: Duration,
    /// How long until a call like this one is admitted under all rules, if nothing else comes; zero where it would be now.
    pub retry_after: Duration,
    /// Whether this is what [`OnError`] says: nothing was counted, as far as is known.
    pub by_failure: bool,
    /// Whether the key is on the limit's allow list: nothing was counted.
    pub exempt: bool,
    verdicts: Verdicts,
}

/// Most limits are one: a decision of this process makes no list.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdicts {
    None,
    One([Verdict; 1]),
    Several(Box<[Verdict]>),
}

impl Decision {
    /// What each rule said, in the order of [`RateLimit::rules`](super::RateLimit::rules); nothing where the decision is one by
    /// failure, or the key is exempt.
    #[must_use]
    pub fn verdicts(&self) -> &[Verdict] {
        match &self.verdicts {
            Verdicts::None => &[],
            Verdicts::One(verdict) => verdict,
            Verdicts::Several(verdicts) => verdicts,
        }
    }

    pub(super) fn exempt(limit: u64) -> Self {
        Self { exempt: true, remaining: limit, ..Self::none(true, limit) }
    }

    /// Asked again so soon, a backend that was away for a moment costs a caller a second.
    pub(super) fn failed(on_error: OnError, limit: u64) -> Self {
        let admitted = on_error == OnError::Allow;
        let retry_after = if admitted { Duration::ZERO } else { Duration::from_secs(1) };
        Self { by_failure: true, retry_after, ..Self::none(admitted, limit) }
    }

    fn none(admitted: bool, limit: u64) -> Self {
        Self {
            admitted,
            limit,
            remaining: 0,
            reset_after: Duration::ZERO,
            retry_after: Duration::ZERO,
            by_failure: false,
            exempt: false,
            verdicts: Verdicts::None,
        }
    }

    pub(super) fn of(asks: &[Ask], verdicts: Vec<Verdict>) -> Self {
        let limits = asks.iter().map(|ask| ask.quota.limit());
        Self::by(limits, verdicts)
    }

    /// The decision that follows from what each rule, of these limits, said.
    pub(super) fn by(limits: impl Iterator<Item = u64>, mut verdicts: Vec<Verdict>) -> Self {
        let admitted = verdicts.iter().all(|verdict| verdict.admitted);
        let tightest = limits.zip(&verdicts).reduce(|one, other| {
            let tighter = match (one.1.admitted, other.1.admitted) {
                (false, false) => other.1.retry_after > one.1.retry_after,
                (true, true) => other.1.remaining < one.1.remaining,
                (denied_by_other, _) => denied_by_other,
            };
            if tighter { other } else { one }
        });
        let retry_after = verdicts.iter().map(|verdict| verdict.retry_after).max();
        let mut decision = match tightest {
            Some((limit, verdict)) => Self {
                remaining: verdict.remaining,
                reset_after: verdict.reset,
                ..Self::none(admitted, limit)
            },
            None => Self::none(admitted, 0),
        };
        decision.retry_after = retry_after.unwrap_or_default();
        decision.verdicts = match (verdicts.pop(), verdicts.is_empty()) {
            (None, _) => Verdicts::None,
            (Some(only), true) => Verdicts::One([only]),
            (Some(last), false) => {
                verdicts.push(last);
                Verdicts::Several(verdicts.into_boxed_slice())
            }
        };
        decision
    }

    /// Counts what was leased with this call, of `cost`, as what remains: it was counted, and is this process's to use.
    pub(super) fn add(&mut self, leased: u64, cost: u64) {
        self.remaining = self.remaining.saturating_add(leased);
        if self.admitted && leased >= cost {
            self.retry_after = Duration::ZERO;
        }
        let verdicts: &mut [Verdict] = match &mut self.verdicts {
            Verdicts::None => &mut [],
            Verdicts::One(verdict) => verdict,
            Verdicts::Several(verdicts) => verdicts,
        };
        for verdict in verdicts {
            verdict.remaining = verdict.remaining.saturating_add(leased);
            if leased >= cost {
                verdict.retry_after = Duration::ZERO;
            }
        }
    }

    /// A decision from what the backend said to an earlier call, with what this process has left of it.
    pub(super) fn ahead(&self, admitted: bool, left: u64, age: Duration, wait: Duration) -> Self {
        let now = |verdict: &Verdict| Verdict {
            admitted: admitted || verdict.admitted,
            granted: 0,
            remaining: verdict.remaining.saturating_add(left),
            reset: verdict.reset.saturating_sub(age),
            retry_after: verdict.retry_after.min(wait),
            at: verdict.at.saturating_add(age),
        };
        Self {
            admitted,
            limit: self.limit,
            remaining: self.remaining.saturating_add(left),
            reset_after: self.reset_after.saturating_sub(age),
            retry_after: wait,
            by_failure: false,
            exempt: false,
            verdicts: match &self.verdicts {
                Verdicts::None => Verdicts::None,
                Verdicts::One([verdict]) => Verdicts::One([now(verdict)]),
                Verdicts::Several(verdicts) => {
                    Verdicts::Several(verdicts.iter().map(now).collect())
                }
            },
        }
    }
}
