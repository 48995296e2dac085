//! One shard: entries with a deadline, bounded by weight. Everything here is done under the shard's lock.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use quick_cache::unsync::Cache;
use quick_cache::{DefaultHashBuilder, Lifecycle, Weighter};

use super::counts::Counts;
use super::data::{Data, wrong_type};
use super::hold::Writers;
use crate::clock::Clock;
use crate::entry::{HOLD, LEASE, VALUE};
use crate::error::Result;
use crate::key::{Key, Namespace, Pattern, Prefix};
use crate::policy::{Remaining, Ttl};
use crate::port::{Live, Progress, Standing, Surveyed};

/// Bytes that an entry costs beside its key and value: its slot, its place in the table and in the queue of eviction,
/// the two counters of the key and of the value, and what the allocator rounds up.
pub(super) const OVERHEAD: u64 = 128;
/// What an entry takes on average, for the size of the memory of what was evicted. A guess that is off by ten does not
/// matter.
const USUAL_ENTRY: usize = 512;

/// Milliseconds, of which there are enough for half a billion years.
pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

pub(super) struct Shard {
    entries: Cache<Key, Slot, Bytewise, DefaultHashBuilder, HoldsStay>,
    evicted: Arc<Evicted>,
    pub(super) counts: Counts,
}

pub(super) struct Slot {
    pub(super) data: Data,
    /// In milliseconds of the clock; `None` is forever.
    pub(super) deadline: Option<u64>,
    /// Until when the slot must not be evicted; zero for all but holds. Not read from the bytes: a program may store
    /// what looks like a hold.
    pinned_until: u64,
}

#[derive(Clone)]
struct Bytewise;

impl Weighter<Key, Slot> for Bytewise {
    fn weight(&self, key: &Key, slot: &Slot) -> u64 {
        let bytes = key.as_str().len() + slot.data.weight();
        u64::try_from(bytes).map_or(u64::MAX, |bytes| bytes + OVERHEAD)
    }
}

struct HoldsStay {
    clock: Arc<dyn Clock>,
    /// Slots that were evicted alive, and dead.
    evicted: Arc<Evicted>,
}

#[derive(Default)]
struct Evicted {
    alive: AtomicU64,
    dead: AtomicU64,
}

impl Lifecycle<Key, Slot> for HoldsStay {
    type RequestState = ();

    fn is_pinned(&self, _: &Key, slot: &Slot) -> bool {
        slot.pinned_until != 0 && slot.pinned_until > millis(self.clock.elapsed())
    }

