//! How often a key was invalidated: a table of counters, which keys share by their hash.

use std::sync::atomic::{AtomicU64, Ordering};

use super::store::Hash;

/// 256 KiB. Two keys that share a counter cost a value now and then, and never make an old one pass.
const SLOTS: usize = 1 << 15;

#[derive(Debug)]
pub(super) struct Generations(Box<[AtomicU64]>);

/// A key's generation as somebody saw it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    slot: usize,
    generation: u64,
}

impl Generations {
    pub(super) fn new() -> Self {
        Self((0..SLOTS).map(|_| AtomicU64::new(0)).collect())
    }

    pub(super) fn see(&self, hash: Hash) -> Seen {
        let slot = hash.low() % SLOTS;
        Seen { slot, generation: self.load(slot) }
    }

    pub(super) fn is_current(&self, seen: Seen) -> bool {
        self.load(seen.slot) == seen.generation
    }

    pub(super) fn bump(&self, hash: Hash) {
        if let Some(generation) = self.0.get(hash.low() % SLOTS) {
            generation.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn load(&self, slot: usize) -> u64 {
        self.0.get(slot).map_or(0, |generation| generation.load(Ordering::Acquire))
    }
}
