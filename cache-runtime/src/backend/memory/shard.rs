//! One shard: entries with a deadline, bounded by weight. Everything here is done under the shard's lock.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use quick_cache::unsync::Cache;
use quick_cache::{DefaultHashBuilder, Lifecycle, Weighter};

use super::hold::Writers;
use crate::clock::Clock;
use crate::entry::{Token, VALUE};
use crate::key::{Key, Namespace, Prefix};
use crate::policy::{Remaining, Ttl};
use crate::port::{Fill, LeaseOutcome, LeaseRequest, ReleaseOutcome};

/// Bytes that an entry costs beside its key and value: its slot, its place in the table and in the queue of eviction,
/// the two counters of the key and of the value, and what the allocator rounds up.
const OVERHEAD: u64 = 128;
/// What an entry takes on average, for the size of the memory of what was evicted. A guess that is off by ten does not
/// matter.
const USUAL_ENTRY: usize = 512;

/// Milliseconds, of which there are enough for half a billion years.
pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

pub(super) struct Shard {
    entries: Cache<Key, Slot, Bytewise, DefaultHashBuilder, HoldsStay>,
}

struct Slot {
    bytes: Bytes,
    /// In milliseconds of the clock; `None` is forever.
    deadline: Option<u64>,
    /// Until when the slot must not be evicted; zero for all but holds. Not read from the bytes: a program may store
    /// what looks like a hold.
    pinned_until: u64,
}

#[derive(Clone)]
struct Bytewise;

impl Weighter<Key, Slot> for Bytewise {
    fn weight(&self, key: &Key, slot: &Slot) -> u64 {
        let bytes = key.as_str().len() + slot.bytes.len();
        u64::try_from(bytes).map_or(u64::MAX, |bytes| bytes + OVERHEAD)
    }
}

struct HoldsStay(Arc<dyn Clock>);

impl Lifecycle<Key, Slot> for HoldsStay {
    type RequestState = ();

    fn is_pinned(&self, _: &Key, slot: &Slot) -> bool {
        slot.pinned_until != 0 && slot.pinned_until > millis(self.0.elapsed())
    }
}

