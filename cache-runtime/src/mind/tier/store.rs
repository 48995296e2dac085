//! The entries, in shards, bounded in number and in bytes at once.

use std::hash::{BuildHasher, Hasher};
use std::sync::{LazyLock, PoisonError, RwLock};

use quick_cache::unsync::{Cache, DefaultLifecycle};
use quick_cache::{Equivalent, Weighter};

use super::generations::Seen;
use crate::key::Key;
use crate::mind::renewal::SoftPoint;
use crate::mind::spec::Kept;

const MOST_SHARDS: usize = 16;
/// A shard takes no entry larger than itself, and evicts badly when it has room for few.
const ENTRIES_IN_SHARD: usize = 512;
const BYTES_IN_SHARD: usize = 4 << 20;
/// Bytes that an entry costs beside its key and value: its slot, its place in the table and in the queue of eviction, and
/// the counters of the key and of the value.
const OVERHEAD: usize = 120;
/// The weight of a full store. An entry weighs its share of the bytes or of the number, whichever is more.
const WHOLE: u64 = 1 << 48;

/// One value, and until when it is good.
pub(super) struct Near {
    pub(super) kept: Kept,
    pub(super) fingerprint: u64,
    /// In nanoseconds of the clock that never goes back.
    pub(super) deadline: u64,
    /// From when on it is renewed; `None` where it is not.
    pub(super) soft_point: Option<Box<SoftPoint>>,
    /// The tags that it was loaded under.
    pub(super) tags: Box<[Seen]>,
}

pub(super) struct Store {
    /// Never empty; the length is a power of two.
    shards: Box<[RwLock<Shard>]>,
    weights: Weights,
}

type Shard = Cache<Place, Weighed, ByWeight, ByHash, DefaultLifecycle<Place, Weighed>>;

#[derive(Clone, Copy)]
struct Weights {
    of_entry: u64,
    of_byte: f64,
}

struct Weighed {
    near: Near,
    weight: u64,
    bytes: u32,
}

impl Store {
    pub(super) fn new(entries: usize, bytes: usize) -> Self {
        let count = (entries / ENTRIES_IN_SHARD).min(bytes / BYTES_IN_SHARD).clamp(1, MOST_SHARDS);
        // Down to a power of two.
        let count = 1 << count.ilog2();
        let shard = || {
            RwLock::new(Cache::with(
                entries / count,
                WHOLE / count as u64,
                ByWeight,
                ByHash,
                DefaultLifecycle::default(),
            ))
        };
        #[expect(clippy::cast_precision_loss, reason = "a weight may be off by a millionth")]
        let of_byte = WHOLE as f64 / bytes as f64;
        Self {
            shards: (0..count).map(|_| shard()).collect(),
            weights: Weights { of_entry: WHOLE / entries as u64, of_byte },
        }
    }

    fn shard(&self, hash: Hash) -> &RwLock<Shard> {
        #[expect(clippy::indexing_slicing, reason = "masked by the length, a power of two")]
        &self.shards[hash.high() & (self.shards.len() - 1)]
    }

    /// Looks at what is kept at this key, under the shard's lock.
    pub(super) fn read<T>(
        &self,
        hash: Hash,
        text: &str,
        look: impl FnOnce(&Near) -> Option<T>,
    ) -> Option<T> {
        let shard = self.shard(hash).read().unwrap_or_else(PoisonError::into_inner);
        look(&shard.get(&Asked { hash, text })?.near)
    }

    /// Puts an entry there if `allowed` still says so under the lock; says whether it is there now.
    pub(super) fn put(
        &self,
        hash: Hash,
        key: &Key,
        near: Near,
        payload: usize,
        allowed: impl FnOnce() -> bool,
    ) -> bool {
        let bytes = payload + key.as_str().len() + OVERHEAD;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "a weight may be off by a millionth, and is never negative"
        )]
        let by_bytes = (bytes as f64 * self.weights.of_byte) as u64;
        let weight = by_bytes.max(self.weights.of_entry).max(1);
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let mut shard = self.shard(hash).write().unwrap_or_else(PoisonError::into_inner);
        if !allowed() {
            return false;
        }
        shard.insert(Place { hash, key: key.clone() }, Weighed { near, weight, bytes });
        shard.contains_key(&Asked { hash, text: key.as_str() })
    }

    pub(super) fn remove(&self, hash: Hash, text: &str) {
        let mut shard = self.shard(hash).write().unwrap_or_else(PoisonError::into_inner);
        let removed = shard.remove(&Asked { hash, text });
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

/// The hash of a key's text, made once for shard, table and generation. Seeded anew in each process, so that nobody can
/// prepare keys that fall together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hash(u64);

impl Hash {
    pub(super) fn of(text: &str) -> Self {
        static SEED: LazyLock<foldhash::fast::RandomState> = LazyLock::new(Default::default);
        Self(SEED.hash_one(text.as_bytes()))
    }

    pub(super) fn low(self) -> usize {
        (self.0 & 0xFFFF_FFFF) as usize
    }

    fn high(self) -> usize {
        (self.0 >> 48) as usize
    }
}

struct Place {
    hash: Hash,
    key: Key,
}

struct Asked<'t> {
    hash: Hash,
    text: &'t str,
}

impl std::hash::Hash for Place {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash.0);
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.key == other.key
    }
}

impl Eq for Place {}

impl std::hash::Hash for Asked<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash.0);
    }
}

impl Equivalent<Place> for Asked<'_> {
    fn equivalent(&self, place: &Place) -> bool {
        self.hash == place.hash && self.text == place.key.as_str()
    }
}

#[derive(Clone)]
struct ByWeight;

impl Weighter<Place, Weighed> for ByWeight {
    fn weight(&self, _: &Place, entry: &Weighed) -> u64 {
        entry.weight
    }
}

/// The hash is in the key already.
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
