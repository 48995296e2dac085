//! Readers that renew a value while it is served: the value that they saw is their lease.

use super::defence::Defence;
use super::protocol::Protocol;
use super::state::{Entry, Flying, Seen, State, Version};
use super::witness::Witness;

impl Protocol {
    /// The look at a value that is a hit. What the reader returns is looked at in each state anyway.
    pub(crate) fn read_to_renew(&self, s: &mut State, flight: usize) -> bool {
        let phase = match s.flights[flight].phase {
            Flying::Idle if self.may_set_out(s, flight) => Flying::Renewing,
            Flying::LoadedUnseen(version) => Flying::Renewed(version),
            _ => return false,
        };
        let hits = self.asks_redis(s, self.scope.flights[flight]) && self.value(s).is_some();
        let Entry::Value { seen, .. } = &mut s.entry else { return false };
        if hits {
            *seen = seen.with(flight);
            s.flights[flight].phase = phase;
            s.flights[flight].past_era = false;
        }
        hits
    }

    pub(crate) fn renews_early(&self, s: &State, flight: usize) -> bool {
        self.scope.renews && !self.has(Defence::LoadAfterLook) && self.may_set_out(s, flight)
    }

    /// The loaded value takes the place of the one that was seen. It bears that one's era.
    pub(crate) fn replace(&self, s: &mut State, flight: usize, version: Version) -> bool {
        let home = self.scope.flights[flight];
        if !s.processes[home].connected {
            return false;
        }
        let stands = match s.entry {
            Entry::Value { seen, .. } => {
                seen.by(flight) || !self.has(Defence::ValueComparedAtRenewal)
            }
            _ => false,
        };
        if !stands || !s.processes[home].trusts {
            self.saw(Witness::RenewalRefused);
            s.end(flight);
            return true;
        }
        self.saw(Witness::Renewed);
        let past_era = s.flights[flight].past_era;
        s.entry = Entry::Value { version, past_era, seen: Seen::default() };
        if past_era {
            self.saw(Witness::FillOfAnotherEra);
        }
        let proves = !past_era || !self.has(Defence::FillInItsEra);
        if self.tiered(home) && proves {
            s.flights[flight].phase = Flying::Filled(version);
            s.flights[flight].ticket = self.ticket(s, home);
        } else {
            s.end(flight);
        }
        true
    }
}
