//! What each thread was lately given by the tier: found without a lock, and without writing the key.
//!
//! It is no second truth. A thread keeps no value alive, so the tier alone says how much is kept; what has left the tier is
//! found here only while some caller still has it. Each answer is checked against the same generation, epoch and deadline
//! as one of the tier, so an invalidation reaches all threads at once. And what a thread finds is the asker's to recognise:
//! two ids may share a hash.

use std::any::Any;
use std::cell::RefCell;
use std::hash::{BuildHasher, Hash};
use std::sync::{Arc, LazyLock, Weak};

use super::generations::Seen;

/// A thread has a slot for every eighth entry of its tier, 64 bytes each, so that it adds 8 bytes an entry for each thread
/// that reads: few beside what an entry takes, with as many threads as a machine has processors. What is asked for most
/// finds a place there; the rest is in the tier.
const ENTRIES_TO_A_SLOT: usize = 8;
/// Nor more than one for so many bytes of its tier: a slot and the allocation of a row that it keeps from being given back, though
/// the row itself is gone, are some hundred bytes together.
const BYTES_TO_A_SLOT: usize = 4096;
/// 16 KiB: with fewer, the rows of a small tier would take each other's places.
pub(super) const FEWEST: usize = 256;
/// A megabyte: about what a processor has as a cache of its own. With more the slots themselves would come from farther away,
/// as what the tier has does.
const MOST: usize = 16_384;
/// After so many answers a slot asks the tier once more, which so learns what is in use: else the tier would take what is
/// asked for most for what nobody wants, and let it go first. Of the reads of a row that stays here one in 33 pays for that,
/// and the tier hears of it the later the higher the number is.
pub(super) const ANSWERS: u16 = 32;

/// An odd number whose bits are mixed (the golden ratio's, in 64 bits): the same id of two repositories has two places.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

type Value = dyn Any + Send + Sync;

/// Whose answer is asked for: a number that is one repository's alone, and the hash of what it asks by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    of: u32,
    hash: u64,
}

impl Asked {
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "only repositories ask so"))]
    #[inline]
    pub(crate) fn of(number: u32, id: &impl Hash) -> Self {
        static SEED: LazyLock<foldhash::fast::RandomState> = LazyLock::new(Default::default);
        Self { of: number, hash: SEED.hash_one(id) ^ u64::from(number).wrapping_mul(SPREAD) }
    }

    pub(super) fn place(self, slots: usize) -> usize {
        (self.hash >> 32) as usize & slots.wrapping_sub(1)
    }
}

/// Until when an answer is good.
#[derive(Clone, Copy, Debug)]
pub(super) struct Good {
    /// The generation of its key.
    pub(super) seen: Seen,
    pub(super) epoch: u32,
    /// In nanoseconds of the clock that never goes back.
    pub(super) until: u64,
}

/// One answer: side by side, so that it takes one line of the processor's cache.
#[repr(align(64))]
struct Slot {
    hash: u64,
    value: Weak<Value>,
    generation: u64,
    until: u64,
    of: u32,
    counter: u32,
    epoch: u32,
    /// Answers that it still gives.
    left: u16,
    /// It has given one since somebody else wanted its place.
    used: bool,
}

/// How many slots a thread has before a tier of this size: a power of two.
pub(super) fn slots(entries: usize, bytes: usize) -> usize {
    let wanted = (entries / ENTRIES_TO_A_SLOT).min(bytes / BYTES_TO_A_SLOT);
    wanted.clamp(FEWEST, MOST).next_power_of_two()
}

const _: () = assert!(size_of::<Option<Slot>>() == 64);

impl Slot {
    fn new(Asked { of, hash }: Asked, value: Weak<Value>, good: Good) -> Self {
        let Good { seen, epoch, until } = good;
        let (counter, generation) = seen.parts();
        Self { hash, value, generation, until, of, counter, epoch, left: ANSWERS, used: false }
    }

    fn is_of(&self, asked: Asked) -> bool {
        self.hash == asked.hash && self.of == asked.of
    }

    fn good(&self) -> Good {
        let seen = Seen::from_parts((self.counter, self.generation));
        Good { seen, epoch: self.epoch, until: self.until }
    }
}

thread_local! {
    static FRONT: RefCell<Box<[Option<Slot>]>> = RefCell::default();
}

/// What this thread has, if it is `good`.
#[inline]
pub(super) fn recall(asked: Asked, good: impl FnOnce(Good) -> bool) -> Option<Arc<Value>> {
    let recall = |front: &RefCell<Box<[Option<Slot>]>>| {
        let mut front = front.try_borrow_mut().ok()?;
        let slots = front.len();
        let place = front.get_mut(asked.place(slots))?;
        let slot = place.as_mut()?;
        if !slot.is_of(asked) || slot.left == 0 {
            return None;
        }
        let value = if good(slot.good()) { slot.value.upgrade() } else { None };
        match value {
            Some(_) => {
                slot.left -= 1;
                slot.used = true;
            }
            // It will never be an answer again, and holds an allocation.
            None => *place = None,
        }
        value
    };
    // A thread that ends has nothing.
    FRONT.try_with(recall).ok().flatten()
}

/// Keeps what a tier has given, among so many slots, in the place of what was asked for less.
pub(super) fn remember(slots: usize, asked: Asked, value: &Arc<Value>, good: Good) {
    let remember = |front: &RefCell<Box<[Option<Slot>]>>| {
        let Ok(mut front) = front.try_borrow_mut() else { return };
        if front.len() < slots {
            // The first, or the first of a larger tier.
            *front = (0..slots).map(|_| None).collect();
        }
        let slots = front.len();
        let Some(place) = front.get_mut(asked.place(slots)) else { return };
        match place {
            // It gets a second chance.
            Some(other) if !other.is_of(asked) && other.used => other.used = false,
            _ => *place = Some(Slot::new(asked, Arc::downgrade(value), good)),
        }
    };
    // Nobody asks a thread that ends.
    let _ = FRONT.try_with(remember);
}
