//! By what the tier in the process finds a row.

use std::any::{Any, TypeId};
use std::hash::{BuildHasher, Hash, RandomState};
use std::num::NonZeroU64;
use std::sync::LazyLock;

use foldhash::quality::RandomState as Seed;

/// How the ids of one type of rows are hashed.
#[derive(Debug)]
pub(super) struct RowHasher {
    seed: Seed,
    /// Of the type, and the same wherever the type is: row 5 of one table has another hash than row 5 of the next, and two
    /// repositories of one table the same.
    drawn: u64,
}

/// The hash of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RowHash {
    pub(super) hash: u64,
    /// No other id of this type has it, so a row of the same type that is found by it is the one that was meant, and nobody has to
    /// look into the row, which may not have been near the processor for long.
    pub(super) is_exact: bool,
}

impl RowHasher {
    pub(super) fn of<E: 'static>() -> Self {
        static DRAWN: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        Self { seed: Seed::default(), drawn: DRAWN.hash_one(TypeId::of::<E>()) }
    }

    #[inline]
    pub(super) fn hash<I: Hash + 'static>(&self, id: &I) -> RowHash {
        match number(id) {
            Some(number) => RowHash { hash: mixed(number ^ self.drawn), is_exact: true },
            None => RowHash { hash: self.seed.hash_one(id), is_exact: false },
        }
    }
}

impl RowHash {
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

/// Another number, and none that any other is made into: each step can be undone (the finalizer of SplitMix64: Steele, Lea,
/// Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014).
#[inline]
fn mixed(mut mixed: u64) -> u64 {
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ mixed >> 31
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    struct Row;
    struct Other;

    #[test]
    fn numbers_have_hashes_of_their_own() {
        let (hasher, mut seen) = (RowHasher::of::<Row>(), HashSet::new());
        let ids = (-1000..1000).chain((10..63).map(|bit| 1 << bit)).chain([i64::MIN, i64::MAX]);
        for id in ids {
            let row = hasher.hash(&id);
            assert!(row.is_exact && seen.insert(row.hash), "{id}");
        }
    }

    #[test]
    fn what_is_no_number_is_to_be_looked_at() {
        let hasher = RowHasher::of::<Row>();
        assert!(!hasher.hash(&"a".to_owned()).is_exact && !hasher.hash(&(1_i64, 2_i64)).is_exact);
        assert_eq!(hasher.hash(&"a".to_owned()), hasher.hash(&"a".to_owned()));
    }

    #[test]
    fn each_type_of_rows_has_its_own_hashes_wherever_it_is() {
        let here = |id: i64| RowHasher::of::<Row>().hash(&id);
        assert_eq!(here(5), RowHasher::of::<Row>().hash(&5_i64));
        let other = RowHasher::of::<Other>();
        assert!((0..1000).all(|id| here(id) != other.hash(&id)));
    }

    #[test]
    fn what_is_mixed_can_be_undone() {
        let unshifted =
            |mixed: u64, bits: u32| (0..64 / bits).fold(mixed, |undone, _| mixed ^ undone >> bits);
        for number in (0..1000).map(|n: u64| n.wrapping_mul(0x9E37_79B9_7F4A_7C15)) {
            let mut undone = unshifted(mixed(number), 31);
            // The inverses of the factors, modulo 2^64.
            undone = unshifted(undone.wrapping_mul(0x3196_42B2_D24D_8EC3), 27);
            undone = unshifted(undone.wrapping_mul(0x96DE_1B17_3F11_9089), 30);
            assert_eq!(undone, number);
        }
    }
}
