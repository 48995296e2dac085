//! What a process did with events, counted.

use std::sync::{Mutex, PoisonError};

/// What one process did with events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventStats {
    /// Events that were published here, those in transactions that were rolled back included.
    pub published: u64,
    /// Events that were left in the stream.
    pub sent: u64,
    /// Events of the stream that were handled here.
    pub handled: u64,
    /// Attempts that failed, and are made again.
    pub retried: u64,
    /// Events that this process has made dead letters.
    pub dead: u64,
}

#[derive(Debug, Default)]
pub(super) struct Tally(Mutex<EventStats>);

impl Tally {
    pub(super) fn add(&self, change: impl FnOnce(&mut EventStats)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn snapshot(&self) -> EventStats {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