impl Slot {
    fn lives(&self, now: u64) -> bool {
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
        let entries = Cache::with(
            capacity / USUAL_ENTRY,
            u64::try_from(capacity).unwrap_or(u64::MAX),
            Bytewise,
            DefaultHashBuilder::default(),
            HoldsStay(clock),
        );
        Self { entries }
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

    /// Looks at what stands at the key; what has expired is removed instead.
    fn look<T>(&mut self, key: &Key, now: u64, read: impl FnOnce(&Slot) -> T) -> Option<T> {
        let slot = self.entries.get(key)?;
        if slot.lives(now) {
            return Some(read(slot));
        }
        self.entries.remove(key);
        None
    }

    pub(super) fn get(&mut self, key: &Key, now: u64) -> Option<Bytes> {
        self.look(key, now, |slot| slot.bytes.clone())
    }

    pub(super) fn exists(&mut self, key: &Key, now: u64) -> bool {
        self.look(key, now, |_| ()).is_some()
    }

    pub(super) fn remaining(&mut self, key: &Key, now: u64) -> Remaining {
        self.look(key, now, |slot| slot.remaining(now)).unwrap_or(Remaining::NoKey)
    }

    pub(super) fn get_live(&mut self, key: &Key, now: u64) -> Option<(Bytes, Remaining)> {
        self.look(key, now, |slot| (slot.bytes.clone(), slot.remaining(now)))
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
        match ttl.millis() {
            Some(0) => drop(self.entries.remove(key)),
            millis => self.put(key, bytes, millis.map(|millis| now.saturating_add(millis)), 0),
        }
    }

    /// Puts a slot there, whatever was there; where it is too large for the shard, the key is absent afterwards.
    fn put(&mut self, key: &Key, bytes: Bytes, deadline: Option<u64>, pinned_until: u64) {
        self.entries.insert(key.clone(), Slot { bytes, deadline, pinned_until });
    }

    pub(super) fn delete(&mut self, key: &Key, now: u64) -> bool {
        self.entries.remove(key).is_some_and(|(_, slot)| slot.lives(now))
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

    /// Removes the namespace's keys; says how many were alive.
    pub(super) fn clear(&mut self, namespace: &Namespace, now: u64) -> u64 {
        self.remove_where(now, |key, _| namespace.owns(key.as_str()))
    }

    /// Removes the keys under the prefix but for live holds; says how many were alive.
    pub(super) fn sweep(&mut self, prefix: &Prefix, now: u64) -> u64 {
        self.remove_where(now, |key, slot| {
            prefix.covers(key.as_str())
                && Writers::live(&slot.bytes, now).is_none_or(|writers| writers.latest().is_none())
        })
    }

    fn remove_where(&mut self, now: u64, condemned: impl Fn(&Key, &Slot) -> bool) -> u64 {
        let removed = Cell::new(0);
        self.entries.retain(|key, slot| {
            let condemned = condemned(key, slot);
            removed.set(removed.get() + u64::from(condemned && slot.lives(now)));
            !condemned
        });
        removed.get()
    }

    pub(super) fn lease(
        &mut self,
        request: &LeaseRequest,
        ttl: Duration,
        now: u64,
    ) -> LeaseOutcome {
        match (self.get(&request.key, now), &request.over) {
            (None, None) => {}
            (Some(there), Some(over)) if there == over => {}
            (Some(there), _) => return LeaseOutcome::Taken(there),
            (None, Some(_)) => return LeaseOutcome::Gone,
        }
        let deadline = now.saturating_add(at_least_one(Ttl::After(ttl)).unwrap_or(u64::MAX));
        self.put(&request.key, request.token.lease(), Some(deadline), 0);
        LeaseOutcome::Granted
    }

    pub(super) fn fill(&mut self, fill: &Fill, now: u64) -> bool {
        if !self.leased(&fill.key, fill.token, now) {
            return false;
        }
        let deadline = at_least_one(fill.ttl).map(|millis| now.saturating_add(millis));
        self.put(&fill.key, fill.entry.clone(), deadline, 0);
        // It may have been too large.
        self.entries.contains_key(&fill.key)
    }

    pub(super) fn abandon(&mut self, key: &Key, token: Token, now: u64) {
        if self.leased(key, token, now) {
            self.entries.remove(key);
        }
    }

    /// Whether exactly this lease stands there.
    fn leased(&mut self, key: &Key, token: Token, now: u64) -> bool {
        self.look(key, now, |slot| slot.bytes == token.lease()) == Some(true)
    }

    pub(super) fn hold(&mut self, key: &Key, token: Token, ttl: Duration, now: u64) {
        let mut writers = self.writers(key, now).unwrap_or_else(Writers::none);
        let millis = at_least_one(Ttl::After(ttl)).unwrap_or(u64::MAX);
        writers.set(token, now.saturating_add(millis));
        self.hold_for(key, &writers);
    }

    pub(super) fn release(&mut self, key: &Key, token: Token, now: u64) -> ReleaseOutcome {
        let Some(mut writers) = self.writers(key, now) else {
            // A value that was filled after this hold was lost may be older than what this writer committed.
            self.entries.remove(key);
            return ReleaseOutcome::WasGone;
        };
        let stood = writers.remove(token);
        self.hold_for(key, &writers);
        if stood { ReleaseOutcome::Released } else { ReleaseOutcome::WasGone }
    }

    /// The live writers of the hold that stands there; `None` where no hold does.
    fn writers(&mut self, key: &Key, now: u64) -> Option<Writers> {
        self.look(key, now, |slot| Writers::live(&slot.bytes, now)).flatten()
    }

    /// Leaves these writers at the key, until the last of them runs out; without any, nothing.
    fn hold_for(&mut self, key: &Key, writers: &Writers) {
        match writers.latest() {
            Some(latest) => self.put(key, writers.to_bytes(), Some(latest), latest),
            None => drop(self.entries.remove(key)),
        }
    }
}

/// Milliseconds of a lifetime that cannot be zero.
fn at_least_one(ttl: Ttl) -> Option<u64> {
    ttl.millis().map(|millis| millis.max(1))
}
