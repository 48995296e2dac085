//! What a write-behind did, counted.

use std::sync::{Mutex, PoisonError};

use crate::error::ErrorKind;

/// What one process's part of a write-behind has done since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WriteBehindStats {
    /// Writes that were acknowledged.
    pub accepted: u64,
    /// Writes that were refused because the queue was full.
    pub refused: u64,
    /// Writes that were brought to the source, those that a newer one of their key made needless included.
    pub applied: u64,
    /// Of those, the ones that were never sent to the source, because a newer one of their key was in the same batch.
    pub collapsed: u64,
    /// Batches and single writes that the source has taken.
    pub batches: u64,
    /// Times that the source was tried and did not take what it was given.
    pub retried: u64,
    /// Writes that were taken a second time or oftener: their worker had died, was slow, or had stopped.
    pub taken_again: u64,
    /// Writes that became dead letters.
    pub dead: u64,
    /// Acknowledged writes that a reader found missing from the queue.
    pub lost: u64,
    /// Why nothing moves, where it does not; `None` once something was applied again.
    pub trouble: Option<Trouble>,
}

/// What a worker waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trouble {
    /// The queue.
    Queue(ErrorKind),
    /// The source, which is away.
    Source,
}

#[derive(Debug, Default)]
pub(super) struct Tally(Mutex<WriteBehindStats>);

impl Tally {
    pub(super) fn add(&self, change: impl FnOnce(&mut WriteBehindStats)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn snapshot(&self) -> WriteBehindStats {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
