//! The outbox and its relays, and processes that lose Redis for a while.

use super::defence::Defence;
use super::protocol::Protocol;
use super::scope::{Fault, Who};
use super::state::{Entry, PROCESSES, Relay, State, WRITERS, Writers, Writing};
use super::witness::Witness;

impl Protocol {
    /// Locks every row that is free.
    pub(crate) fn take(&self, s: &mut State, process: usize) -> bool {
        if s.processes[process].relay != Relay::Idle {
            return false;
        }
        let mut rows = s.rows().minus(s.locked_by_others(process));
        if rows != s.rows() && !rows.is_empty() {
            self.saw(Witness::RowSkippedAsLocked);
        }
        if !self.has(Defence::EveryRowIsTaken) {
            let seen = rows.each().filter(|row| *row < usize::from(s.cursor));
            rows = rows.minus(seen.fold(Writers::default(), Writers::with));
        }
        s.processes[process].relay = Relay::Took(rows);
        !rows.is_empty()
    }

    /// Releases the key with a token that nobody holds: a value or a lease goes, holds stay.
    pub(crate) fn deliver(&self, s: &mut State, process: usize) -> bool {
        let (rows, after) = match s.processes[process].relay {
            Relay::Took(rows) if self.has(Defence::DeleteAfterDelivery) => {
                (rows, Relay::Delivered(rows))
            }
            Relay::Deleted(rows) => (rows, Relay::Idle),
            _ => return false,
        };
        if !s.processes[process].connected {
            return false;
        }
        s.entry = Entry::hold(s.tokens());
        if self.has(Defence::DeliveryAnnounces) {
            self.announce(s);
        }
        self.saw(Witness::Delivered);
        for row in rows.each() {
            let version = s.writers[row].version;
            if s.bar >= version {
                self.saw(Witness::Redelivered);
            }
            s.bar = s.bar.max(version);
        }
        s.processes[process].relay = after;
        true
    }

    pub(crate) fn delete(&self, s: &mut State, process: usize) -> bool {
        let (rows, after) = match s.processes[process].relay {
            Relay::Delivered(rows) => (rows, Relay::Idle),
            Relay::Took(rows) if !self.has(Defence::DeleteAfterDelivery) => {
                (rows, Relay::Deleted(rows))
            }
            _ => return false,
        };
        for row in rows.each() {
            s.writers[row].row = false;
            if !self.has(Defence::EveryRowIsTaken) {
                s.cursor = s.cursor.max(row as u8 + 1);
            }
        }
        s.processes[process].relay = after;
        true
    }

    pub(crate) fn reconnect(&self, s: &mut State, process: usize) -> bool {
        if s.processes[process].connected {
            return false;
        }
        s.processes[process].connected = true;
        if self.scope.relays[process] {
            s.processes[process].reconnected_at = s.committed;
            if self.has(Defence::DrainBeforeTrust) {
                s.processes[process].trusts = false;
            }
        }
        let another_server = self.scope.may(Fault::Restart) && self.has(Defence::EraClosesTheTier);
        if another_server && self.tiered(process) {
            self.close_tier(s, process);
        }
        true
    }

    /// The outbox is drained to its head, no release is wanting, and hits are answers again.
    pub(crate) fn trust(&self, s: &mut State, process: usize) -> bool {
        let mut undelivered = s.rows();
        if !self.has(Defence::DrainWaitsForLockedRows) {
            undelivered = undelivered.minus(s.locked_by_others(process));
        }
        let own_is_open = (0..self.scope.writers.len()).any(|writer| {
            let open = match s.writers[writer].phase {
                Writing::Outboxed => self.has(Defence::DistrustOutlastsTheCommit),
                Writing::Unreleased | Writing::Answered => true,
                _ => false,
            };
            open && self.scope.writers[writer] == Who::Repository(process)
        });
        let here = &mut s.processes[process];
        let may = !here.trusts && here.connected && undelivered.is_empty() && !own_is_open;
        if may {
            self.saw(Witness::TrustedAgain);
            here.trusts = true;
        }
        may
    }
}

impl State {
    pub(crate) fn relay_dies(&mut self, process: usize) -> bool {
        self.processes[process].relay = Relay::Idle;
        true
    }

    pub(crate) fn disconnect(&mut self, process: usize) -> bool {
        self.processes[process].connected = false;
        true
    }

    /// The rows of the outbox that are there for all to see.
    pub(crate) fn rows(&self) -> Writers {
        let rows = (0..WRITERS).filter(|writer| self.writers[*writer].row);
        rows.fold(Writers::default(), Writers::with)
    }

    /// Of a write that is over, only the outbox can still say which it was.
    pub(crate) fn forget_versions(&mut self) {
        let unsaid = self.processes.iter().fold(self.rows(), |rows, process| match process.relay {
            Relay::Deleted(more) => more.each().fold(rows, Writers::with),
            _ => rows,
        });
        for (number, writer) in self.writers.iter_mut().enumerate() {
            if writer.phase == Writing::Done && !unsaid.has(number) {
                writer.version = 0;
            }
        }
    }

    fn locked_by_others(&self, process: usize) -> Writers {
        let others = (0..PROCESSES).filter(|other| *other != process);
        others.fold(Writers::default(), |locked, other| match self.processes[other].relay {
            Relay::Took(rows) | Relay::Delivered(rows) => rows.each().fold(locked, Writers::with),
            Relay::Idle | Relay::Deleted(_) => locked,
        })
    }
}
