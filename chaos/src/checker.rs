//! Every read against everything that was committed, as it comes.
//!
//! # What is known of a state
//!
//! A state of a row is known by its number: the database raises it under the row's lock and logs it, so a number and
//! the write that gave it (`op`) are one committed state, or none. Of each the history keeps four moments, all on one
//! clock, and each with the side on which it may be wrong chosen so that no right answer is ever called wrong:
//!
//! - `from`, never later than its commit: when its statement was sent; when the state before was last known not to be
//!   committed; when a look into the log was sent that did not find it.
//! - `known`, never earlier than its commit: the end of the first look or read that found it, or any later state of the
//!   row, or any state that its transaction gave another row.
//! - `acked`, when its writer's caller had been told; for a write by plain SQL, when its rows had left the outbox.
//! - `begun`, never later than its hold.
//!
//! # What a read may answer
//!
//! Let `since` be the read's begin, less `t` for `Bounded(t)`. The read must not be older than
//!
//! 1. any state that was `acked` by `since`; and, whatever its level, by its begin where its own process wrote it;
//! 2. any state that was `known` by `since`, if its keys were held, and Redis lost nothing from `begun` to the end of
//!    the read. Plain SQL and `Database` reads have no such condition.
//!
//! For an answer that stands under a look-up, a list or a shelf's tag, only states count that took that answer away: a
//! row that plain SQL moved off a shelf and a repository moved on from there is seen there until the plain write is
//! delivered, because the later write does not touch that shelf.
//!
//! The newest such state of a row is the oldest that may be answered; all up to the last one with `from` at the read's
//! end or before may be. Then
//!
//! - a row must be one of those, with this very `op` and these very columns: else it is *stale*, *early* (committed
//!   after the read), *dirty* (never committed) or *torn*;
//! - for "there is no such row", a look-up of nothing, and each row that a list or snapshot leaves out, one of those must
//!   be so: absent, with another code, not on the shelf;
//! - the ids of a list must all have been on the shelf at one moment, and all others not; a snapshot's rows must have
//!   been current at one moment, in their very versions: else it is *mixed*. A state may have been current from its
//!   `from` to the `known` of the next. That moment may lie long before the read, also before what must not be missed: a
//!   row that came off another shelf since then has changed, and the answer has not.
//!
//! One kind of stale answer is counted apart, as an *open case*: the write that was missed was `known` only after its
//! hold may have run out, counted from `begun`. A writer that is stopped for so long between its hold and its commit is
//! outside of what is promised. No fault here stops one for so long; a machine that is short of everything may.
//!
//! # When a read is judged
//!
//! Events are taken in the order of their ends, and only once a look into the log was sent after that end: so every
//! state that the answer may bear is in the history, and every acknowledgement that binds it, but for those whose event
//! is later than [`PATIENCE`]. Those are missed, as are the reads of a process that was stopped for longer than
//! [`MEMORY`] before it could tell of them; these are counted.
//!
//! # What it cannot see
//!
//! - A stale answer within the uncertainty of `known` (a few milliseconds; a look into the log is sent each
//!   15 ms), where the writer was killed before it could tell.
//! - A dirty read of a change that was committed within the same pause.
//! - Reads whose event was lost with their process, and reads that ended in an error.
//! - For a write whose hold Redis may have lost, or whose process was out of its reach, whatever is not acknowledged.

mod history;
mod losses;
mod tally;
#[cfg(test)]
mod tests;
mod verdict;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use history::{Bounds, History};
pub(crate) use history::{Content, Logged, Process};
use losses::Losses;
pub(crate) use tally::{Side, Sum, Tally};
use verdict::{Judge, Sightings};

use crate::clock::{MILLISECOND, Moment, SECOND};
use crate::event::{Event, Read, Written};

/// How long an event may be on its way before those that come after it are judged without it.
const PATIENCE: Moment = 60 * MILLISECOND;
/// How long states are kept that no read should see any more.
const MEMORY: Moment = 30 * SECOND;
/// How old a value may get: its TTL with all its jitter, and the load.
const LONGEST_LIFE: Moment = 25 * SECOND;
const _: () = assert!(LONGEST_LIFE + PATIENCE < MEMORY);
/// How long a hold lives.
const HOLD: Moment = crate::worker::HOLD.as_nanos() as Moment;
/// The longest bound of any level, and a little more.
const LONGEST_BOUND: Moment = 2 * SECOND;

