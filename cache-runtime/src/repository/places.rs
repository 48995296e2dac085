//! Places that are found by a number without a lock.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

const FIRST_CHUNK: usize = 32;
const CHUNKS: usize = 24;

/// Chunks that double in size and never move, each made when a number in it is first asked for.
#[derive(Debug)]
pub(super) struct Places<T>([OnceLock<Box<[OnceLock<T>]>>; CHUNKS]);

impl<T> Default for Places<T> {
    fn default() -> Self {
        Self([const { OnceLock::new() }; CHUNKS])
    }
}

impl<T> Places<T> {
    #[expect(
        clippy::indexing_slicing,
        reason = "the chunk and the place in it follow from the number"
    )]
    pub(super) fn place(&self, number: usize) -> &OnceLock<T> {
        let shifted = number + FIRST_CHUNK;
        let chunk = (shifted / FIRST_CHUNK).ilog2() as usize;
        let size = FIRST_CHUNK << chunk;
        &self.0[chunk].get_or_init(|| (0..size).map(|_| OnceLock::new()).collect())[shifted - size]
    }
}

/// A number in a `static`, given when it is first asked for.
#[derive(Debug)]
pub(super) struct Number(OnceLock<usize>);

impl Number {
    pub(super) const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// The next number of `numbers`.
    #[inline]
    pub(super) fn of(&self, numbers: &AtomicUsize) -> usize {
        *self.0.get_or_init(|| numbers.fetch_add(1, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_a_place_of_its_own() {
        let places = Places::<u8>::default();
        let mut seen = std::collections::HashSet::new();
        for number in 0..10_000 {
            assert!(seen.insert(std::ptr::from_ref(places.place(number))), "{number}");
        }
        assert!(std::ptr::eq(places.place(77), places.place(77)));
    }
}
