//! How often a key was invalidated: a table of counters, which keys share by their hash.

use std::sync::atomic::{AtomicU32, Ordering};

use super::identity::{Identity, scaled};

/// 8 bytes for each entry of the tier: an invalidation takes, beside its own, one entry in two that shares its counter. That costs
/// a value now and then, and never makes an old one pass.
const COUNTERS_TO_AN_ENTRY: usize = 2;
/// 16 KiB.
const FEWEST: usize = 1 << 12;
/// 16 MiB: then more entries share one.
const MOST: usize = 1 << 22;

#[derive(Debug)]
pub(super) struct Generations(Box<[AtomicU32]>);

/// A key's generation as somebody saw it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    counter: u32,
    generation: u32,
}

impl Generations {
    /// For a tier of so many entries.
    pub(super) fn new(entries: usize) -> Self {
        let counters = entries.saturating_mul(COUNTERS_TO_AN_ENTRY).clamp(FEWEST, MOST);
        Self((0..counters).map(|_| AtomicU32::new(0)).collect())
    }

    pub(super) fn see(&self, identity: Identity) -> Seen {
        let counter = self.counter(identity);
        Seen { counter, generation: self.load(counter) }
    }

    #[inline]
    pub(super) fn is_current(&self, seen: Seen) -> bool {
        self.load(seen.counter) == seen.generation
    }

    /// Says whether the counter has begun anew: then what was seen of it long ago would pass for what it is now.
    pub(super) fn bump(&self, identity: Identity) -> bool {
        let counter = self.0.get(self.counter(identity) as usize);
        counter.is_some_and(|counter| counter.fetch_add(1, Ordering::AcqRel) == u32::MAX)
    }

    #[inline]
    fn load(&self, counter: u32) -> u32 {
        self.0.get(counter as usize).map_or(0, |generation| generation.load(Ordering::Acquire))
    }

    fn counter(&self, identity: Identity) -> u32 {
        #[expect(clippy::cast_possible_truncation, reason = "below `MOST`")]
        let counter = scaled(identity.low(), self.0.len()) as u32;
        counter
    }

    /// Lets the counter of a key begin anew at the next bump but so many.
    #[cfg(test)]
    pub(super) fn wear(&self, identity: Identity, left: u32) {
        if let Some(counter) = self.0.get(self.counter(identity) as usize) {
            counter.store(u32::MAX - left, Ordering::Release);
        }
    }
}
