//! Rows, which are found by the hashes of their ids.

use std::num::NonZeroU64;

use super::*;

const HASH: u64 = 0x1234_5678_9ABC_DEF0;

/// The key of a row with this hash.
fn row_key(id: u64, hash: u64) -> Key {
    key(id).of_row(NonZeroU64::new(hash))
}

impl World {
    fn row(&self, hash: u64) -> Option<u64> {
        let now = self.tier.proven(SECOND)?;
        let (value, _) = self.tier.row(hash, now)?;
        value.downcast::<u64>().ok().map(|value| *value)
    }

    /// Those that are dead included.
    fn stored(&self) -> usize {
        self.tier.store.size(|_| false).0
    }

    fn size(&self) -> usize {
        self.tier.size().0
    }
}

#[test]
fn a_row_is_found_by_its_hash_and_not_by_its_text() {
    let world = World::new();
    world.kept(&row_key(1, HASH), 5);
    assert_eq!((world.row(HASH), world.row(HASH + 1)), (Some(5), None));
    assert_eq!(world.get(&key(1)), None);
    let now = world.tier.proven(SECOND).unwrap();
    assert!(world.tier.has(&row_key(1, HASH), FINGERPRINT, now));
    assert!(!world.tier.has(&key(1), FINGERPRINT, now));
}

#[test]
fn an_invalidation_that_knows_its_text_alone_takes_it() {
    let world = World::new();
    world.kept(&row_key(1, HASH), 5);
    std::thread::scope(|scope| scope.spawn(|| world.tier.evict(&key(1))).join().unwrap());
    assert_eq!((world.row(HASH), world.size()), (None, 0));
    world.kept(&row_key(1, HASH), 7);
    assert_eq!(world.row(HASH), Some(7));
}

#[test]
fn a_row_that_is_none_any_more_is_not_found() {
    let world = World::new();
    world.kept(&row_key(1, HASH), 5);
    // Without an invalidation, as when it was deleted behind everybody's back and its TTL is over in Redis.
    let key = row_key(1, HASH);
    let ticket = world.tier.ticket(&key, &[]).unwrap();
    let life = (life(Remaining::Forever), Renewing::default());
    assert!(world.tier.admit(ticket, FINGERPRINT, (Kept::Nothing, 0), life));
    assert_eq!(world.row(HASH), None);
    let now = world.tier.proven(SECOND).unwrap();
    let found = world.tier.get(key.as_str(), FINGERPRINT, now).unwrap().0;
    assert!(matches!(found, Kept::Nothing));
    world.kept(&key, 6);
    assert_eq!(world.row(HASH), Some(6));
}

#[test]
fn it_lives_no_longer_than_the_value_had_left() {
    let world = World::new();
    let key = row_key(1, HASH);
    let ticket = world.tier.ticket(&key, &[]).unwrap();
    assert!(world.admit_for(ticket, 5, Remaining::Left(Duration::from_millis(1100))));
    world.hands.advance(Duration::from_millis(99));
    assert_eq!(world.row(HASH), Some(5));
    world.hands.advance(Duration::from_millis(1));
    assert_eq!((world.row(HASH), world.size()), (None, 0));
}

#[test]
fn a_row_with_tags_and_one_that_is_renewed_are_found_with_them() {
    let world = World::new();
    let key = row_key(1, HASH);
    let ticket = world.tier.ticket(&key, &[super::key(9)]).unwrap();
    let (life, renewing) =
        (life(Remaining::Left(2 * SECOND)), Renewing { beta: 0.0, revalidate: SECOND });
    let admitted = world.tier.admit(ticket, FINGERPRINT, (kept(5), 100), (life, renewing));
    assert!(admitted);
    let due = || world.tier.row(HASH, world.tier.clock.moment()).map(|(_, due)| due);
    assert_eq!(due(), Some(None));
    world.hands.advance(SECOND);
    world.prove();
    assert_eq!((due(), due()), (Some(Some(77)), Some(None)));
    world.tier.evict(&super::key(9));
    assert_eq!(world.row(HASH), None);
}

