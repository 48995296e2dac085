//! What Redis does by itself: time runs out, data is lost, another server comes up.

use super::defence::Defence;
use super::protocol::Protocol;
use super::state::{Entry, Flying, State};

impl Protocol {
    pub(crate) fn lease_runs_out(&self, s: &mut State) -> bool {
        let stands = matches!(s.entry, Entry::Lease(_)) && self.has(Defence::LeaseRunsOut);
        if stands {
            s.entry = Entry::Absent;
        }
        stands
    }

    /// A server with the saved state takes over: every connection breaks, and every stream, which nobody notices at
    /// first.
    pub(crate) fn restart(&self, s: &mut State) -> bool {
        s.entry = s.saved;
        for flight in &mut s.flights {
            use Flying::*;
            flight.past_era |= matches!(flight.phase, Leased | Loaded(_) | Renewing | Renewed(_));
        }
        for process in self.scope.processes() {
            s.disconnect(process);
            if self.tiered(process) {
                s.cut(process);
            }
        }
        true
    }
}

impl State {
    pub(crate) fn value_runs_out(&mut self) -> bool {
        let stands = matches!(self.entry, Entry::Value { .. });
        if stands {
            self.entry = Entry::Absent;
        }
        stands
    }

    /// Emptied, restarted without its data, or evicted: to the key it is all one.
    pub(crate) fn flush(&mut self) -> bool {
        self.entry = Entry::Absent;
        true
    }

    /// A snapshot is written, or a replica has come so far.
    pub(crate) fn save(&mut self) -> bool {
        self.saved = match self.entry {
            Entry::Value { version, seen, .. } => Entry::Value { version, past_era: true, seen },
            other => other,
        };
        true
    }
}
