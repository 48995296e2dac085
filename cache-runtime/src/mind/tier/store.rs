//! The entries, bounded in number and in bytes at once.
//!
//! They stand in sets of eight, each under a lock of its own (Adas, Einziger, Friedman: "Limited Associativity Makes Concurrent
//! Software Caches a Breeze", ICDCN 2022): a read looks at one set, and a busy entry is in nobody's way but its neighbours'.
//! An entry whose set is full goes to a second one that its hash names, so that hardly any set is full while others have
//! room (Azar, Broder, Karlin, Upfal: "Balanced Allocations", SIAM J. Comput. 29(1), 1999). Which entry goes when there is
//! no room is said by a hand that spares what was read (CLOCK; Corbató, "A Paging Experiment with the Multics System", 1968,
//! with a count of up to three), in the set alone where that is full, and through all sets where the whole is.

use std::ptr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::identity::Address;
use super::near::{Near, OVERHEAD};
use super::set::{Set, WAYS};

/// The whole in relation to the entries that it may hold, in eighths: sets are not filled evenly, and with a place for each entry
/// and no more some would find both of theirs full.
const EIGHTHS: usize = 9;
/// Sets that are made together, when the first of them is put to use: 24 KiB.
const IN_CHUNK: usize = 64;
/// Entries that there are sets for, at most: those take six gigabytes once they are used.
const MOST: usize = 1 << 27;
/// The weight of a full store. An entry weighs its share of the bytes or of the number, whichever is more.
const WHOLE: u64 = 1 << 48;
/// The part of the whole from which on it counts as full: the last that has gone may have been a large one.
const FULL: u64 = WHOLE / 8 * 7;
/// Rounds of the hand after which whatever stands in a set has been spared as often as it can be.
const ROUNDS: usize = 5;

pub(super) struct Store {
    chunks: Box<[OnceLock<Box<[Slot]>>]>,
    sets: usize,
    weights: Weights,
    /// What all entries weigh.
    weight: AtomicU64,
    hand: AtomicUsize,
}

/// On lines of the processor's cache of its own.
#[derive(Default)]
#[repr(align(64))]
struct Slot(RwLock<Set>);

#[cfg(all(test, target_pointer_width = "64"))]
const _: () = assert!(size_of::<Slot>() == 384);

impl Slot {
    #[inline]
    fn read(&self) -> RwLockReadGuard<'_, Set> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Set> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Both, or one where they are the same. Everybody takes the one first that comes first in memory.
    fn write_both<'a>(
        &'a self,
        other: &'a Self,
    ) -> (RwLockWriteGuard<'a, Set>, Option<RwLockWriteGuard<'a, Set>>) {
        match ptr::from_ref(self).cmp(&ptr::from_ref(other)) {
            std::cmp::Ordering::Less => {
                let own = self.write();
                (own, Some(other.write()))
            }
            std::cmp::Ordering::Equal => (self.write(), None),
            std::cmp::Ordering::Greater => {
                let other = other.write();
                (self.write(), Some(other))
            }
        }
    }
}

/// Puts an entry in the place of the one with its tag, else where there is room, else of one in the first set that is wanted less.
fn put(
    set: &mut Set,
    other: Option<&mut Set>,
    tag: (u32, u32),
    near: Near,
    is_dead: &impl Fn(&Near) -> bool,
) -> Option<Near> {
    if let Some(place) = set.place(tag) {
        return set.put(place, tag, near);
    }
    if let Some(other) = other {
        let place = other.place(tag).or_else(|| match set.room(is_dead) {
            Some(_) => None,
            None => other.room(is_dead),
        });
        if let Some(place) = place {
            return other.put(place, tag, near);
        }
    }
    let room = set.room(is_dead);
    // Whoever was read was so at most a few times.
    let place = room.or_else(|| (0..ROUNDS).find_map(|_| set.least(None)))?;
    set.put(place, tag, near)
}

/// How many entries there may be at once: no more than the bytes have room for, nor than anybody has memory for.
pub(super) fn places(entries: usize, bytes: usize) -> usize {
    entries.min(bytes / OVERHEAD).clamp(1, MOST)
}

impl Store {
    pub(super) fn new(entries: usize, bytes: usize) -> Self {
        let sets = (places(entries, bytes) * EIGHTHS / 8).div_ceil(WAYS);
        let chunks = (0..sets.div_ceil(IN_CHUNK)).map(|_| OnceLock::new()).collect();
        let (weight, hand) = (AtomicU64::new(0), AtomicUsize::new(0));
        Self { chunks, sets, weights: Weights::of(entries, bytes), weight, hand }
    }

    /// Looks at what is kept at this address, under its set's lock; what `look` takes of it counts as a read.
    #[inline]
    pub(super) fn read<T>(&self, address: Address, look: impl Fn(&Near) -> Option<T>) -> Option<T> {
        let of_set = |set| {
            let set = self.slot(set)?.read();
            let near = set.find(address.tag())?;
            let taken = look(near)?;
            near.touch();
            Some(taken)
        };
        of_set(address.set(self.sets)).or_else(|| of_set(address.other_set(self.sets)))
    }

