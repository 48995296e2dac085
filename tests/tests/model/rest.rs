//! Progress: whatever was begun comes to its end, and then nothing old is left.

use super::action::Action;
use super::protocol::Protocol;
use super::scope::Bar;
use super::state::{Entry, Flight, Flying, Joiner, Relay, State, Stream, Writing};

impl Protocol {
    /// Whether this brings to an end what was begun: nobody begins anything, nothing goes wrong, and nobody has to lose
    /// patience.
    pub(crate) fn finishes(&self, s: &State, action: Action) -> bool {
        use Action::*;
        match action {
            Read(flight) => s.flights[flight].phase == Flying::Looking,
            Commit(writer) => s.writers[writer].phase != Writing::Idle,
            Lease(_) | Load(_) | Fill(_) | Admit(_) | Answer(_) => true,
            Forget(_) | CommitWithRow(_) | CommitElsewhere(_) => true,
            CommitArrives(_) | CommitVanishes(_) | Release(_) | Acknowledge(_) => true,
            HoldRunsOut(_) | LeaseRunsOut => true,
            Evict(_) | BeatComesBack(_) | NoticeLoss(_) | Resubscribe(_) => true,
            Take(_) | Deliver(_) | Delete(_) | Reconnect(_) | Trust(_) => true,
            _ => false,
        }
    }

    /// Nobody is stuck, and where nothing is left to be done nothing old is left either.
    pub(crate) fn comes_to_rest(&self, s: &State) -> bool {
        let goes_on =
            |action: &Action| self.finishes(s, *action) && self.next(s, *action).is_some();
        self.actions.iter().any(goes_on) || s.is_at_rest() && self.is_clean(s)
    }

    /// What a state has before it. Every action that finishes something makes it less, so that from every state there
    /// are only so many until nothing is left to be done.
    pub(crate) fn left(&self, s: &State) -> u32 {
        let flights = s.flights.iter().map(|flight| match flight.phase {
            Flying::Idle => 0,
            Flying::Filled(_) | Flying::Hit(_) | Flying::Landing(_) => 1,
            Flying::Loaded(_) | Flying::Passing | Flying::Renewed(_) => 2,
            Flying::Leased | Flying::TooEarly(_) => 3,
            Flying::Renewing | Flying::LoadedUnseen(_) => 3,
            Flying::Looking => 4,
        });
        let taken = |writer| {
            let weight = s.processes.iter().map(|process| match process.relay {
                Relay::Took(rows) if rows.has(writer) => 2,
                Relay::Delivered(rows) if rows.has(writer) => 1,
                _ => 3,
            });
            weight.min().unwrap_or(3)
        };
        let writers = s.writers.iter().enumerate().map(|(number, writer)| {
            let row = if writer.row { taken(number) } else { 0 };
            row + match writer.phase {
                Writing::Idle | Writing::Done => 0,
                Writing::Released | Writing::ReleasedInDoubt | Writing::Answered => 1,
                Writing::RolledBack | Writing::Unreleased | Writing::WaitingForgotten => 1,
                Writing::CommittedForgotten | Writing::Waiting => 2,
                Writing::Committed => 3,
                Writing::InDoubt | Writing::Outboxed => 6,
                Writing::Forgotten => 7,
                Writing::Held => 8,
            }
        });
        let processes = s.processes.iter().map(|process| {
            let Stream { stands, first, beat, second } = process.stream;
            let stream = match (stands, process.tier.open) {
                (true, _) => 0,
                (false, false) => 1,
                (false, true) => 2,
            };
            let words = u32::from(first) + u32::from(beat) + u32::from(second);
            let outage = if process.connected { 0 } else { 10 };
            words + stream + outage + u32::from(!process.trusts)
        });
        let entry = match s.entry {
            Entry::Absent | Entry::Value { .. } => 0,
            Entry::Lease(_) => 1,
            Entry::Hold(tokens) => tokens.count(),
        };
        10 * (flights.sum::<u32>() + writers.sum::<u32>()) + processes.sum::<u32>() + entry
    }

    /// Nothing that is kept anywhere, and could be served, is old.
    fn is_clean(&self, s: &State) -> bool {
        let newest = match self.scope.bar {
            Bar::Acknowledged if !self.scope.records => s.bar,
            _ => s.committed,
        };
        let mut kept = s.processes.iter().filter_map(|process| process.tier.value);
        self.value(s).is_none_or(|version| version >= newest)
            && kept.all(|version| version >= newest)
    }
}

impl State {
    fn is_at_rest(&self) -> bool {
        let idle = |process: &super::state::Process| {
            let Stream { stands, first, beat, .. } = process.stream;
            let quiet = stands && !first && !beat && process.relay == Relay::Idle;
            quiet && process.connected && process.trusts
        };
        self.joiner == Joiner::Away
            && self.flights.iter().all(|flight| *flight == Flight::default())
            && self.writers.iter().enumerate().all(|(number, writer)| {
                // A relay that goes by the last row never looks at those before it.
                let delivered = !writer.row || number < usize::from(self.cursor);
                delivered && matches!(writer.phase, Writing::Idle | Writing::Done)
            })
            && matches!(self.entry, Entry::Absent | Entry::Value { .. })
            && self.processes.iter().all(idle)
    }
}
