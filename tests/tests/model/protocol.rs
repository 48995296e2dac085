//! The protocol over a scope, whole or without some of its defences, as transitions of a state.

use std::sync::atomic::{AtomicU64, Ordering};

use cache_runtime::Step;

use super::action::Action;
use super::defence::Defence;
use super::scope::{Scope, Who};
use super::state::{Entry, State, Version};
use super::witness::Witness;

pub(crate) struct Protocol {
    pub(crate) scope: &'static Scope,
    /// All that can happen at some moment.
    pub(crate) actions: Vec<Action>,
    without: &'static [Defence],
    /// The bits of what was seen to happen.
    witnessed: AtomicU64,
    /// The bits of the steps that were taken.
    taken: AtomicU64,
    /// The bits of the promises that were broken: the first time counts, because it is the shortest way there.
    pub(crate) broken: AtomicU64,
}

impl Protocol {
    pub(crate) fn new(scope: &'static Scope, without: &'static [Defence]) -> Self {
        Self {
            scope,
            actions: scope.actions(),
            without,
            witnessed: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            broken: AtomicU64::new(0),
        }
    }

    pub(crate) fn has(&self, defence: Defence) -> bool {
        !self.without.contains(&defence)
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.without.is_empty()
    }

    pub(crate) fn saw(&self, witness: Witness) {
        self.witnessed.fetch_or(witness.bit(), Ordering::Relaxed);
    }

    pub(crate) fn witnessed(&self) -> impl Iterator<Item = Witness> {
        let bits = self.witnessed.load(Ordering::Relaxed);
        Witness::ALL.into_iter().filter(move |witness| bits & witness.bit() != 0)
    }

    pub(crate) fn taken(&self) -> impl Iterator<Item = Step> {
        let bits = self.taken.load(Ordering::Relaxed);
        Step::ALL.into_iter().filter(move |step| bits & 1 << *step as u32 != 0)
    }

    /// What becomes of `state` by `action`; `None` where it cannot happen or changes nothing.
    pub(crate) fn next(&self, state: &State, action: Action) -> Option<State> {
        let mut next = *state;
        if !self.happens(&mut next, action) {
            return None;
        }
        next.forget_versions();
        if let Some(step) = action.step() {
            self.taken.fetch_or(1 << step as u32, Ordering::Relaxed);
        }
        (next != *state).then_some(next)
    }

    fn happens(&self, s: &mut State, action: Action) -> bool {
        use Action::*;
        match action {
            Read(flight) => self.read(s, flight),
            ReadToRenew(flight) => self.read_to_renew(s, flight),
            Lease(flight) => self.lease(s, flight),
            Load(flight) => self.load(s, flight),
            Fill(flight) => self.fill(s, flight),
            Admit(flight) | Answer(flight) => self.answer(s, flight),
            GiveUp(flight) => self.give_up(s, flight),
            ReaderDies(flight) => self.reader_dies(s, flight),
            Join(flight) => self.join(s, flight),
            Leave => self.leave(s),
            Hold(writer) => self.hold(s, writer),
            Renew(writer) => self.renew(s, writer),
            Forget(writer) => self.forget(s, writer),
            Commit(writer) => self.commit(s, writer),
            LoseAnswer(writer) => self.lose_answer(s, writer),
            CommitArrives(writer) => self.commit_arrives(s, writer),
            CommitVanishes(writer) => self.commit_vanishes(s, writer),
            RollBack(writer) => self.roll_back(s, writer),
            Release(writer) => self.release(s, writer),
            ReleaseFails(writer) => self.release_fails(s, writer),
            ReleaseUnanswered(writer) => self.release_unanswered(s, writer),
            HoldFails(writer) => self.hold_fails(s, writer),
            HoldUnanswered(writer) => self.hold_unanswered(s, writer),
            CommitWithRow(writer) => self.commit_with_row(s, writer),
            Acknowledge(writer) => self.acknowledge_delivered(s, writer),
            StopWaiting(writer) => self.stop_waiting(s, writer),
            WriterDies(writer) => self.writer_dies(s, writer),
            Change(writer) => self.change(s, writer),
            CommitElsewhere(writer) => self.commit_elsewhere(s, writer),
            HoldRunsOut(writer) => self.hold_runs_out(s, writer),
            HoldRunsOutEarly(writer) => s.hold_ends(writer),
            LeaseRunsOut => self.lease_runs_out(s),
            ValueRunsOut => s.value_runs_out(),
            Flush => s.flush(),
            Save => s.save(),
            Restart => self.restart(s),
            Evict(process) => self.evict(s, process),
            Beat(process) => s.beat(process),
            BeatComesBack(process) => self.beat_comes_back(s, process),
            Tick => s.tick(),
            Cut(process) => s.cut(process),
            NoticeLoss(process) => self.notice_loss(s, process),
            Resubscribe(process) => s.resubscribe(process),
            Take(process) => self.take(s, process),
            Deliver(process) => self.deliver(s, process),
            Delete(process) => self.delete(s, process),
            RelayDies(process) => s.relay_dies(process),
            Disconnect(process) => s.disconnect(process),
            Reconnect(process) => self.reconnect(s, process),
            Trust(process) => self.trust(s, process),
        }
    }

    pub(crate) fn home(&self, writer: usize) -> usize {
        match self.scope.writers[writer] {
            Who::Repository(home) => home,
            Who::Elsewhere => 0,
        }
    }

    pub(crate) fn tiered(&self, process: usize) -> bool {
        self.scope.tiers[process]
    }

    /// Whether a read in this process may ask Redis.
    pub(crate) fn asks_redis(&self, s: &State, process: usize) -> bool {
        let process = &s.processes[process];
        process.connected && process.trusts
    }

    /// The value that a reader would take from Redis.
    pub(crate) fn value(&self, s: &State) -> Option<Version> {
        match s.entry {
            Entry::Value { past_era: true, .. } if self.has(Defence::Era) => {
                self.saw(Witness::OldEraMissed);
                None
            }
            Entry::Value { version, .. } => Some(version),
            _ => None,
        }
    }

    /// What a read past the tiers that begins now in this process must not be older than.
    pub(crate) fn need(&self, s: &State, process: usize) -> Version {
        let process = &s.processes[process];
        s.bar.max(process.own).max(process.reconnected_at)
    }
}
