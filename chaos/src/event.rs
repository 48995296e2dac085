//! What a worker tells: each answer it was given, and each write that it was told is done.
//!
//! Events go through a pipe, each in one `write` as soon as it is known, so they outlive a worker that is killed right
//! after: what is in the pipe, the kernel keeps. An event that a kill cuts off weakens the check and never falsifies it:
//! a read that nobody knows of is not checked, a write that nobody knows to be acknowledged binds nobody. What was
//! committed is not learnt from here at all but from the database's own log.

mod wire;

pub(crate) use wire::{read_frame, to_frame};

use crate::clock::Moment;

/// A column of a row, or of a look-up, by its number.
pub(crate) type Code = u16;
/// `NO_SHELF` where the row is on none.
pub(crate) type Shelf = u8;

pub(crate) const NO_SHELF: Shelf = u8::MAX;

/// Which write made a state of a row: unique, also among writes that were rolled back.
pub(crate) type Op = u64;

/// What a read said of a row that was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) id: u16,
    pub(crate) version: u32,
    pub(crate) op: Op,
    pub(crate) code: Code,
    pub(crate) shelf: Shelf,
}

/// The same where the answer leaves the columns out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Brief {
    pub(crate) id: u16,
    pub(crate) version: u32,
    pub(crate) op: Op,
}

impl From<Seen> for Brief {
    fn from(seen: Seen) -> Self {
        Self { id: seen.id, version: seen.version, op: seen.op }
    }
}

/// The level of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Level {
    Strong,
    /// Milliseconds.
    Bounded(u16),
    /// Through the repository, with both tiers passed over.
    Database,
    /// By plain SQL: the control. Were it ever wrong, the checker would be.
    Sql,
}

/// An answer, and what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Rows by id, each on its own.
    Rows(Vec<(u16, Option<Seen>)>),
    /// The row of a code.
    Find { code: Code, found: Option<Seen> },
    /// The rows of a shelf: ids of one moment, rows of later ones.
    List { shelf: Shelf, rows: Vec<Seen> },
    /// One statement's answer: the rows of a shelf, or all rows.
    Snapshot { shelf: Option<Shelf>, rows: Vec<Brief> },
}

impl Answer {
    /// How many answers this counts as: each row of a batch is one.
    pub(crate) fn count(&self) -> u64 {
        match self {
            Self::Rows(rows) => rows.len() as u64,
            _ => 1,
        }
    }
}

/// A read, from right before the call to right after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) begin: Moment,
    pub(crate) end: Moment,
    pub(crate) level: Level,
    pub(crate) answer: Answer,
}

/// A write that its caller was told is done, and the version that each row has since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) at: Moment,
    pub(crate) rows: Vec<(u16, u32)>,
}

/// What the repository counted since the worker's last word, in the order of [`Stats::rows`](cache_runtime::Stats::rows).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted(pub(crate) Vec<u64>);

impl Counted {
    pub(crate) fn add(&mut self, more: &Self) {
        self.0.resize(self.0.len().max(more.0.len()), 0);
        self.0.iter_mut().zip(&more.0).for_each(|(sum, more)| *sum += more);
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Read(Read),
    Written(Written),
    /// A write that failed: rolled back, or nobody knows.
    Refused,
    /// A read that failed: the database could not be asked.
    Unread,
    /// The worker kills itself right before this step.
    Dies(u8),
    Counted(Counted),
}
