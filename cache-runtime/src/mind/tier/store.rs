//! The entries, in shards, bounded in number and in bytes at once.

use std::hash::{BuildHasher, Hasher};
use std::sync::{PoisonError, RwLock};

use quick_cache::Weighter;
use quick_cache::unsync::{Cache, DefaultLifecycle};

use super::front::Good;
use super::generations::Seen;
use super::identity::Identity;
use crate::mind::renewal::SoftPoint;
use crate::mind::spec::Kept;

const MOST_SHARDS: usize = 16;
/// A shard takes no entry larger than itself, and evicts badly when it has room for few.
const ENTRIES_IN_SHARD: usize = 512;
const BYTES_IN_SHARD: usize = 4 << 20;
/// Bytes that an entry costs beside its value: its slot, its place in the table and in the queue of eviction, and the
/// counters of the value.
const OVERHEAD: usize = 120;
/// The weight of a full store. An entry weighs its share of the bytes or of the number, whichever is more.
const WHOLE: u64 = 1 << 48;

/// One value, and until when it is good.
pub(super) struct Near {
    pub(super) kept: Kept,
    pub(super) fingerprint: u64,
    /// In nanoseconds of the clock that never goes back.
    pub(super) deadline: u64,
    /// The generation of its key that it was loaded under.
    pub(super) generation: u64,
    /// The epoch that it was loaded in.
    pub(super) epoch: u32,
    /// What it costs, in bytes.
    pub(super) bytes: u32,
    /// What most entries do not have.
    pub(super) more: Option<Box<More>>,
}

impl Near {
    /// What an entry costs whose value takes so many bytes.
    pub(super) fn weighing(value: usize) -> u32 {
        u32::try_from(value.saturating_add(OVERHEAD)).unwrap_or(u32::MAX)
    }

    pub(super) fn tags(&self) -> &[Seen] {
        self.more.as_ref().map_or(&[], |more| &more.tags)
    }

    /// Its nonce, where the read of this moment is to renew it.
    pub(super) fn due(&self, running: u64) -> Option<u64> {
        self.more.as_ref()?.soft_point.as_ref()?.is_due(running)
    }

    /// Until when a thread may answer with it; `None` where it has tags, of which a thread does not know.
    pub(super) fn good(&self, identity: Identity) -> Option<Good> {
        let soft_point = match self.more.as_deref() {
            Some(More { tags, .. }) if !tags.is_empty() => return None,
            Some(More { soft_point: Some(soft_point), .. }) => soft_point.from(),
            _ => u64::MAX,
        };
        Some(Good {
            seen: Seen::of(identity, self.generation),
            epoch: self.epoch,
            until: self.deadline.min(soft_point),
        })
    }
}

/// What most entries do not have.
pub(super) struct More {
    /// From when on it is renewed; `None` where it is not.
    pub(super) soft_point: Option<SoftPoint>,
    /// The tags that it was loaded under.
    pub(super) tags: Box<[Seen]>,
}

impl More {
    pub(super) fn of(soft_point: Option<SoftPoint>, tags: Box<[Seen]>) -> Option<Box<Self>> {
        (soft_point.is_some() || !tags.is_empty()).then(|| Box::new(Self { soft_point, tags }))
    }
}

pub(super) struct Store {
    /// Never empty; the length is a power of two.
    shards: Box<[RwLock<Shard>]>,
}

type Shard = Cache<Identity, Near, ByWeight, ByHash, DefaultLifecycle<Identity, Near>>;

impl Store {
    pub(super) fn new(entries: usize, bytes: usize) -> Self {
        let count = (entries / ENTRIES_IN_SHARD).min(bytes / BYTES_IN_SHARD).clamp(1, MOST_SHARDS);
        // Down to a power of two.
        let count = 1 << count.ilog2();
        #[expect(clippy::cast_precision_loss, reason = "a weight may be off by a millionth")]
        let of_byte = WHOLE as f64 / bytes as f64;
        let weights = ByWeight { of_entry: WHOLE / entries as u64, of_byte };
        let shard = || {
            RwLock::new(Cache::with(
                entries / count,
                WHOLE / count as u64,
                weights,
                ByHash,
                DefaultLifecycle::default(),
            ))
        };
        Self { shards: (0..count).map(|_| shard()).collect() }
    }

    fn shard(&self, identity: Identity) -> &RwLock<Shard> {
        #[expect(clippy::indexing_slicing, reason = "masked by the length, a power of two")]
        &self.shards[identity.high() & (self.shards.len() - 1)]
    }

    /// Looks at what is kept at this key, under the shard's lock.
    pub(super) fn read<T>(
        &self,
        identity: Identity,
        look: impl FnOnce(&Near) -> Option<T>,
    ) -> Option<T> {
        let shard = self.shard(identity).read().unwrap_or_else(PoisonError::into_inner);
        look(shard.get(&identity)?)
    }

    /// Puts an entry there if `allowed` still says so under the lock; says whether it is there now.
    pub(super) fn put(
        &self,
        identity: Identity,
        near: Near,
        allowed: impl FnOnce() -> bool,
    ) -> bool {
        let mut shard = self.shard(identity).write().unwrap_or_else(PoisonError::into_inner);
        if !allowed() {
            return false;
        }
        shard.insert(identity, near);
        shard.contains_key(&identity)
    }

    pub(super) fn remove(&self, identity: Identity) {
        let mut shard = self.shard(identity).write().unwrap_or_else(PoisonError::into_inner);
        let removed = shard.remove(&identity);
        drop(shard);
        drop(removed);
    }

    pub(super) fn clear(&self) {
        for shard in &self.shards {
            shard.write().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }

    pub(super) fn size(&self) -> (usize, u64) {
        self.shards.iter().fold((0, 0), |(entries, bytes), shard| {
            let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
            let weighed: u64 = shard.iter().map(|(_, entry)| u64::from(entry.bytes)).sum();
            (entries + shard.len(), bytes + weighed)
        })
    }
}

#[derive(Clone, Copy)]
struct ByWeight {
    of_entry: u64,
    of_byte: f64,
}

impl Weighter<Identity, Near> for ByWeight {
    fn weight(&self, _: &Identity, entry: &Near) -> u64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a weight may be off by a millionth, and is never negative"
        )]
        let by_bytes = (f64::from(entry.bytes) * self.of_byte) as u64;
        by_bytes.max(self.of_entry).max(1)
    }
}

/// The key is a hash already.
#[derive(Clone)]
struct ByHash;

impl BuildHasher for ByHash {
    type Hasher = Given;

    fn build_hasher(&self) -> Given {
        Given(0)
    }
}

struct Given(u64);

impl Hasher for Given {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