    /// Called where room is needed, and where a value is too large for the shard.
    fn before_evict(&self, (): &mut (), _: &Key, slot: &mut Slot) {
        let dead = slot.deadline.is_some() && !slot.lives(millis(self.clock.elapsed()));
        let count = if dead { &self.evicted.dead } else { &self.evicted.alive };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

impl Slot {
    /// Whether a writer holds the key.
    fn is_held(&self, now: u64) -> bool {
        let writers = self.data.bytes().and_then(|bytes| Writers::live(bytes, now));
        writers.is_some_and(|writers| writers.latest().is_some())
    }

    pub(super) fn lives(&self, now: u64) -> bool {
        self.deadline.is_none_or(|deadline| deadline > now)
    }

    /// What is left of a life that is not over.
    fn remaining(&self, now: u64) -> Remaining {
        self.deadline.map_or(Remaining::Forever, |deadline| {
            Remaining::Left(Duration::from_millis(deadline.saturating_sub(now)))
        })
    }
}

impl Shard {
    pub(super) fn new(capacity: usize, clock: Arc<dyn Clock>) -> Self {
        let evicted = Arc::<Evicted>::default();
        let entries = Cache::with(
            capacity / USUAL_ENTRY,
            u64::try_from(capacity).unwrap_or(u64::MAX),
            Bytewise,
            DefaultHashBuilder::default(),
            HoldsStay { clock, evicted: Arc::clone(&evicted) },
        );
        Self { entries, evicted, counts: Counts::default() }
    }

    pub(super) fn entries(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.entries.weight()
    }

    pub(super) fn empty(&mut self) {
        self.entries.clear();
    }

    /// The most that one key may take: more is never stored.
    pub(super) fn largest(&self) -> u64 {
        self.entries.capacity() / 100 * 97
    }

    /// What was counted, with what went out by itself.
    pub(super) fn counted(&self) -> Counts {
        let [alive, dead] =
            [&self.evicted.alive, &self.evicted.dead].map(|count| count.load(Ordering::Relaxed));
        Counts {
            evictions: self.counts.evictions + alive,
            expiries: self.counts.expiries + dead,
            ..self.counts
        }
    }

    /// Looks at what stands at the key; what has expired is removed instead.
    pub(super) fn look<T>(
        &mut self,
        key: &Key,
        now: u64,
        read: impl FnOnce(&Slot) -> T,
    ) -> Option<T> {
        let slot = self.entries.get(key)?;
        if slot.lives(now) {
            return Some(read(slot));
        }
        self.entries.remove(key);
        self.counts.expiries += 1;
        None
    }

    /// The bytes at the key, for a caller.
    pub(super) fn get(&mut self, key: &Key, now: u64) -> Result<Option<Bytes>> {
        let found = self.look(key, now, |slot| slot.data.bytes().cloned().ok_or_else(wrong_type));
        let found = found.transpose()?;
        self.counts.read(found.is_some());
        Ok(found)
    }

    /// Counts what failed.
    pub(super) fn tried<T>(&mut self, done: Result<T>) -> Result<T> {
        self.counts.errors += u64::from(done.is_err());
        done
    }

    /// The bytes at the key, for a caller who asks for many: another type counts as absent.
    pub(super) fn get_one_of_many(&mut self, key: &Key, now: u64) -> Option<Bytes> {
        let found = self.look(key, now, |slot| slot.data.bytes().cloned()).flatten();
        self.counts.read(found.is_some());
        found
    }

    pub(super) fn exists(&mut self, key: &Key, now: u64) -> bool {
        self.look(key, now, |_| ()).is_some()
    }

    pub(super) fn remaining(&mut self, key: &Key, now: u64) -> Remaining {
        self.look(key, now, |slot| slot.remaining(now)).unwrap_or(Remaining::NoKey)
    }

    pub(super) fn get_live(&mut self, key: &Key, now: u64) -> Live {
        let read = |slot: &Slot| Some((slot.data.bytes()?.clone(), slot.remaining(now)));
        let found = self.look(key, now, read).flatten();
        self.counts.read(found.is_some());
        found
    }

    /// Takes a value away; what is none stays.
    pub(super) fn pull(&mut self, key: &Key, now: u64) -> Option<(Bytes, Remaining)> {
        let live = self.get_live(key, now).filter(|(bytes, _)| bytes.first() == Some(&VALUE));
        if live.is_some() {
            self.entries.remove(key);
        }
        live
    }

    pub(super) fn set(&mut self, key: &Key, bytes: Bytes, ttl: Ttl, now: u64) {
        self.counts.sets += 1;
        match ttl.millis() {
            Some(0) => drop(self.entries.remove(key)),
            millis => {
                let deadline = millis.map(|millis| now.saturating_add(millis));
                self.put(key, Data::Bytes(bytes), deadline, 0);
            }
        }
    }

    pub(super) fn set_if_absent(&mut self, key: &Key, bytes: Bytes, ttl: Ttl, now: u64) -> bool {
        let absent = !self.exists(key, now);
        if absent {
            self.set(key, bytes, ttl, now);
        }
        absent
    }

    /// Puts a slot there, whatever was there; where it is too large for the shard, the key is absent afterwards. Says
    /// whether it stands.
    pub(super) fn put(
        &mut self,
        key: &Key,
        data: Data,
        deadline: Option<u64>,
        pinned_until: u64,
    ) -> bool {
        self.entries.insert(key.clone(), Slot { data, deadline, pinned_until });
        self.entries.contains_key(key)
    }

    /// Takes out what stands there, to be put back at once.
    pub(super) fn detach(&mut self, key: &Key) -> Option<(Data, Option<u64>)> {
        let mut slot = self.entries.peek_mut(key)?;
        let data = std::mem::replace(&mut slot.data, Data::Bytes(Bytes::new()));
        Some((data, slot.deadline))
    }

    /// Removes what a step has left over.
    pub(super) fn discard(&mut self, key: &Key) {
        self.entries.remove(key);
    }

    pub(super) fn take(&mut self, key: &Key, now: u64) -> Result<Option<Bytes>> {
        let found = self.get(key, now)?;
        if found.is_some() {
            self.delete(key, now);
        }
        Ok(found)
    }

    pub(super) fn delete(&mut self, key: &Key, now: u64) -> bool {
        let alive = self.entries.remove(key).map(|(_, slot)| slot.lives(now));
        match alive {
            Some(true) => self.counts.deletes += 1,
            Some(false) => self.counts.expiries += 1,
            None => {}
        }
        alive == Some(true)
    }

    pub(super) fn expire(&mut self, key: &Key, ttl: Ttl, now: u64) -> bool {
        if ttl.is_zero() {
            return self.delete(key, now);
        }
        if !self.exists(key, now) {
            return false;
        }
        let deadline = ttl.millis().map(|millis| now.saturating_add(millis));
        self.entries.peek_mut(key).map(|mut slot| slot.deadline = deadline).is_some()
    }

    pub(super) fn persist(&mut self, key: &Key, now: u64) -> bool {
        let mortal = self.look(key, now, |slot| slot.deadline.is_some()) == Some(true);
        mortal && self.expire(key, Ttl::Forever, now)
    }

    /// Removes the namespace's keys; says how many were alive.
    pub(super) fn clear(&mut self, namespace: &Namespace, now: u64) -> u64 {
        self.remove_where(now, |key, _| namespace.owns(key.as_str()))
    }

    /// Removes the keys under the prefix but for live holds and structures; says how many were alive.
    pub(super) fn sweep(&mut self, prefix: &Prefix, now: u64) -> u64 {
        self.remove_where(now, |key, slot| {
            prefix.covers(key.as_str()) && slot.data.bytes().is_some() && !slot.is_held(now)
        })
    }

    /// Adds the keys that the pattern matches to `found`.
    pub(super) fn list(&self, pattern: &Pattern, found: &mut Vec<Key>, now: u64) -> Progress {
        let mut progress = Progress::default();
        for (key, _) in self.entries.iter().filter(|(_, slot)| slot.lives(now)) {
            let matches = pattern.matches(key);
            progress += Progress::new(1, u64::from(matches), 0);
            if matches {
                found.push(key.clone());
            }
        }
        progress
    }

    /// Removes the keys that the pattern matches but for live holds.
    pub(super) fn delete_matching(&mut self, pattern: &Pattern, now: u64) -> Progress {
        let (scanned, matched) = (self.entries.len(), Cell::new(0));
        let removed = self.remove_where(now, |key, slot| {
            let matches = pattern.matches(key);
            matched.set(matched.get() + u64::from(matches && slot.lives(now)));
            matches && !slot.is_held(now)
        });
        Progress::new(u64::try_from(scanned).unwrap_or(u64::MAX), matched.get(), removed)
    }

    fn remove_where(&mut self, now: u64, condemned: impl Fn(&Key, &Slot) -> bool) -> u64 {
        let (removed, expired) = (Cell::new(0), Cell::new(0));
        self.entries.retain(|key, slot| {
            let condemned = condemned(key, slot);
            let count = if slot.lives(now) { &removed } else { &expired };
            count.set(count.get() + u64::from(condemned));
            !condemned
        });
        self.counts.deletes += removed.get();
        self.counts.expiries += expired.get();
        removed.get()
    }

    /// Every key of the namespace that is alive, with its weight.
    pub(super) fn survey(&self, namespace: &Namespace, now: u64) -> Vec<Surveyed> {
        let ours = |(key, slot): &(&Key, &Slot)| namespace.owns(key.as_str()) && slot.lives(now);
        let surveyed = |(key, slot): (&Key, &Slot)| Surveyed {
            key: key.clone(),
            bytes: Bytewise.weight(key, slot),
            remaining: slot.remaining(now),
            standing: match slot.data.bytes().and_then(|bytes| bytes.first()) {
                Some(&HOLD) => Standing::Hold,
                Some(&LEASE) => Standing::Lease,
                _ => Standing::Value,
            },
        };
        self.entries.iter().filter(ours).map(surveyed).collect()
    }
}
