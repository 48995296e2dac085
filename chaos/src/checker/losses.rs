//! The times in which Redis may have lost what it had.

use crate::clock::{Moment, NEVER};

#[derive(Debug, Default)]
pub(crate) struct Losses {
    /// Begin and end, in the order of their begins.
    times: Vec<(Moment, Moment)>,
    /// Losses up to then are forgotten: whatever reaches back so far may have met one.
    forgotten: Option<Moment>,
}

impl Losses {
    pub(crate) fn begin(&mut self, at: Moment) {
        self.times.push((at, NEVER));
    }

    /// The oldest loss that goes on is over.
    pub(crate) fn end(&mut self, began: Moment, at: Moment) {
        if let Some(time) = self.times.iter_mut().find(|time| **time == (began, NEVER)) {
            time.1 = at;
        }
    }

    /// Whether there was one at any moment between these two.
    pub(crate) fn meet(&self, from: Moment, to: Moment) -> bool {
        self.forgotten.is_some_and(|forgotten| from <= forgotten)
            || self.times.iter().any(|(begin, end)| *begin <= to && from <= *end)
    }

    pub(crate) fn forget(&mut self, watermark: Moment) {
        let gone = self.times.iter().filter(|(_, end)| *end < watermark).map(|(_, end)| *end);
        self.forgotten = self.forgotten.max(gone.max());
        self.times.retain(|(_, end)| *end >= watermark);
    }
}
