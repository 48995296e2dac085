//! What a shard did. Counted under its lock, so that it costs nothing.

use std::ops::AddAssign;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) hits: u64,
    pub(super) misses: u64,
    pub(super) sets: u64,
    pub(super) deletes: u64,
    pub(super) errors: u64,
    pub(super) evictions: u64,
    pub(super) expiries: u64,
}

impl Counts {
    /// Somebody has read something, which was there or not.
    pub(super) fn read(&mut self, found: bool) {
        let count = if found { &mut self.hits } else { &mut self.misses };
        *count += 1;
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.hits += other.hits;
        self.misses += other.misses;
        self.sets += other.sets;
        self.deletes += other.deletes;
        self.errors += other.errors;
        self.evictions += other.evictions;
        self.expiries += other.expiries;
    }
}
