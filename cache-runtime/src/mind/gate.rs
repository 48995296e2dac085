//! Whether what the cache says may be believed: after an outage only once the outbox has been drained.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Open from the start, and for ever where there is no relay, because then no write goes by the outbox.
///
/// With a relay it is open for one [session](crate::CoherentCache::session) of the cache at a time: when the session
/// changes, or a write of this process could not hold its keys, it is shut until the relay has drained the outbox.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    relayed: AtomicBool,
    /// A write went by the outbox, and nothing has been drained since: also without a relay nothing is believed then.
    /// Written under the lock, so that a drain that ends at this moment does not take it for one that it has seen.
    doubted: AtomicBool,
    /// The rows of the outbox that a write has last waited for in vain.
    undelivered: Mutex<Vec<i64>>,
    /// The session that is trusted, plus one; zero for none.
    trusted: AtomicU64,
    /// Writes whose release has failed, and was not answered since. Where their hold was lost, an old value may stand in
    /// the cache until it is.
    unreleased: AtomicUsize,
    /// How often trust was lost. Written under the lock.
    doubts: Mutex<u64>,
}

/// Why nothing that the cache says is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disbelief {
    /// The release of a write was not answered.
    Unreleased,
    /// The relay has not drained the outbox.
    Undrained,
    /// A write went by the outbox, and there is no relay any more.
    Doubted,
}

/// What a relay takes before it drains, and shows when it has: trust that was lost meanwhile is not given back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drain {
    session: u64,
    doubts: u64,
}

impl Gate {
    /// Whether answers of this session may be believed.
    pub(crate) fn trusts(&self, session: u64) -> bool {
        if self.unreleased.load(Ordering::Acquire) > 0 {
            return false;
        }
        self.trusted.load(Ordering::Acquire) == session + 1
            || !(self.relayed.load(Ordering::Acquire) || self.doubted.load(Ordering::Acquire))
    }

    /// Why answers of this session are not believed; `None` where they are.
    pub(crate) fn disbelief(&self, session: u64) -> Option<Disbelief> {
        if self.trusts(session) {
            None
        } else if self.unreleased.load(Ordering::Acquire) > 0 {
            Some(Disbelief::Unreleased)
        } else if self.is_relayed() {
            Some(Disbelief::Undrained)
        } else {
            Some(Disbelief::Doubted)
        }
    }

    /// A relay comes, and has to drain before anything is believed; `false` where there is one already.
    pub(crate) fn claim(&self) -> bool {
        if self.is_relayed() {
            return false;
        }
        self.lose_trust(&mut self.doubts());
        !self.relayed.swap(true, Ordering::AcqRel)
    }

    /// A relay is there, or has gone.
    pub(crate) fn relayed(&self, relayed: bool) {
        self.relayed.store(relayed, Ordering::Release);
    }

    /// Whether writes may go by the outbox.
    pub(crate) fn is_relayed(&self) -> bool {
        self.relayed.load(Ordering::Acquire)
    }

    /// A write went by the outbox: what the cache says may be older.
    pub(crate) fn doubt(&self) {
        let mut doubts = self.doubts();
        self.doubted.store(true, Ordering::Release);
        self.lose_trust(&mut doubts);
    }

    /// A write's release has failed: until it is answered nothing is believed.
    pub(crate) fn unreleased(&self) {
        self.unreleased.fetch_add(1, Ordering::AcqRel);
    }

    /// So many of those releases were answered.
    pub(crate) fn released(&self, releases: usize) {
        self.unreleased.fetch_sub(releases, Ordering::AcqRel);
    }

