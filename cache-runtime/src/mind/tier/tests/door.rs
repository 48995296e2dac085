//! What is taken in of that which is only looked at.

use super::*;

const SMALL: usize = 64;

impl World {
    /// Whether what the backend has at this key would be taken in.
    fn takes_in(&self, id: u64) -> bool {
        self.tier.ticket_to_look(&key(id), &[]).is_some()
    }

    /// A tier of one shard in which each that comes takes the place of another.
    fn full() -> Self {
        let world = Self::of_size(SMALL, 1 << 20);
        (10_000..11_000).for_each(|id| world.kept(&key(id), id));
        world
    }
}

#[test]
fn where_there_is_room_everything_is_taken_in() {
    let world = World::of_size(SMALL, 1 << 20);
    for id in 0..48 {
        let ticket = world.tier.ticket_to_look(&key(id), &[]).unwrap();
        assert!(world.admit(ticket, id), "{id} are there");
    }
}

#[test]
fn where_another_goes_for_it_what_is_asked_for_again_is_taken_in() {
    let world = World::full();
    assert!(!world.takes_in(1));
    assert!(world.takes_in(1) && world.takes_in(1));
    assert!(!world.takes_in(2));
}

#[test]
fn whoever_has_loaded_a_value_is_not_kept_out() {
    let world = World::full();
    assert!(world.tier.ticket(&key(1), &[]).is_some());
    world.kept(&key(1), 5);
    assert_eq!(world.get(&key(1)), Some(5));
}

#[test]
fn an_emptied_tier_takes_everything_in_again() {
    let world = World::full();
    assert!(!world.takes_in(1));
    world.tier.empty();
    assert!(world.takes_in(2));
}

#[test]
fn a_row_whose_place_is_still_its_own_is_taken_in() {
    let world = World::full();
    let row = key(1).of_row(std::num::NonZeroU64::new(77));
    world.kept(&row, 5);
    world.tier.evict(&key(1));
    assert!(world.tier.ticket_to_look(&row, &[]).is_some());
    let other = key(2).of_row(std::num::NonZeroU64::new(78));
    assert!(world.tier.ticket_to_look(&other, &[]).is_none());
}

#[test]
fn what_was_asked_for_long_ago_is_forgotten() {
    let world = World::full();
    let strangers = (0..100).filter(|id| !world.takes_in(*id)).count();
    assert!(strangers > 95, "{strangers} of 100: one in 255 may pass for another");
    let remembered = || (0..100).filter(|id| world.takes_in(*id)).count();
    // A few have met in one place.
    assert!(remembered() > 40, "two thirds are alone in their places");
    (1000..20_000).for_each(|id| {
        world.takes_in(id);
    });
    assert!(remembered() < 20);
}

#[test]
fn an_invalidation_does_not_make_a_key_a_stranger() {
    let world = World::full();
    assert!(!world.takes_in(1));
    world.tier.evict(&key(1));
    assert!(world.takes_in(1));
}

#[test]
fn a_large_value_that_has_gone_leaves_no_room() {
    let world = World::of_size(1 << 10, 64 << 10);
    for id in 10_000..10_100 {
        let ticket = world.tier.ticket(&key(id), &[]).unwrap();
        let life = (life(Remaining::Forever), Renewing::default());
        world.tier.admit(ticket, FINGERPRINT, (kept(id), 4 << 10), life);
    }
    assert!(!world.takes_in(1));
}

#[test]
fn nothing_is_taken_in_while_the_stream_does_not_stand() {
    let world = World::new();
    world.tier.shut();
    assert!(!world.takes_in(1) && !world.takes_in(1));
}
