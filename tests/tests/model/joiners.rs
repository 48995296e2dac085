//! Who misses while a flight of its process is under way boards that flight.

use super::defence::Defence;
use super::protocol::Protocol;
use super::state::{Boarded, Flying, Joiner, State, Version};
use super::witness::Witness;

impl Protocol {
    /// The joiner's read begins with this look, and misses.
    pub(crate) fn join(&self, s: &mut State, flight: usize) -> bool {
        let home = self.scope.flights[flight];
        let boarded = match s.flights[flight].phase {
            Flying::Looking | Flying::Leased | Flying::Passing => Boarded::BeforeTheLoad,
            Flying::TooEarly(_) | Flying::Loaded(_) | Flying::Landing(_) => Boarded::BeforeTheFill,
            Flying::Filled(_) => Boarded::AfterTheFill,
            Flying::Idle | Flying::Hit(_) => return false,
            Flying::Renewing | Flying::Renewed(_) | Flying::LoadedUnseen(_) => return false,
        };
        let misses = self.asks_redis(s, home) && self.value(s).is_none();
        if s.joiner != Joiner::Away || !s.flights[flight].boards || !misses {
            return false;
        }
        let need = match boarded {
            // It is given what is loaded later.
            Boarded::BeforeTheLoad => 0,
            _ => self.need(s, home),
        };
        s.joiner = Joiner::Aboard { flight: flight as u8, boarded, need };
        true
    }

    /// It has waited long enough, and leaves the flight to nobody else.
    pub(crate) fn leave(&self, s: &mut State) -> bool {
        let Joiner::Aboard { flight, .. } = s.joiner else { return false };
        s.flights[usize::from(flight)].boards = false;
        s.joiner = Joiner::Away;
        true
    }

    /// What the joiner would be given now, and what it needs.
    pub(crate) fn joined(&self, s: &State) -> Option<(Version, Version)> {
        let Joiner::Aboard { flight, boarded, need } = s.joiner else { return None };
        let (version, good) = match s.flights[usize::from(flight)].phase {
            Flying::Loaded(version) | Flying::Landing(version) => (version, false),
            Flying::Filled(version) => {
                let sealed = self.has(Defence::FillSealsTheFlight);
                (version, !sealed || boarded == Boarded::BeforeTheFill)
            }
            _ => return None,
        };
        (good || !self.has(Defence::JoinersRule)).then_some((version, need))
    }

    /// Whether no flight of its process can be boarded. Flights of one process are alike, so the first that is idle sets
    /// out.
    pub(crate) fn may_set_out(&self, s: &State, flight: usize) -> bool {
        let homes = self.scope.flights;
        (0..homes.len()).filter(|other| homes[*other] == homes[flight]).all(|other| {
            let idle = s.flights[other].phase == Flying::Idle;
            !s.flights[other].boards && (other >= flight || !idle)
        })
    }

    /// The flight has an answer: who boarded in time takes it, everyone else starts anew.
    pub(crate) fn resolve(&self, s: &mut State, flight: usize, in_time: impl Fn(Boarded) -> bool) {
        let Joiner::Aboard { flight: aboard, boarded, .. } = s.joiner else { return };
        if usize::from(aboard) != flight {
            return;
        }
        if in_time(boarded) {
            self.saw(match boarded {
                Boarded::BeforeTheLoad => Witness::JoinerTookTheLoad,
                _ => Witness::JoinerTookTheFill,
            });
            s.joiner = Joiner::Away;
        } else {
            // The end of the flight will put it off.
            self.saw(Witness::JoinerStartedAnew);
        }
    }

    pub(crate) fn start_anew(&self, s: &mut State, flight: usize) {
        self.resolve(s, flight, |_| false);
    }
}
