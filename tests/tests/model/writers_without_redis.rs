//! Writers whose keys go by the outbox: those that cannot hold, and those from elsewhere.

use super::defence::Defence;
use super::protocol::Protocol;
use super::scope::Fault;
use super::state::{State, Writing};
use super::witness::Witness;

impl Protocol {
    /// The hold fails, and the key is written to the outbox in the transaction.
    pub(crate) fn hold_fails(&self, s: &mut State, writer: usize) -> bool {
        let home = self.home(writer);
        let fails = !s.processes[home].connected || self.scope.may(Fault::FailedHold);
        if !self.may_begin(s, writer) || !fails {
            return false;
        }
        if self.has(Defence::DistrustAfterOutbox) {
            self.saw(Witness::Distrusted);
            s.processes[home].trusts = false;
        }
        s.writers[writer].phase = Writing::Outboxed;
        true
    }

    /// The hold is placed, and its writer is not told.
    pub(crate) fn hold_unanswered(&self, s: &mut State, writer: usize) -> bool {
        let connected = s.processes[self.home(writer)].connected;
        let fails = connected && self.hold_fails(s, writer);
        if fails {
            self.put_token(s, writer);
        }
        fails
    }

    pub(crate) fn commit_with_row(&self, s: &mut State, writer: usize) -> bool {
        self.commit_row(s, writer, Writing::Waiting)
    }

    /// The row is delivered, and the write is acknowledged.
    pub(crate) fn acknowledge_delivered(&self, s: &mut State, writer: usize) -> bool {
        let delivered = self.waits(s, writer) && !s.writers[writer].row;
        if delivered {
            self.acknowledge(s, writer);
            s.writers[writer].phase = Writing::Done;
        }
        delivered
    }

    /// A delivery, or a release that failed, has been waited for long enough: the caller has its answer, and the write
    /// counts for its own process alone.
    pub(crate) fn stop_waiting(&self, s: &mut State, writer: usize) -> bool {
        let phase = match s.writers[writer].phase {
            Writing::Unreleased => Writing::Answered,
            _ if self.waits(s, writer) && s.writers[writer].row => Writing::Done,
            _ => return false,
        };
        self.show_own(s, writer);
        s.writers[writer].phase = phase;
        true
    }

    /// A statement of somebody else's; the trigger writes the key to the outbox.
    pub(crate) fn change(&self, s: &mut State, writer: usize) -> bool {
        let begins = self.may_begin(s, writer);
        if begins {
            s.writers[writer].phase = Writing::Outboxed;
        }
        begins
    }

    pub(crate) fn commit_elsewhere(&self, s: &mut State, writer: usize) -> bool {
        self.commit_row(s, writer, Writing::Done)
    }

    /// The write counts from its delivery on.
    fn commit_row(&self, s: &mut State, writer: usize, phase: Writing) -> bool {
        if s.writers[writer].phase != Writing::Outboxed {
            return false;
        }
        s.committed += 1;
        let own = &mut s.writers[writer];
        (own.version, own.row, own.phase) = (s.committed, true, phase);
        true
    }

    fn waits(&self, s: &State, writer: usize) -> bool {
        match s.writers[writer].phase {
            Writing::Waiting => !self.tiered(self.home(writer)),
            Writing::WaitingForgotten => true,
            _ => false,
        }
    }
}
