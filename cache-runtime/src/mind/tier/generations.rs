//! How often a key was invalidated: a table of counters, which keys share by their hash.

use std::sync::atomic::{AtomicU32, Ordering};

use super::identity::{Identity, scaled};

/// 8 bytes for each entry of the tier. Each invalidation that is heard takes whatever shares its counter, whether its own key is
/// kept here or not, which is half an entry of a full tier: with a hundred thousand entries and a thousand keys a second an
/// entry is lost so every 200 seconds. That costs a look into the backend, and never makes an old value pass.
const COUNTERS_TO_AN_ENTRY: usize = 2;
/// 256 KiB.
const FEWEST: usize = 1 << 16;
/// 16 MiB: then more entries share one.
const MOST: usize = 1 << 22;

/// The last number of the first half; and its bits are those of the last of all, but for one.
const HALF: u32 = u32::MAX >> 1;

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

    /// Says whether the counter has done half of its way, or all of it, and begins anew: whoever is forgotten each time is never
    /// met by its own number again, nor by half of all numbers.
    pub(super) fn bump(&self, identity: Identity) -> bool {
        let counter = self.0.get(self.counter(identity) as usize);
        let before = counter.map_or(0, |counter| counter.fetch_add(1, Ordering::AcqRel));
        before & HALF == HALF
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
