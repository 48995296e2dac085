//! Readers: each that misses leads a flight.

use super::defence::Defence;
use super::protocol::Protocol;
use super::state::{Boarded, Entry, Flight, Flying, Joiner, Seen, State};
use super::witness::Witness;

impl Protocol {
    /// The first look at the key, or another one while somebody else's lease stands. The read begins with the first look:
    /// had it begun earlier, less would be asked of its answer.
    pub(crate) fn read(&self, s: &mut State, flight: usize) -> bool {
        let home = self.scope.flights[flight];
        let may = match s.flights[flight].phase {
            Flying::Idle => self.may_set_out(s, flight),
            Flying::Looking => true,
            _ => false,
        };
        if !may || !self.asks_redis(s, home) {
            return false;
        }
        if let Some(version) = self.value(s) {
            self.saw(Witness::Hit);
            if version < s.committed && s.writers.iter().any(|writer| writer.row) {
                self.saw(Witness::HitBeforeTheDelivery);
            }
            self.resolve(s, flight, |_| true);
            s.end(flight);
            if self.tiered(home) {
                s.flights[flight].phase = Flying::Hit(version);
                s.flights[flight].ticket = self.ticket(s, home);
            }
            return true;
        }
        let phase = match s.entry {
            Entry::Hold(_) => {
                self.saw(Witness::ReaderMetHold);
                Flying::Passing
            }
            _ => Flying::Looking,
        };
        self.go_on(s, flight, phase);
        true
    }

    /// One command: granted where nothing stands, or over exactly the bytes that were no answer.
    pub(crate) fn lease(&self, s: &mut State, flight: usize) -> bool {
        let free = match s.entry {
            Entry::Absent => true,
            Entry::Value { .. } => self.value(s).is_none(),
            _ => false,
        };
        let phase = match s.flights[flight].phase {
            Flying::Looking if self.has(Defence::LoadAfterLease) => Flying::Leased,
            Flying::TooEarly(version) => Flying::Loaded(version),
            _ => return false,
        };
        if !free || !self.asks_redis(s, self.scope.flights[flight]) {
            return false;
        }
        s.entry = Entry::Lease(Some(flight as u8));
        s.flights[flight].phase = phase;
        s.flights[flight].past_era = false;
        true
    }

    pub(crate) fn load(&self, s: &mut State, flight: usize) -> bool {
        let early = self.renews_early(s, flight);
        let phase = &mut s.flights[flight].phase;
        *phase = match *phase {
            Flying::Leased => Flying::Loaded(s.committed),
            Flying::Passing => Flying::Landing(s.committed),
            Flying::Looking if !self.has(Defence::LoadAfterLease) => Flying::TooEarly(s.committed),
            Flying::Renewing => Flying::Renewed(s.committed),
            Flying::Idle if early => Flying::LoadedUnseen(s.committed),
            _ => return false,
        };
        self.resolve(s, flight, |boarded| boarded == Boarded::BeforeTheLoad);
        true
    }

    pub(crate) fn fill(&self, s: &mut State, flight: usize) -> bool {
        if let Flying::Renewed(version) = s.flights[flight].phase {
            return self.replace(s, flight, version);
        }
        let home = self.scope.flights[flight];
        let Flight { phase: Flying::Loaded(version), past_era, .. } = s.flights[flight] else {
            return false;
        };
        if !s.processes[home].connected {
            return false;
        }
        let of_this_era = !past_era || !self.has(Defence::FillInItsEra);
        if !of_this_era {
            self.saw(Witness::FillOfAnotherEra);
        }
        let leased = if self.has(Defence::LeaseComparedAtFill) {
            s.entry == Entry::Lease(Some(flight as u8))
        } else {
            !matches!(s.entry, Entry::Hold(_))
        };
        if !leased || !of_this_era || !s.processes[home].trusts {
            self.saw(Witness::FillRefused);
            self.start_anew(s, flight);
            s.end(flight);
            return true;
        }
        self.saw(Witness::FillAccepted);
        s.entry = Entry::Value { version, past_era, seen: Seen::default() };
        if self.tiered(home) || self.scope.joiner {
            s.flights[flight].phase = Flying::Filled(version);
            s.flights[flight].ticket = self.ticket(s, home);
        } else {
            s.end(flight);
        }
        true
    }

    /// The reply to a hit or a fill comes in, or a row that was loaded without a lease.
    pub(crate) fn answer(&self, s: &mut State, flight: usize) -> bool {
        let home = self.scope.flights[flight];
        match s.flights[flight].phase {
            Flying::Landing(_) => self.start_anew(s, flight),
            Flying::Hit(version) => self.admit(s, home, version, s.flights[flight].ticket),
            Flying::Filled(version) => {
                if self.tiered(home) {
                    self.admit(s, home, version, s.flights[flight].ticket);
                }
                let late_too = !self.has(Defence::FillSealsTheFlight);
                self.resolve(s, flight, |boarded| late_too || boarded != Boarded::AfterTheFill);
            }
            _ => return false,
        }
        s.end(flight);
        true
    }

    pub(crate) fn give_up(&self, s: &mut State, flight: usize) -> bool {
        let waits =
            s.flights[flight].phase == Flying::Looking && matches!(s.entry, Entry::Lease(_));
        if waits {
            self.go_on(s, flight, Flying::Passing);
        }
        waits
    }

    /// At any step; also a reader that fails, or whose caller goes away. Its lease stays.
    pub(crate) fn reader_dies(&self, s: &mut State, flight: usize) -> bool {
        self.start_anew(s, flight);
        s.end(flight);
        true
    }

    /// Into the next phase, from the beginning of a flight or within it.
    fn go_on(&self, s: &mut State, flight: usize, phase: Flying) {
        // Without anybody who could board it, a load that fills nothing says nothing.
        if phase == Flying::Passing && !self.scope.joiner {
            return s.end(flight);
        }
        if s.flights[flight].phase == Flying::Idle {
            s.flights[flight].boards = true;
        }
        s.flights[flight].phase = phase;
    }

    /// A ticket as it is taken now: whether it can be good later.
    pub(crate) fn ticket(&self, s: &State, process: usize) -> bool {
        let closed_too = !self.has(Defence::NoTicketFromAClosedTier);
        self.tiered(process) && (s.processes[process].tier.open || closed_too)
    }
}

impl State {
    /// The flight is over; who is still aboard starts anew, which is a read like any other.
    pub(crate) fn end(&mut self, flight: usize) {
        self.flights[flight] = Flight::default();
        let left_behind = |joiner: &Joiner| matches!(joiner, Joiner::Aboard { flight: aboard, .. } if usize::from(*aboard) == flight);
        if left_behind(&self.joiner) {
            self.joiner = Joiner::Away;
        }
        for entry in [&mut self.entry, &mut self.saved] {
            match entry {
                Entry::Lease(Some(of)) if usize::from(*of) == flight => *entry = Entry::Lease(None),
                Entry::Value { seen, .. } => *seen = seen.without(flight),
                _ => {}
            }
        }
    }
}
