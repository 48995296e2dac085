//! How often a key was invalidated: a table of counters, which keys share by their hash.

use std::sync::atomic::{AtomicU64, Ordering};

use super::identity::Identity;

/// 256 KiB. Two keys that share a counter cost a value now and then, and never make an old one pass.
const SLOTS: usize = 1 << 15;

#[derive(Debug)]
pub(super) struct Generations(Box<[AtomicU64]>);

/// A key's generation as somebody saw it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    slot: u32,
    generation: u64,
}

impl Generations {
    pub(super) fn new() -> Self {
        Self((0..SLOTS).map(|_| AtomicU64::new(0)).collect())
    }

    pub(super) fn see(&self, identity: Identity) -> Seen {
        let slot = slot(identity);
        Seen { slot, generation: self.load(slot) }
    }

    #[inline]
    pub(super) fn is_current(&self, seen: Seen) -> bool {
        self.load(seen.slot) == seen.generation
    }

    pub(super) fn bump(&self, identity: Identity) {
        if let Some(generation) = self.0.get(slot(identity) as usize) {
            generation.fetch_add(1, Ordering::AcqRel);
        }
    }

    #[inline]
    fn load(&self, slot: u32) -> u64 {
        self.0.get(slot as usize).map_or(0, |generation| generation.load(Ordering::Acquire))
    }
}

impl Seen {
    /// What was seen of this key, if it was this generation.
    pub(super) fn of(identity: Identity, generation: u64) -> Self {
        Self { slot: slot(identity), generation }
    }

    pub(super) fn generation(self) -> u64 {
        self.generation
    }

    /// The number of its counter, and the generation.
    pub(super) fn parts(self) -> (u32, u64) {
        (self.slot, self.generation)
    }

    pub(super) fn from_parts((slot, generation): (u32, u64)) -> Self {
        Self { slot, generation }
    }
}

/// The counter of a key.
fn slot(identity: Identity) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "below the number of slots")]
    let slot = (identity.low() % SLOTS) as u32;
    slot
}
