//! What stands for a key's text in the tier.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::LazyLock;

use siphasher::sip128::{Hasher128, SipHasher13};

/// 128 bits of SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", INDOCRYPT 2012) of a key's text, under a
/// key that each process draws anew. Two texts share one with a chance of 2^-128, whoever chose them, so entries bear it in
/// the place of their text: that is smaller, and nothing has to be compared. One hash serves shard, table and generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    low: u64,
    high: u64,
}

impl Identity {
    pub(super) fn of(text: &str) -> Self {
        static DRAWN: LazyLock<SipHasher13> = LazyLock::new(|| {
            // The standard library asks the operating system for its random states.
            let drawn = || RandomState::new().hash_one(0);
            SipHasher13::new_with_keys(drawn(), drawn())
        });
        let mut hasher = *DRAWN;
        hasher.write(text.as_bytes());
        let hash = hasher.finish128();
        Self { low: hash.h1, high: hash.h2 }
    }

    pub(super) fn low(self) -> usize {
        (self.low & 0xFFFF_FFFF) as usize
    }

    pub(super) fn high(self) -> usize {
        (self.high >> 48) as usize
    }
}

impl Hash for Identity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.low);
    }
}
