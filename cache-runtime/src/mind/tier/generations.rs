//! How often a key was invalidated: a table of counters, which keys share by their hash.
//!
//! A counter also says whose invalidation was the last. So an entry outlives one of another key of its counter, and what is read
//! takes note of it: only what is not read between two of them is lost by others.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::identity::{Identity, scaled};

/// 64 KiB.
const FEWEST: usize = 1 << 13;
/// 32 MiB: then more entries share one. An entry has room for no larger number beside its mark.
const MOST: usize = 1 << COUNTER_BITS;
const COUNTER_BITS: u32 = 22;
/// The last number of the first half; and its bits are those of the last of all, but for one.
const HALF: u32 = u32::MAX >> 1;

/// Of each counter the number, and in the lower half the mark of the key that was counted last.
#[derive(Debug)]
pub(super) struct Generations(Box<[AtomicU64]>);

/// A key's generation as somebody saw it.
#[derive(Debug)]
pub(super) struct Seen {
    /// The counter's place, and the key's mark in the upper bits: one of a thousand.
    of: u32,
    /// What it was when the value was as new as anything; or later, when it was seen that only another key was counted since.
    generation: AtomicU32,
}

impl Clone for Seen {
    fn clone(&self) -> Self {
        Self { of: self.of, generation: AtomicU32::new(self.generation.load(Ordering::Relaxed)) }
    }
}

impl Generations {
    /// For a tier of so many entries.
    pub(super) fn new(entries: usize) -> Self {
        Self((0..entries.clamp(FEWEST, MOST)).map(|_| AtomicU64::new(0)).collect())
    }

    pub(super) fn see(&self, identity: Identity) -> Seen {
        let of = self.of(identity);
        Seen { of, generation: AtomicU32::new(parts(self.load(of)).0) }
    }

    /// Whether the key was not invalidated since.
    #[inline]
    pub(super) fn is_current(&self, seen: &Seen) -> bool {
        let (now, last) = parts(self.load(seen.of));
        let then = seen.generation.load(Ordering::Relaxed);
        if now == then {
            return true;
        }
        if now != then.wrapping_add(1) || last == mark(seen.of) {
            return false;
        }
        // Whoever writes an earlier one over a later one only makes it look older.
        seen.generation.store(now, Ordering::Relaxed);
        true
    }

    /// Says whether the counter has done half of its way, or all of it, and begins anew: whoever is forgotten each time is never
    /// met by its own number again, nor by half of all numbers.
    pub(super) fn bump(&self, identity: Identity) -> bool {
        let of = self.of(identity);
        let Some(counter) = self.0.get(place(of)) else { return false };
        let next = |state| {
            let (generation, _) = parts(state);
            Some(u64::from(generation.wrapping_add(1)) << 32 | u64::from(mark(of)))
        };
        let (Ok(before) | Err(before)) =
            counter.fetch_update(Ordering::AcqRel, Ordering::Acquire, next);
        parts(before).0 & HALF == HALF
    }

    #[inline]
    fn load(&self, of: u32) -> u64 {
        self.0.get(place(of)).map_or(0, |counter| counter.load(Ordering::Acquire))
    }

    fn of(&self, identity: Identity) -> u32 {
        #[expect(clippy::cast_possible_truncation, reason = "below `MOST`")]
        let place = scaled(identity.low(), self.0.len()) as u32;
        // Bits that have chosen nothing.
        place | identity.mark() << COUNTER_BITS
    }

    /// Lets the counter of a key have only so many numbers left.
    #[cfg(test)]
    pub(super) fn wear(&self, identity: Identity, left: u32) {
        if let Some(counter) = self.0.get(place(self.of(identity))) {
            counter.store(u64::from(u32::MAX - left) << 32, Ordering::Release);
        }
    }
}

#[inline]
fn place(of: u32) -> usize {
    (of & ((1 << COUNTER_BITS) - 1)) as usize
}

#[inline]
fn mark(of: u32) -> u32 {
    of >> COUNTER_BITS
}

#[inline]
fn parts(state: u64) -> (u32, u32) {
    #[expect(clippy::cast_possible_truncation, reason = "these are its halves")]
    let parts = ((state >> 32) as u32, state as u32);
    parts
}
