//! By what the tier in the process finds a row.

use std::any::Any;
use std::hash::{BuildHasher, Hash, RandomState};
use std::num::NonZeroU64;
use std::sync::LazyLock;

use foldhash::quality::RandomState as Seed;

/// The hash of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RowHash {
    pub(super) hash: u64,
    /// No other id of this type has it, so a row of the same type that is found by it is the one that was meant, and nobody has to
    /// look into the row, which may not have been near the processor for long.
    pub(super) is_exact: bool,
}

impl RowHash {
    #[inline]
    pub(super) fn of<I: Hash + 'static>(id: &I, seed: &Seed) -> Self {
        match number(id) {
            Some(number) => Self { hash: mixed(number), is_exact: true },
            None => Self { hash: seed.hash_one(id), is_exact: false },
        }
    }

    /// For a key: zero stands for none.
    pub(super) fn mark(self) -> Option<NonZeroU64> {
        NonZeroU64::new(self.hash)
    }
}

/// The id as a number, where its type is one.
#[inline]
fn number<I: 'static>(id: &I) -> Option<u64> {
    let id: &dyn Any = id;
    macro_rules! number_of {
        ($($type:ty)*) => {
            $(if let Some(id) = id.downcast_ref::<$type>() {
                return Some(i64::from(*id).cast_unsigned());
            })*
        };
    }
    number_of!(i64 i32 i16 i8 u32);
    None
}

/// Another number, and none that any other is made into: both steps can be undone (the second is the finalizer of SplitMix64:
/// Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014). What is drawn keeps others from choosing
/// ids that meet in one set.
#[inline]
fn mixed(number: u64) -> u64 {
    static DRAWN: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(0));
    let mut mixed = number ^ *DRAWN;
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ mixed >> 31
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_numbers_have_one_hash() {
        let (seed, mut seen) = (Seed::default(), HashSet::new());
        let ids = (-1000..1000).chain((10..63).map(|bit| 1 << bit)).chain([i64::MIN, i64::MAX]);
        for id in ids {
            let row = RowHash::of(&id, &seed);
            assert!(row.is_exact && seen.insert(row.hash), "{id}");
        }
    }

    #[test]
    fn what_is_no_number_is_to_be_looked_at() {
        let seed = Seed::default();
        assert!(!RowHash::of(&"a".to_owned(), &seed).is_exact);
        assert!(!RowHash::of(&(1_i64, 2_i64), &seed).is_exact);
        assert_eq!(RowHash::of(&"a".to_owned(), &seed), RowHash::of(&"a".to_owned(), &seed));
    }
}
