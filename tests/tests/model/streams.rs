//! The tiers, the streams that empty them, and the beats that prove the streams.

use super::defence::Defence;
use super::protocol::Protocol;
use super::state::{PROCESSES, State, Stream, Version};
use super::witness::Witness;

impl Protocol {
    /// Sends the key down every stream that stands.
    pub(crate) fn announce(&self, s: &mut State) {
        for process in (0..PROCESSES).filter(|process| self.tiered(*process)) {
            let stream = &mut s.processes[process].stream;
            if stream.stands {
                let place = if stream.beat { &mut stream.second } else { &mut stream.first };
                *place = true;
            }
        }
    }

    pub(crate) fn evict(&self, s: &mut State, process: usize) -> bool {
        let comes = std::mem::take(&mut s.processes[process].stream.first);
        if comes {
            s.processes[process].tier.value = None;
            self.end_tickets(s, process);
            if self.has(Defence::InvalidationDetaches) {
                self.flights_of(process).for_each(|flight| s.flights[flight].boards = false);
            }
        }
        comes
    }

    pub(crate) fn beat_comes_back(&self, s: &mut State, process: usize) -> bool {
        let process = &mut s.processes[process];
        let Stream { first: false, beat: true, second, .. } = process.stream else {
            return false;
        };
        self.saw(Witness::BeatCameBack);
        process.stream = Stream { stands: true, first: second, beat: false, second: false };
        process.tier.proven = true;
        true
    }

    pub(crate) fn notice_loss(&self, s: &mut State, process: usize) -> bool {
        let noticed = !s.processes[process].stream.stands && s.processes[process].tier.open;
        if noticed {
            self.close_tier(s, process);
        }
        noticed
    }

    pub(crate) fn close_tier(&self, s: &mut State, process: usize) {
        let tier = &mut s.processes[process].tier;
        (tier.open, tier.proven) = (false, false);
        if self.has(Defence::EmptiedOnLoss) {
            tier.value = None;
        }
        if self.has(Defence::EpochEndsTickets) {
            self.end_tickets(s, process);
        }
    }

    pub(crate) fn admit(&self, s: &mut State, process: usize, version: Version, ticket: bool) {
        let process = &mut s.processes[process];
        let good = ticket || !self.has(Defence::TicketAtAdmit);
        if good && process.tier.open && process.trusts {
            self.saw(Witness::TierAdmitted);
            process.tier.value = Some(version);
        } else {
            self.saw(Witness::AdmitRefused);
        }
    }

    /// A writer's own process drops the key at once.
    pub(crate) fn forget_in(&self, s: &mut State, process: usize) {
        if !self.has(Defence::OwnKeysForgotten) {
            return;
        }
        s.processes[process].tier.value = None;
        if self.has(Defence::ForgettingEndsTickets) {
            self.end_tickets(s, process);
        }
    }

    /// What a read that may use the tier would be given by it now.
    pub(crate) fn tier_hit(&self, s: &State, process: usize) -> Option<Version> {
        let here = &s.processes[process];
        let proven = here.tier.proven || !self.has(Defence::BeatProof);
        let trusts = here.trusts || !self.has(Defence::TierPassedOverInDistrust);
        let value = here.tier.value.filter(|_| here.tier.open && proven && trusts)?;
        self.saw(Witness::TierHit);
        if value < s.bar {
            self.saw(Witness::TierHitOfAnOldValue);
        }
        Some(value)
    }

    fn end_tickets(&self, s: &mut State, process: usize) {
        self.flights_of(process).for_each(|flight| s.flights[flight].ticket = false);
    }

    fn flights_of(&self, process: usize) -> impl Iterator<Item = usize> {
        let homes = self.scope.flights;
        (0..homes.len()).filter(move |flight| homes[*flight] == process)
    }
}

impl State {
    /// A beat is a word to Redis that comes back on the stream, behind everything announced before it. One that could
    /// prove nothing new is not sent, nor one while another is under way.
    pub(crate) fn beat(&mut self, process: usize) -> bool {
        let process = &mut self.processes[process];
        let sent = process.tier.open
            && process.stream.stands
            && !process.tier.proven
            && !process.stream.beat;
        process.stream.beat |= sent;
        sent
    }

    /// Time passes, one whole bound: what was sent before proves nothing any more.
    pub(crate) fn tick(&mut self) -> bool {
        self.bar_before = self.bar;
        for process in &mut self.processes {
            process.tier.proven = false;
            process.stream.beat = false;
            process.stream.first |= std::mem::take(&mut process.stream.second);
        }
        true
    }

    /// The stream breaks off; what was under way is lost, and nobody has noticed.
    pub(crate) fn cut(&mut self, process: usize) -> bool {
        let stream = &mut self.processes[process].stream;
        let stood = stream.stands;
        *stream = Stream { stands: false, first: false, beat: false, second: false };
        stood
    }

    pub(crate) fn resubscribe(&mut self, process: usize) -> bool {
        let process = &mut self.processes[process];
        let may = !process.tier.open && process.connected;
        process.stream.stands |= may;
        process.tier.open |= may;
        may
    }
}
