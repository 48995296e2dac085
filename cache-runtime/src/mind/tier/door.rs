//! Who is let in where each that comes takes another's place: what was asked for before.
//!
//! A doorkeeper as in TinyLFU (Einziger, Friedman, Manes: "TinyLFU: A Highly Efficient Cache Admission Policy", ACM Transactions
//! on Storage 13(4), 2017), which keeps out what is asked for once. What it remembers is not cleared now and then, as there,
//! but goes as others come.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

use super::identity::Identity;

/// What is remembered has its place taken after some four times as many others as there are entries. Over keys of a Zipf
/// distribution, with exponent 0.99 as with 0.7, as many reads are answered so as where everybody is let in; with half as many
/// places as well, but fewer where what is asked for changes fast. It is four to eight bytes an entry.
const PLACES_TO_AN_ENTRY: usize = 4;

/// 16 MiB.
const MOST: usize = 1 << 24;

/// A byte of a key's hash in a place that the rest of it chooses: one in 255 of those who were not asked for before passes for
/// another who was, and is let in.
#[derive(Debug)]
pub(super) struct Door {
    /// A power of two.
    count: usize,
    /// Made for the first who asks: a tier that never fills has none.
    places: OnceLock<Box<[AtomicU8]>>,
}

impl Door {
    pub(super) fn of(entries: usize) -> Self {
        let wanted = entries.saturating_mul(PLACES_TO_AN_ENTRY).clamp(1, MOST);
        let count = wanted.next_power_of_two();
        Self { count, places: OnceLock::new() }
    }

    /// Whether this key has asked before, as far as that is remembered. From now on it has.
    pub(super) fn knows(&self, identity: Identity) -> bool {
        let make = || (0..self.count).map(|_| AtomicU8::new(0)).collect();
        let (place, mark) = identity.at_the_door();
        let place = self.places.get_or_init(make).get(place & (self.count - 1));
        let knows = |place: &AtomicU8| {
            let knows = place.load(Ordering::Relaxed) == mark;
            // Of two who write here at once one is forgotten, as where one comes after the other.
            if !knows {
                place.store(mark, Ordering::Relaxed);
            }
            knows
        };
        place.is_some_and(knows)
    }
}