#[test]
fn emptied_or_shut_a_tier_has_it_no_more() {
    let world = World::new();
    world.kept(&row_key(1, HASH), 5);
    world.tier.empty();
    assert_eq!((world.row(HASH), world.size()), (None, 0));
    world.kept(&row_key(1, HASH), 7);
    assert_eq!(world.row(HASH), Some(7));
    world.tier.shut();
    assert!(world.tier.row(HASH, world.tier.clock.moment()).is_none());
}

/// Two hashes whose lower halves are the same, in the same sets: whoever compared no more would take one for the other.
#[test]
fn rows_that_share_half_of_a_hash_are_two() {
    let world = World::new();
    let alike = HASH ^ (1 << 40);
    let sets = |hash| Address::of_row(hash).set(world.tier.store.sets());
    assert_eq!(sets(HASH), sets(alike));
    world.kept(&row_key(1, HASH), 5);
    assert_eq!(world.row(alike), None);
    world.kept(&row_key(2, alike), 6);
    assert_eq!((world.row(HASH), world.row(alike)), (Some(5), Some(6)));
}

#[test]
fn a_counter_that_begins_anew_brings_nothing_back() {
    let world = World::new();
    world.kept(&row_key(1, HASH), 5);
    // The entry was loaded under generation zero, which the counter comes back to.
    world.tier.generations.wear(Identity::of(key(1).as_str()), 1 << 31);
    assert_eq!((world.row(HASH), world.stored()), (None, 1));
    world.tier.evict(&key(1));
    assert_eq!((world.row(HASH), world.stored()), (None, 0), "long before its number comes again");
    world.kept(&row_key(1, HASH), 6);
    world.tier.generations.wear(Identity::of(key(1).as_str()), 0);
    world.tier.evict(&key(1));
    assert_eq!((world.row(HASH), world.stored()), (None, 0));
}

/// More entries of one set than it has places: they find room in their second sets.
#[test]
fn what_finds_its_set_full_goes_to_another() {
    let world = World::new();
    let hashes: Vec<u64> = (0..24).map(|n| HASH ^ n << 8).collect();
    let sets = world.tier.store.sets();
    assert!(
        hashes
            .iter()
            .all(|hash| Address::of_row(*hash).set(sets) == Address::of_row(HASH).set(sets))
    );
    for (id, hash) in hashes.iter().enumerate() {
        world.kept(&row_key(id as u64, *hash), id as u64);
    }
    let found: Vec<_> = hashes.iter().filter_map(|hash| world.row(*hash)).collect();
    assert_eq!(found, (0..24).collect::<Vec<_>>());
    // Put once more, each is still there once.
    for (id, hash) in hashes.iter().enumerate() {
        world.kept(&row_key(id as u64, *hash), 100 + id as u64);
    }
    assert_eq!((world.size(), world.row(HASH)), (24, Some(100)));
}

#[test]
fn a_full_tier_has_nearly_all_that_it_may_have() {
    let world = World::of_size(20_000, 1 << 30);
    for id in 1..=20_000_u64 {
        world.kept(&row_key(id, id.wrapping_mul(0x9E37_79B9_7F4A_7C15)), id);
    }
    assert!(world.size() > 19_800, "{}", world.size());
}

#[test]
fn what_is_read_outlives_what_is_not() {
    let world = World::of_size(1000, 1 << 30);
    let hash = |id: u64| id.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    for id in 1..=20_000 {
        world.kept(&row_key(id, hash(id)), id);
        // A hundred rows are read again and again, the others never.
        if id > 100 && id % 4 == 0 {
            world.row(hash(id / 4 % 100 + 1));
        }
    }
    let left = (1..=100).filter(|id| world.row(hash(*id)).is_some()).count();
    assert!(left >= 95, "{left}");
}

#[test]
fn a_value_that_is_larger_than_all_the_room_is_not_kept() {
    let world = World::of_size(1000, 20_000);
    world.kept(&row_key(1, HASH), 5);
    let ticket = world.tier.ticket(&key(2), &[]).unwrap();
    let life = (life(Remaining::Forever), Renewing::default());
    assert!(!world.tier.admit(ticket, FINGERPRINT, (kept(6), 20_000), life));
    assert_eq!(world.row(HASH), Some(5));
}