    /// Whether something may be kept without anything else going for it.
    pub(super) fn has_room(&self) -> bool {
        self.weight.load(Ordering::Relaxed) < FULL
    }

    /// Whether something stands here, good or not.
    pub(super) fn holds(&self, address: Address) -> bool {
        [address.set(self.sets), address.other_set(self.sets)]
            .into_iter()
            .any(|set| self.slot(set).is_some_and(|slot| slot.read().find(address.tag()).is_some()))
    }

    /// Puts an entry there if `allowed` still says so under the locks; says whether it did. What is dead makes room first.
    pub(super) fn put(
        &self,
        address: Address,
        near: Near,
        allowed: impl FnOnce() -> bool,
        is_dead: impl Fn(&Near) -> bool,
    ) -> bool {
        let weight = self.weights.of_one(&near);
        if weight > WHOLE {
            return false;
        }
        let (set, other) = (address.set(self.sets), address.other_set(self.sets));
        let (Some(slot), Some(other)) = (self.slot_to_fill(set), self.slot_to_fill(other)) else {
            return false;
        };
        // Whoever clears finds these sets; or what is allowed here is seen to be over.
        fence(Ordering::SeqCst);
        let gone = {
            let (mut set, mut other) = slot.write_both(other);
            if !allowed() {
                return false;
            }
            self.weight.fetch_add(weight, Ordering::Relaxed);
            put(&mut set, other.as_deref_mut(), address.tag(), near, &is_dead)
        };
        self.went(gone);
        self.make_room(address, is_dead);
        true
    }

    pub(super) fn remove(&self, address: Address) {
        for set in [address.set(self.sets), address.other_set(self.sets)] {
            let gone = self.slot(set).and_then(|slot| slot.write().remove(address.tag()));
            self.went(gone);
        }
    }

    /// What is put there from now on, by whoever was allowed to before this was called, is not there afterwards.
    pub(super) fn clear(&self) {
        fence(Ordering::SeqCst);
        // Nothing is given back before nothing is there: whatever a value does when it goes, it keeps none of them.
        let gone: Vec<_> = self.slots().map(|slot| slot.write().clear()).collect();
        gone.into_iter().flatten().for_each(|gone| self.went(gone));
    }

    #[cfg(test)]
    pub(super) fn weight(&self) -> u64 {
        self.weight.load(Ordering::Relaxed)
    }

    #[cfg(test)]
    pub(super) fn sets(&self) -> usize {
        self.sets
    }

    /// The number of entries, and their bytes.
    pub(super) fn size(&self, is_dead: impl Fn(&Near) -> bool) -> (usize, u64) {
        self.slots().fold((0, 0), |(entries, bytes), slot| {
            let set = slot.read();
            let alive = set.iter().filter(|near| !is_dead(near));
            alive.fold((entries, bytes), |(entries, bytes), near| {
                (entries + 1, bytes + u64::from(near.bytes))
            })
        })
    }

    /// Takes out what is wanted least, until all is within its bounds; but not what was just put there.
    fn make_room(&self, but: Address, is_dead: impl Fn(&Near) -> bool) {
        let own = [but.set(self.sets), but.other_set(self.sets)];
        let mut in_vain = 0;
        while self.weight.load(Ordering::Relaxed) > WHOLE && in_vain < self.sets * ROUNDS {
            let at = self.hand.fetch_add(1, Ordering::Relaxed) % self.sets;
            let gone = self.slot(at).and_then(|slot| {
                slot.write().take_least(own.contains(&at).then(|| but.tag()), &is_dead)
            });
            in_vain = if gone.is_some() { 0 } else { in_vain + 1 };
            self.went(gone);
        }
    }

    /// Must not be called under a lock: what goes may be the last to hold its value.
    fn went(&self, gone: Option<Near>) {
        if let Some(near) = gone {
            self.weight.fetch_sub(self.weights.of_one(&near), Ordering::Relaxed);
        }
    }

    #[inline]
    fn slot(&self, set: usize) -> Option<&Slot> {
        self.chunks.get(set / IN_CHUNK)?.get()?.get(set % IN_CHUNK)
    }

    fn slot_to_fill(&self, set: usize) -> Option<&Slot> {
        let made = || (0..IN_CHUNK).map(|_| Slot::default()).collect();
        self.chunks.get(set / IN_CHUNK)?.get_or_init(made).get(set % IN_CHUNK)
    }

    fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.chunks.iter().filter_map(OnceLock::get).flatten()
    }
}

#[derive(Clone, Copy)]
struct Weights {
    of_entry: u64,
    of_byte: f64,
}

impl Weights {
    /// Where the whole may be so many entries, and so many bytes.
    fn of(entries: usize, bytes: usize) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a weight may be off by a millionth")]
        let of_byte = WHOLE as f64 / bytes as f64;
        Self { of_entry: WHOLE / entries as u64, of_byte }
    }

    fn of_one(self, near: &Near) -> u64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a weight may be off by a millionth, and is never negative"
        )]
        let by_bytes = (f64::from(near.bytes) * self.of_byte) as u64;
        by_bytes.max(self.of_entry).max(1)
    }
}
