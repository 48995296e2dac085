//! What was counted.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::history::{History, Process};
use super::verdict::{Violation, Wrong};
use crate::clock::{MILLISECOND, Moment, NEVER};
use crate::event::{Counted, Event, Level, Read};

/// So many violations are told in full.
const MOST_TOLD: usize = 20;
/// Faults that were over for no longer are told beside a violation.
const AFTERMATH: Moment = 2000 * MILLISECOND;

/// Who made a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Side {
    /// The repository.
    Ours,
    /// Plain delete-after-write.
    Plain,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Reads {
    pub(crate) answers: u64,
    pub(crate) during_faults: u64,
    pub(crate) wrong: BTreeMap<Wrong, u64>,
    /// Stale by what is outside of the promise, and not among the wrong ones.
    pub(crate) open: u64,
}

impl Reads {
    pub(crate) fn wrong(&self) -> u64 {
        self.wrong.values().sum()
    }

    fn add(&mut self, other: &Self) {
        self.answers += other.answers;
        self.during_faults += other.during_faults;
        self.open += other.open;
        for (wrong, count) in &other.wrong {
            *self.wrong.entry(*wrong).or_default() += count;
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Fault {
    pub(crate) name: String,
    pub(crate) times: u64,
    pub(crate) reads: u64,
}

/// Everything that one side did.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sum {
    pub(crate) levels: BTreeMap<Level, Reads>,
    pub(crate) writes: u64,
    pub(crate) refused: u64,
    pub(crate) unread: u64,
    pub(crate) unchecked: u64,
    pub(crate) counted: Counted,
}

impl Sum {
    /// All levels together, but for the control.
    pub(crate) fn all(&self) -> Reads {
        let mut all = Reads::default();
        let levels = self.levels.iter().filter(|(level, _)| **level != Level::Sql);
        levels.for_each(|(_, reads)| all.add(reads));
        all
    }

    pub(crate) fn control(&self) -> Reads {
        self.levels.get(&Level::Sql).cloned().unwrap_or_default()
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Tally {
    pub(crate) sides: BTreeMap<Side, Sum>,
    pub(crate) faults: Vec<Fault>,
    /// Which fault, from when to when.
    times: Vec<(usize, Moment, Moment)>,
    /// Acknowledged writes that the database does not have.
    pub(crate) lost: u64,
    pub(crate) told: Vec<String>,
    pub(crate) deaths: BTreeMap<u8, u64>,
    pub(crate) most_states: usize,
    pub(crate) most_pending: usize,
    /// Events that came after their turn.
    pub(crate) late: u64,
}

impl Tally {
    /// Of a run with faults of these names.
    pub(crate) fn new(faults: &[String]) -> Self {
        let named = |name: &String| Fault { name: name.clone(), ..Fault::default() };
        Self {
            sides: BTreeMap::new(),
            faults: faults.iter().map(named).collect(),
            times: Vec::new(),
            lost: 0,
            told: Vec::new(),
            deaths: BTreeMap::new(),
            most_states: 0,
            most_pending: 0,
            late: 0,
        }
    }

    pub(crate) fn side(&self, side: Side) -> Sum {
        self.sides.get(&side).cloned().unwrap_or_default()
    }

    fn sum(&mut self, side: Side) -> &mut Sum {
        self.sides.entry(side).or_default()
    }

    pub(super) fn count(&mut self, side: Side, event: &Event) {
        let sum = self.sum(side);
        match event {
            Event::Refused => sum.refused += 1,
            Event::Unread => sum.unread += 1,
            Event::Counted(more) => {
                sum.counted.add(more);
            }
            Event::Dies(step) => *self.deaths.entry(*step).or_default() += 1,
            Event::Read(_) | Event::Written(_) => {}
        }
    }

    pub(super) fn wrote(&mut self, side: Side) {
        self.sum(side).writes += 1;
    }

    pub(super) fn lost(&mut self, id: u16, version: u32) {
        self.lost += 1;
        if self.told.len() < MOST_TOLD {
            self.told
                .push(format!("row {id}: version {version} was acknowledged, and is not there"));
        }
    }

    pub(super) fn unchecked(&mut self, side: Side, read: &Read) {
        self.sum(side).unchecked += read.answer.count();
    }

    pub(super) fn read(&mut self, side: Side, read: &Read) {
        let count = read.answer.count();
        let mut during = false;
        for (fault, begin, end) in &self.times {
            if *begin <= read.end && read.begin <= *end {
                during = true;
                if let Some(fault) = self.faults.get_mut(*fault) {
                    fault.reads += count;
                }
            }
        }
        let reads = self.sum(side).levels.entry(read.level).or_default();
        reads.answers += count;
        reads.during_faults += if during { count } else { 0 };
    }

    pub(super) fn violated(
        &mut self,
        side: Side,
        read: &Read,
        process: Process,
        violation: &Violation,
        history: &History,
    ) {
        let reads = self.sum(side).levels.entry(read.level).or_default();
        if violation.open && read.level != Level::Sql {
            reads.open += 1;
        } else {
            *reads.wrong.entry(violation.wrong).or_default() += 1;
        }
        // What the plain way gets wrong is no news.
        if self.told.len() < MOST_TOLD && (side == Side::Ours || read.level == Level::Sql) {
            let mut text = told(read, process, violation, history);
            for (fault, begin, end) in &self.times {
                if *begin <= read.end && read.begin <= end.saturating_add(AFTERMATH) {
                    let (begin, end) = (since(*begin, read), since(*end, read));
                    let name = self.faults.get(*fault).map_or("", |fault| &fault.name);
                    let _ = write!(text, "\n    {name} from {begin} to {end}");
                }
            }
            self.told.push(text);
        }
    }

    pub(super) fn fault_begins(&mut self, fault: usize, at: Moment) {
        self.times.push((fault, at, NEVER));
        if let Some(fault) = self.faults.get_mut(fault) {
            fault.times += 1;
        }
    }

    pub(super) fn fault_ends(&mut self, fault: usize, began: Moment, at: Moment) {
        if let Some(time) = self.times.iter_mut().find(|time| **time == (fault, began, NEVER)) {
            time.2 = at;
        }
    }

    pub(super) fn forget(&mut self, watermark: Moment) {
        self.times.retain(|(_, _, end)| *end >= watermark);
    }

    pub(super) fn remember(&mut self, states: usize, pending: usize) {
        self.most_states = self.most_states.max(states);
        self.most_pending = self.most_pending.max(pending);
    }
}

/// In milliseconds, from the begin of the read.
fn since(moment: Moment, read: &Read) -> String {
    if moment == NEVER {
        return "never".to_owned();
    }
    let micros = (moment.abs_diff(read.begin) / (MILLISECOND / 1000)).cast_signed();
    let micros = if moment < read.begin { -micros } else { micros };
    format!("{}.{:03}", micros / 1000, (micros % 1000).abs())
}

/// A violation for a reader: times in milliseconds, from the begin of the read.
fn told(read: &Read, process: Process, violation: &Violation, history: &History) -> String {
    let Violation { wrong, id, seen, required, open } = violation;
    let since = |moment| since(moment, read);
    let answer = match seen {
        Some(version) => format!("version {version}"),
        None => "an answer without the row".to_owned(),
    };
    let mut text = format!(
        "{wrong:?}{}: {} of process {process}, row {id}: {answer}, at least {required} was due; it took {} ms; {}",
        if *open { " (open case)" } else { "" },
        read.level.name(),
        since(read.end),
        asked(read),
    );
    let Some(row) = history.row(*id) else { return text };
    for state in &row.states {
        let _ = write!(
            text,
            "\n    {} {:?}{}{} from {} known {} acked {} by {}",
            state.version,
            state.content,
            if state.passing { " (passing)" } else { "" },
            if state.held { "" } else { " (by the outbox)" },
            since(state.from),
            since(state.known),
            since(state.acked),
            state.acker,
        );
    }
    text
}

fn asked(read: &Read) -> String {
    use crate::event::Answer;
    match &read.answer {
        Answer::Rows(rows) => format!("{} rows", rows.len()),
        Answer::Find { code, .. } => format!("code {code}"),
        Answer::List { shelf, .. } => format!("list of shelf {shelf}"),
        Answer::Snapshot { shelf: Some(shelf), .. } => format!("snapshot of shelf {shelf}"),
        Answer::Snapshot { shelf: None, .. } => "snapshot of all".to_owned(),
    }
}
