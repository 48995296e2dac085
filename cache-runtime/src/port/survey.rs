//! A look at what stands in a cache, key by key: for reports, never on the way of a read.

use crate::key::Key;
use crate::policy::Remaining;

/// A piece of a survey of a namespace.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// Where to go on; `None` at the end.
    pub next: Option<u64>,
    /// Keys that were passed, looked at or not.
    pub seen: u64,
    /// Those that were looked at.
    pub keys: Vec<Surveyed>,
}

/// A key that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surveyed {
    /// The key.
    pub key: Key,
    /// What it takes in the backend, in bytes: its own text and the backend's overhead included.
    pub bytes: u64,
    /// What is left of its life.
    pub remaining: Remaining,
    /// What stands there.
    pub standing: Standing,
}

/// What stands at a key, as far as a survey tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// A value, or anything that is none of the others.
    Value,
    /// Somebody's lease, or a tag's stamp.
    Lease,
    /// One or more writers' hold.
    Hold,
}

/// Which keys a survey looks at, and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SurveyFrom {
    /// Where the last piece said to go on; zero for the first.
    pub cursor: u64,
    /// Keys that were passed already.
    pub seen: u64,
    /// One of so many is looked at; at least one.
    pub every: u64,
}

impl SurveyFrom {
    /// Those of a piece's keys that are looked at.
    pub fn sampled<T>(self, keys: impl IntoIterator<Item = T>) -> impl Iterator<Item = T> {
        let every = self.every.max(1);
        (self.seen..).zip(keys).filter(move |(number, _)| number % every == 0).map(|(_, key)| key)
    }
}