/// Whoever has the value gives its memory back as soon as it is gone.
#[test]
fn what_was_put_in_anothers_place_is_given_back() {
    let world = World::new();
    world.kept(&row_key(1, HASH), 5);
    let held: Arc<u64> =
        world.tier.row(HASH, world.tier.clock.moment()).unwrap().0.downcast().unwrap();
    assert_eq!(Arc::strong_count(&held), 2);
    world.kept(&row_key(1, HASH), 6);
    assert_eq!(Arc::strong_count(&held), 1);
}

/// Threads that read, put and invalidate at once: nobody is given what was invalidated before it asked.
#[test]
fn an_invalidation_is_seen_by_every_read_after_it() {
    use std::sync::atomic::{AtomicU64, Ordering};
    let world = World::of_size(100, 1 << 20);
    let committed: [AtomicU64; 8] = Default::default();
    let hash = |id: u64| (id + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let (reading, found, absent) = (AtomicU64::new(2), AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let (world, committed) = (&world, &committed);
        let (reading, found, absent) = (&reading, &found, &absent);
        for writer in 0..2 {
            scope.spawn(move || {
                for version in 1.. {
                    for id in (0..8).filter(|id| id % 2 == writer) {
                        committed[id as usize].store(version, Ordering::SeqCst);
                        world.tier.evict(&key(id));
                    }
                    if reading.load(Ordering::SeqCst) == 0 {
                        break;
                    }
                    std::thread::yield_now();
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(move || {
                for round in 0..40_000_u64 {
                    let id = round % 8;
                    let row = row_key(id, hash(id));
                    let before = committed[id as usize].load(Ordering::SeqCst);
                    match world.row(hash(id)) {
                        // What was stored before the last eviction that had ended may stand there until that ends.
                        Some(version) => {
                            found.fetch_add(1, Ordering::Relaxed);
                            assert!(version + 1 >= before, "{version} after {before}");
                        }
                        None => {
                            absent.fetch_add(1, Ordering::Relaxed);
                            let Some(ticket) = world.tier.ticket(&row, &[]) else { continue };
                            let version = committed[id as usize].load(Ordering::SeqCst);
                            world.admit(ticket, version);
                        }
                    }
                }
                reading.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    let (found, absent) = (found.into_inner(), absent.into_inner());
    assert!(found > 10 && absent > 10, "{found} found, {absent} absent");
}

#[test]
fn a_tier_of_any_size_is_made_and_takes_entries() {
    for (entries, bytes) in
        [(1, 1000), (1, usize::MAX), (usize::MAX, 1000), (usize::MAX, usize::MAX)]
    {
        let world = World::of_size(entries, bytes);
        world.kept(&row_key(1, HASH), 5);
        assert_eq!((world.row(HASH), world.size()), (Some(5), 1));
    }
}

#[test]
fn one_large_value_makes_all_the_room_that_it_needs() {
    let world = World::of_size(1000, 100_000);
    let hash = |id: u64| id.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    for id in 1..=600 {
        world.kept(&row_key(id, hash(id)), id);
        // Read as often as counts.
        (0..3).for_each(|_| assert!(world.row(hash(id)).is_some()));
    }
    let key = row_key(1000, HASH);
    let ticket = world.tier.ticket(&key, &[]).unwrap();
    let life = (life(Remaining::Forever), Renewing::default());
    assert!(world.tier.admit(ticket, FINGERPRINT, (kept(7), 95_000), life));
    assert_eq!(world.row(HASH), Some(7));
    assert!(world.tier.size().1 <= 100_000, "{:?}", world.tier.size());
}

#[test]
fn what_stands_at_a_texts_address_is_no_row() {
    let world = World::new();
    let store = &world.tier.store;
    let seen = world.tier.generations.see(Identity::of(key(1).as_str()));
    let near = Near::new(kept(5), 100, seen, u64::MAX);
    assert!(store.put(Address::of_row(HASH), near, || true, |_| false));
    assert_eq!(world.row(HASH), None);
}

#[test]
fn what_goes_takes_its_weight_along() {
    let world = World::of_size(100, 1 << 20);
    for round in 0..3 {
        for id in 0..1000 {
            world.kept(&row_key(id, id.wrapping_mul(0x9E37_79B9_7F4A_7C15) + 1), id);
            world.kept(&key(id), round);
        }
    }
    world.tier.store.remove(Address::of_row(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(999) + 1));
    world.tier.empty();
    assert_eq!((world.stored(), world.tier.store.weight()), (0, 0));
}
