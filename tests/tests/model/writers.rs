//! Writers that go through a repository: hold, commit, release.

use super::defence::Defence;
use super::protocol::Protocol;
use super::scope::{Bar, Fault};
use super::state::{Entry, State, Writers, Writing};
use super::witness::Witness;

impl Protocol {
    pub(crate) fn hold(&self, s: &mut State, writer: usize) -> bool {
        if !self.may_begin(s, writer)
            || !s.processes[self.home(writer)].connected
            || !self.has(Defence::HoldBeforeCommit)
        {
            return false;
        }
        self.put_token(s, writer);
        s.writers[writer].phase = Writing::Held;
        true
    }

    /// The commit takes its time, and the writer holds once more.
    pub(crate) fn renew(&self, s: &mut State, writer: usize) -> bool {
        let lasts = matches!(s.writers[writer].phase, Writing::Held | Writing::Forgotten);
        if !lasts || s.holds(writer) || !s.processes[self.home(writer)].connected {
            return false;
        }
        self.saw(Witness::RenewedWhatWasGone);
        s.entry = Entry::hold(s.tokens().with(writer));
        if self.has(Defence::RenewalAnnouncesWhenGone) {
            self.announce(s);
        }
        true
    }

    /// The writer drops the key from the tier of its own process.
    pub(crate) fn forget(&self, s: &mut State, writer: usize) -> bool {
        let phase = s.writers[writer].phase;
        s.writers[writer].phase = match phase {
            Writing::Held if self.has(Defence::ForgottenBeforeCommit) => Writing::Forgotten,
            Writing::Committed if !self.has(Defence::ForgottenAfterRelease) => {
                Writing::CommittedForgotten
            }
            Writing::Released => Writing::Done,
            Writing::Waiting => Writing::WaitingForgotten,
            _ => return false,
        };
        self.forget_in(s, self.home(writer));
        if phase == Writing::Released {
            self.acknowledge(s, writer);
        }
        true
    }

    pub(crate) fn commit(&self, s: &mut State, writer: usize) -> bool {
        let ready = self.is_ready(s, writer);
        if ready {
            self.committed(s, writer, Writing::Committed);
            if !self.has(Defence::AcknowledgedAfterRelease) {
                self.acknowledge(s, writer);
            }
        }
        ready
    }

    pub(crate) fn lose_answer(&self, s: &mut State, writer: usize) -> bool {
        let ready = self.is_ready(s, writer);
        if ready {
            s.writers[writer].phase = Writing::InDoubt;
        }
        ready
    }

    pub(crate) fn commit_arrives(&self, s: &mut State, writer: usize) -> bool {
        let in_doubt = s.is_in_doubt(writer);
        if in_doubt {
            self.saw(Witness::CommitArrivedLate);
            self.committed(s, writer, Writing::Done);
        }
        in_doubt
    }

    pub(crate) fn commit_vanishes(&self, s: &mut State, writer: usize) -> bool {
        let in_doubt = s.is_in_doubt(writer);
        if in_doubt {
            s.writers[writer].phase = Writing::Done;
        }
        in_doubt
    }

    pub(crate) fn roll_back(&self, s: &mut State, writer: usize) -> bool {
        let ready = self.is_ready(s, writer);
        if ready {
            s.writers[writer].phase = Writing::RolledBack;
        }
        ready
    }

    pub(crate) fn release(&self, s: &mut State, writer: usize) -> bool {
        let home = self.home(writer);
        if !s.processes[home].connected {
            return false;
        }
        let before = s.writers[writer].phase;
        let after = match before {
            Writing::Committed if self.tiered(home) => {
                if !self.has(Defence::ForgottenAfterRelease) {
                    return false;
                }
                if self.has(Defence::ForgottenOnceMore) { Writing::Released } else { Writing::Done }
            }
            Writing::InDoubt if !self.has(Defence::UnknownIsCommitted) => Writing::ReleasedInDoubt,
            Writing::Committed
            | Writing::CommittedForgotten
            | Writing::RolledBack
            | Writing::Unreleased
            | Writing::Answered => Writing::Done,
            _ => return false,
        };
        self.take_out(s, writer);
        if after == Writing::Done && before != Writing::RolledBack {
            self.acknowledge(s, writer);
        }
        s.writers[writer].phase = after;
        true
    }

    /// What a release does in Redis.
    fn take_out(&self, s: &mut State, writer: usize) {
        let gone = !s.holds(writer);
        let others = if self.has(Defence::TokensOfWriters) {
            s.tokens().without(writer)
        } else {
            Writers::default()
        };
        s.entry = Entry::hold(others);
        if gone {
            self.saw(Witness::HoldWasGone);
            if self.has(Defence::ReleaseAnnouncesWhenGone) {
                self.saw(Witness::AnnouncedAgain);
                self.announce(s);
            }
        }
    }

    /// The first attempt to release is done, and its writer is not told.
    pub(crate) fn release_unanswered(&self, s: &mut State, writer: usize) -> bool {
        let connected = s.processes[self.home(writer)].connected;
        let fails = connected && self.release_fails(s, writer);
        if fails {
            self.take_out(s, writer);
        }
        fails
    }