/// Something that the checker is told.
#[derive(Debug)]
pub(crate) enum Note {
    /// A process of this side said this.
    Said(Process, Side, Event),
    /// A look into the database's log, from when it was sent to when it was answered, and what was new.
    Look(Moment, Moment, Vec<Logged>),
    /// Redis may lose data from now on: told before it can.
    LossBegins(Moment),
    /// The loss that began then is over.
    LossEnds(Moment, Moment),
    /// A fault begins, by its place in the list of faults.
    FaultBegins(usize, Moment),
    /// The fault that began then is over.
    FaultEnds(usize, Moment, Moment),
    /// Nothing comes any more.
    End,
}

/// An event that waits for its turn.
#[derive(Debug)]
struct Pending {
    end: Moment,
    number: u64,
    process: Process,
    side: Side,
    event: Event,
}

impl Pending {
    fn order(&self) -> (Moment, u64) {
        (self.end, self.number)
    }
}

impl PartialEq for Pending {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl Eq for Pending {}

impl PartialOrd for Pending {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Pending {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

pub(crate) struct Checker {
    history: History,
    losses: Losses,
    pending: BinaryHeap<Reverse<Pending>>,
    next: u64,
    sightings: Sightings,
    forgotten: Moment,
    looks: u64,
    judged: Moment,
    pub(crate) tally: Tally,
}

impl Checker {
    pub(crate) fn new(rows: u16, faults: &[String]) -> Self {
        Self {
            history: History::new(rows),
            losses: Losses::default(),
            pending: BinaryHeap::new(),
            next: 0,
            sightings: Sightings::new(),
            forgotten: 0,
            looks: 0,
            judged: 0,
            tally: Tally::new(faults),
        }
    }

    /// Takes a note; false once there are no more.
    pub(crate) fn take(&mut self, note: Note) -> bool {
        match note {
            Note::Said(process, side, event) => self.hear(process, side, event),
            Note::Look(begin, end, news) => {
                self.history.learn(begin, end, news);
                self.judge_until(begin.saturating_sub(PATIENCE));
                self.looks += 1;
                if self.looks.is_multiple_of(64) {
                    self.forget(begin.saturating_sub(MEMORY));
                }
            }
            Note::LossBegins(at) => self.losses.begin(at),
            Note::LossEnds(began, at) => self.losses.end(began, at),
            Note::FaultBegins(fault, at) => self.tally.fault_begins(fault, at),
            Note::FaultEnds(fault, began, at) => self.tally.fault_ends(fault, began, at),
            Note::End => {
                self.judge_until(Moment::MAX);
                return false;
            }
        }
        true
    }

    fn hear(&mut self, process: Process, side: Side, event: Event) {
        let end = match &event {
            Event::Read(read) => read.end,
            Event::Written(written) => written.at,
            other => return self.tally.count(side, other),
        };
        self.tally.late += u64::from(end < self.judged);
        self.next += 1;
        self.pending.push(Reverse(Pending { end, number: self.next, process, side, event }));
    }

    fn judge_until(&mut self, moment: Moment) {
        self.judged = moment;
        while self.pending.peek().is_some_and(|Reverse(first)| first.end < moment) {
            let Some(Reverse(Pending { process, side, event, .. })) = self.pending.pop() else {
                return;
            };
            match event {
                Event::Read(read) => self.read(process, side, &read),
                Event::Written(written) => self.written(process, side, &written),
                _ => {}
            }
        }
    }

    fn written(&mut self, process: Process, side: Side, written: &Written) {
        self.tally.wrote(side);
        for (id, version) in &written.rows {
            if !self.history.acknowledge(*id, *version, written.at, process) {
                self.tally.lost(*id, *version);
            }
        }
    }

    fn read(&mut self, process: Process, side: Side, read: &Read) {
        if read.begin < self.forgotten {
            return self.tally.unchecked(side, read);
        }
        let bounds = Bounds { level: read.level, process, begin: read.begin, end: read.end };
        let mut sightings = std::mem::take(&mut self.sightings);
        let mut judge = Judge {
            history: &self.history,
            losses: &self.losses,
            bounds,
            sightings: &mut sightings,
        };
        let (history, tally) = (&self.history, &mut self.tally);
        judge.judge(read, |verdict| match verdict {
            Ok(()) => {}
            Err(violation) => tally.violated(side, read, process, &violation, history),
        });
        self.tally.read(side, read);
        for (id, place) in sightings.drain(..) {
            self.history.saw(id, place, read.end);
        }
        self.sightings = sightings;
    }

    fn forget(&mut self, watermark: Moment) {
        self.forgotten = watermark;
        self.history.forget(watermark.saturating_sub(LONGEST_BOUND));
        self.losses.forget(watermark);
        self.tally.forget(watermark);
        self.tally.remember(self.history.states(), self.pending.len());
    }
}