    /// The rows that a write has last waited for in vain: while they are there, nobody delivers.
    pub(crate) fn undelivered(&self) -> Vec<i64> {
        self.undelivered.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A write has waited for these rows in vain; or, where there are none, somebody delivers.
    pub(crate) fn waited_in_vain(&self, rows: Vec<i64>) {
        *self.undelivered.lock().unwrap_or_else(PoisonError::into_inner) = rows;
    }

    fn lose_trust(&self, doubts: &mut MutexGuard<'_, u64>) {
        **doubts += 1;
        self.trusted.store(0, Ordering::Release);
    }

    fn doubts(&self) -> MutexGuard<'_, u64> {
        self.doubts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Called before the outbox is drained.
    pub(crate) fn begin(&self, session: u64) -> Drain {
        let doubts = self.doubts();
        Drain { session, doubts: *doubts }
    }

    /// Whether this drain, once done, still gives trust back: to this session, and with no doubt since its begin.
    pub(crate) fn stands(&self, drain: Drain, session: u64) -> bool {
        let doubts = self.doubts();
        drain.session == session && drain.doubts == *doubts
    }

    /// Called when the outbox was drained to the head that it had at the begin; says whether the gate is open now.
    pub(crate) fn drained(&self, drain: Drain) -> bool {
        let doubts = self.doubts();
        let good = *doubts == drain.doubts;
        if good {
            self.trusted.store(drain.session + 1, Ordering::Release);
            self.doubted.store(false, Ordering::Release);
        }
        good
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_relay_everything_is_believed() {
        let gate = Gate::default();
        assert!(gate.trusts(0) && gate.trusts(7));
    }

    #[test]
    fn a_session_is_believed_once_it_was_drained_and_doubted_again() {
        let gate = Gate::default();
        gate.relayed(true);
        assert!(!gate.trusts(3));
        assert!(gate.drained(gate.begin(3)));
        assert!(gate.trusts(3) && !gate.trusts(4));
        gate.doubt();
        assert!(!gate.trusts(3));
    }

    #[test]
    fn nothing_is_believed_while_a_release_is_not_answered() {
        let gate = Gate::default();
        gate.unreleased();
        gate.unreleased();
        gate.released(1);
        assert!(!gate.trusts(3));
        assert_eq!(gate.disbelief(3), Some(Disbelief::Unreleased));
        gate.released(1);
        assert!(gate.trusts(3));
        assert_eq!(gate.disbelief(3), None);
    }

    #[test]
    fn a_doubt_outlives_the_relay() {
        let gate = Gate::default();
        gate.relayed(true);
        gate.doubt();
        assert_eq!(gate.disbelief(3), Some(Disbelief::Undrained));
        gate.relayed(false);
        assert!(!gate.trusts(3));
        assert_eq!(gate.disbelief(3), Some(Disbelief::Doubted));
        gate.relayed(true);
        assert!(gate.drained(gate.begin(3)));
        gate.relayed(false);
        assert!(gate.trusts(3) && gate.trusts(4));
    }

    #[test]
    fn there_is_one_relay_at_a_time_and_each_has_to_drain() {
        let gate = Gate::default();
        assert!(gate.claim() && !gate.claim());
        assert!(gate.drained(gate.begin(3)) && gate.trusts(3));
        gate.relayed(false);
        assert!(gate.claim());
        assert!(!gate.trusts(3));
    }

    #[test]
    fn a_drain_stands_until_the_session_changes_or_a_doubt_comes() {
        let gate = Gate::default();
        let drain = gate.begin(3);
        assert!(gate.stands(drain, 3) && !gate.stands(drain, 4));
        gate.doubt();
        assert!(!gate.stands(drain, 3));
    }

    #[test]
    fn a_doubt_at_the_end_of_a_drain_outlives_the_relay() {
        for _ in 0..20_000 {
            let gate = Gate::default();
            gate.relayed(true);
            let drain = gate.begin(3);
            let both = std::sync::Barrier::new(2);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    both.wait();
                    gate.doubt();
                });
                both.wait();
                gate.drained(drain);
            });
            gate.relayed(false);
            // Whichever came first: either the drain had ended before the doubt, or it does not count.
            assert!(!gate.trusts(3));
        }
    }

    #[test]
    fn a_doubt_during_the_drain_stays() {
        let gate = Gate::default();
        gate.relayed(true);
        let drain = gate.begin(3);
        gate.doubt();
        assert!(!gate.drained(drain));
        assert!(!gate.trusts(3));
    }
}
