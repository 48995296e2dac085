//! What stands for a key in the tier.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;

use siphasher::sip128::{Hasher128, SipHasher13};

/// An odd number whose bits are mixed (the golden ratio's, in 64 bits).
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// 128 bits of SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", INDOCRYPT 2012) of a key's text, under a
/// key that each process draws anew: nobody can choose two texts that meet in it.
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

    /// A number as large as any table's, and one that is not zero.
    pub(super) fn at_the_door(self) -> (usize, u8) {
        let [mark, ..] = (self.high >> 40).to_le_bytes();
        ((self.high & 0xFFFF_FFFF) as usize, mark.max(1))
    }

    #[cfg(test)]
    pub(super) fn from_parts(low: u64, high: u64) -> Self {
        Self { low, high }
    }

    /// One of a thousand.
    pub(super) fn mark(self) -> u32 {
        (self.high & 0x3FF) as u32
    }

    /// The bits that choose the key's counter.
    pub(super) fn low(self) -> u64 {
        self.low
    }
}

/// Where an entry stands in the store: the bits that choose its two sets, and its tag there. An entry bears its tag in the place
/// of its key: that is smaller, and nothing has to be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Address {
    set: u64,
    tag: u64,
}

impl Address {
    /// That of what a type of this fingerprint has under a key. Two of them meet with a chance of 2^-64 for each entry of one
    /// set, whoever chose the texts.
    pub(super) fn of_text(identity: Identity, fingerprint: u64) -> Self {
        Self { set: identity.high, tag: identity.low ^ fingerprint.wrapping_mul(SPREAD) }
    }

    /// That of a row, by the hash of its id: whoever asks sees whether it is the row that was meant.
    pub(super) fn of_row(hash: u64) -> Self {
        Self { set: hash, tag: hash }
    }

    /// Which one of so many sets.
    pub(super) fn set(self, sets: usize) -> usize {
        scaled(self.set, sets)
    }

    /// Which other one, where that is full.
    pub(super) fn other_set(self, sets: usize) -> usize {
        scaled(self.set.wrapping_mul(SPREAD).rotate_left(32), sets)
    }

    /// Both halves of the tag, the higher first.
    pub(super) fn tag(self) -> (u32, u32) {
        #[expect(clippy::cast_possible_truncation, reason = "these are its halves")]
        let halves = ((self.tag >> 32) as u32, self.tag as u32);
        halves
    }
}

/// One of so many, by all bits of a hash: its share of them (Lemire: "Fast Random Integer Generation in an Interval", ACM
/// TOMACS 29(1), 2019).
pub(super) fn scaled(hash: u64, many: usize) -> usize {
    #[expect(clippy::cast_possible_truncation, reason = "below `many`")]
    let one = ((u128::from(hash) * many as u128) >> 64) as usize;
    one
}