    /// The first attempt to release fails, or is not answered in time.
    pub(crate) fn release_fails(&self, s: &mut State, writer: usize) -> bool {
        let home = self.home(writer);
        let fails = !s.processes[home].connected || self.scope.may(Fault::FailedRelease);
        if s.writers[writer].phase != Writing::Committed || !fails {
            return false;
        }
        self.saw(Witness::ReleaseFailed);
        if self.tiered(home) {
            self.forget_in(s, home);
        }
        if self.has(Defence::DistrustAfterFailedRelease) {
            self.saw(Witness::Distrusted);
            s.processes[home].trusts = false;
        }
        s.writers[writer].phase = Writing::Unreleased;
        if !self.has(Defence::FailedReleaseIsNone) {
            self.acknowledge(s, writer);
            s.writers[writer].phase = Writing::Answered;
        }
        true
    }

    /// At any step. What it held runs out, and what it had not committed is rolled back.
    pub(crate) fn writer_dies(&self, s: &mut State, writer: usize) -> bool {
        match s.writers[writer].phase {
            // A commit in doubt says all there is to say of a writer that dies while it commits.
            Writing::Idle | Writing::Done | Writing::InDoubt => return false,
            // The release is tried for as long as the process lives, so it is the process that dies.
            Writing::Answered => s.processes[self.home(writer)].own = 0,
            _ => {}
        }
        s.writers[writer].phase = Writing::Done;
        true
    }

    pub(crate) fn hold_runs_out(&self, s: &mut State, writer: usize) -> bool {
        let lasts = match s.writers[writer].phase {
            Writing::Held | Writing::Forgotten => self.has(Defence::HoldRenewed),
            Writing::InDoubt => !self.scope.may(Fault::LateCommit),
            _ => !self.has(Defence::HoldRunsOut),
        };
        !lasts && s.hold_ends(writer)
    }

    /// What a writer leaves at the key before its commit, and what it says of it.
    pub(crate) fn put_token(&self, s: &mut State, writer: usize) {
        let others = s.tokens();
        if !others.is_empty() {
            self.saw(Witness::TwoHolds);
        }
        s.entry = if self.has(Defence::HoldNotDelete) {
            Entry::hold(others.with(writer))
        } else {
            Entry::Absent
        };
        if self.has(Defence::HoldAnnounces) {
            self.announce(s);
        }
    }

    /// Writers of one kind are alike, so they begin in the order of their numbers.
    pub(crate) fn may_begin(&self, s: &State, writer: usize) -> bool {
        let in_order = writer.checked_sub(1).is_none_or(|before| {
            self.scope.writers[before] != self.scope.writers[writer]
                || s.writers[before].phase != Writing::Idle
        });
        in_order && s.writers[writer].phase == Writing::Idle
    }

    /// The caller of the write has its answer, and the write counts.
    pub(crate) fn acknowledge(&self, s: &mut State, writer: usize) {
        self.show_own(s, writer);
        s.bar = s.bar.max(s.writers[writer].version);
    }

    /// The caller has its answer. Where its process has nothing but Redis, which it never doubts, the bar says it all.
    pub(crate) fn show_own(&self, s: &mut State, writer: usize) {
        let home = self.home(writer);
        if self.tiered(home) || self.scope.distrusts() {
            let own = &mut s.processes[home].own;
            *own = (*own).max(s.writers[writer].version);
        }
    }

    /// Whether the commit can be sent.
    fn is_ready(&self, s: &State, writer: usize) -> bool {
        let forgets = self.tiered(self.home(writer)) && self.has(Defence::ForgottenBeforeCommit);
        match s.writers[writer].phase {
            Writing::Held => !forgets,
            Writing::Forgotten => true,
            Writing::Idle => !self.has(Defence::HoldBeforeCommit) && self.may_begin(s, writer),
            _ => false,
        }
    }

    fn committed(&self, s: &mut State, writer: usize, phase: Writing) {
        s.committed += 1;
        let own = &mut s.writers[writer];
        (own.version, own.row, own.phase) = (s.committed, self.scope.records, phase);
        if self.scope.bar == Bar::Committed {
            s.bar = s.committed;
        }
    }
}

impl State {
    pub(crate) fn tokens(&self) -> Writers {
        match self.entry {
            Entry::Hold(tokens) => tokens,
            _ => Writers::default(),
        }
    }

    pub(crate) fn holds(&self, writer: usize) -> bool {
        self.tokens().has(writer)
    }

    pub(crate) fn hold_ends(&mut self, writer: usize) -> bool {
        let stood = self.holds(writer);
        if stood {
            self.entry = Entry::hold(self.tokens().without(writer));
        }
        stood
    }

    fn is_in_doubt(&self, writer: usize) -> bool {
        matches!(self.writers[writer].phase, Writing::InDoubt | Writing::ReleasedInDoubt)
    }
}
