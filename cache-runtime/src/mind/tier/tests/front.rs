//! What a thread was lately given: it is as good as the tier, and no better.

use super::*;
use crate::mind::tier::front::{ANSWERS, FEWEST, slots};

fn asked(id: u64) -> Asked {
    Asked::of(1, &id)
}

impl World {
    /// As a repository asks: what this thread has, else the tier.
    fn ask(&self, id: u64) -> Option<u64> {
        self.in_front(id).or_else(|| self.ask_tier(id))
    }

    /// The value of key 1, as a caller has it: what is not found is then not found for another reason than that it is gone.
    fn held(&self) -> Arc<u64> {
        value(self.tier.get(key(1).as_str(), FINGERPRINT, self.tier.clock.moment()).unwrap().0)
    }

    fn in_front(&self, id: u64) -> Option<u64> {
        let now = self.tier.proven(SECOND)?;
        self.tier.in_front::<u64>(asked(id), now).map(|value| *value)
    }

    fn ask_tier(&self, id: u64) -> Option<u64> {
        let now = self.tier.proven(SECOND)?;
        let (kept, _) = self.tier.get_to_front(asked(id), key(id).as_str(), FINGERPRINT, now)?;
        Some(*value(kept))
    }

    /// A world in which this thread was given the value of key 1.
    fn in_front_of(self) -> Self {
        self.kept(&key(1), 5);
        assert_eq!((self.ask(1), self.in_front(1)), (Some(5), Some(5)));
        self
    }
}

#[test]
fn a_thread_finds_what_it_was_given_and_no_other_thread_does() {
    let world = World::new().in_front_of();
    assert_eq!(world.in_front(2), None);
    let elsewhere = std::thread::scope(|scope| scope.spawn(|| world.in_front(1)).join().unwrap());
    assert_eq!(elsewhere, None);
}

#[test]
fn an_invalidation_from_another_thread_takes_it() {
    let world = World::new().in_front_of();
    let held = world.held();
    std::thread::scope(|scope| scope.spawn(|| world.tier.evict(&key(1))).join().unwrap());
    assert_eq!((world.ask(1), *held), (None, 5));
    world.kept(&key(1), 7);
    assert_eq!(world.ask(1), Some(7));
}

#[test]
fn what_an_invalidation_has_not_yet_removed_is_not_given_to_a_thread_for_later() {
    let world = World::new();
    world.kept(&key(1), 5);
    let held = world.held();
    // Halfway through `evict`: counted, and still there.
    world.tier.generations.bump(Identity::of(key(1).as_str()));
    assert_eq!(world.ask_tier(1), Some(5), "as it would have been a moment before");
    world.tier.store.remove(Identity::of(key(1).as_str()));
    assert_eq!((world.in_front(1), *held), (None, 5));
}

#[test]
fn what_an_emptied_tier_has_not_yet_removed_is_not_given_to_a_thread_for_later() {
    let world = World::new();
    world.kept(&key(1), 5);
    let held = world.held();
    // Halfway through `empty`.
    world.tier.proof.turn();
    assert_eq!(world.ask_tier(1), Some(5));
    world.tier.store.clear();
    assert_eq!((world.in_front(1), *held), (None, 5));
}

#[test]
fn emptied_or_shut_a_tier_takes_it() {
    let world = World::new().in_front_of();
    let held = world.held();
    world.tier.empty();
    assert_eq!(world.ask(1), None);
    world.kept(&key(1), 7);
    assert_eq!(world.ask(1), Some(7));
    let again = world.held();
    world.tier.shut();
    assert!(world.tier.in_front::<u64>(asked(1), world.tier.clock.moment()).is_none());
    world.tier.open();
    world.prove();
    assert_eq!((world.ask(1), *held, *again), (None, 5, 7));
}

#[test]
fn a_thread_keeps_no_value_alive() {
    let world = World::new().in_front_of();
    let held = world.held();
    // As when others take its place: nothing has changed, and the tier has it no more.
    world.tier.store.remove(Identity::of(key(1).as_str()));
    assert_eq!(world.in_front(1), Some(5), "a caller has it");
    drop(held);
    assert_eq!(world.in_front(1), None);
}

#[test]
fn it_lives_no_longer_than_the_value_had_left() {
    let world = World::new();
    let ticket = world.tier.ticket(&key(1), &[]).unwrap();
    assert!(world.admit_for(ticket, &key(1), 5, Remaining::Left(Duration::from_millis(1100))));
    assert_eq!((world.ask(1), world.in_front(1)), (Some(5), Some(5)));
    world.hands.advance(Duration::from_millis(100));
    assert_eq!(world.in_front(1), None);
}

#[test]
fn what_is_to_be_renewed_is_asked_of_the_tier() {
    let (world, due) = renewed(0.0, SECOND, Duration::from_millis(500));
    assert_eq!((world.ask(1), world.in_front(1)), (Some(5), Some(5)));
    world.hands.advance(Duration::from_millis(500));
    assert_eq!(world.in_front(1), None);
    assert_eq!(due(&world), Some(77));
}

#[test]
fn what_has_tags_is_asked_of_the_tier() {
    let world = World::new();
    let ticket = world.tier.ticket(&key(1), &[key(9)]).unwrap();
    assert!(world.admit(ticket, &key(1), 5));
    assert_eq!((world.ask(1), world.in_front(1)), (Some(5), None));
}

#[test]
fn now_and_then_the_tier_is_asked_all_the_same() {
    let world = World::new();
    world.kept(&key(1), 5);
    assert_eq!(world.ask_tier(1), Some(5));
    let answers = (0..1000).take_while(|_| world.in_front(1).is_some()).count();
    assert_eq!(answers, usize::from(ANSWERS));
    assert_eq!((world.ask(1), world.in_front(1)), (Some(5), Some(5)));
}

#[test]
fn what_is_asked_for_often_keeps_its_place_once() {
    let world = World::new().in_front_of();
    assert_eq!((slots(1000, 64 << 20), slots(1 << 20, 1 << 20)), (FEWEST, FEWEST));
    assert_eq!((slots(100_000, 64 << 20), slots(usize::MAX, usize::MAX)), (16_384, 16_384));
    let rival = |id: &u64| *id != 1 && asked(*id).place(FEWEST) == asked(1).place(FEWEST);
    let mut rivals = (2..100_000).filter(rival);
    let rival = rivals.next().unwrap();
    world.kept(&key(rival), 9);
    assert_eq!(world.ask_tier(rival), Some(9));
    assert_eq!((world.in_front(1), world.in_front(rival)), (Some(5), None));
    // It was used once more. The next but one takes the place.
    assert_eq!((world.ask_tier(rival), world.ask_tier(rival)), (Some(9), Some(9)));
    assert_eq!((world.in_front(1), world.in_front(rival)), (None, Some(9)));
}

#[test]
fn what_would_not_be_found_again_takes_nobodys_place() {
    let world = World::new();
    let rival = |id: &u64| *id != 1 && asked(*id).place(FEWEST) == asked(1).place(FEWEST);
    let rival = (2..100_000).find(rival).unwrap();
    world.kept(&key(1), 5);
    world.kept(&key(rival), 9);
    assert_eq!(world.ask_tier(rival), Some(9));
    // Another key that shares the counter of key 1.
    world.tier.generations.bump(Identity::of(key(1).as_str()));
    assert_eq!(world.ask_tier(1), Some(5));
    assert_eq!((world.in_front(1), world.in_front(rival)), (None, Some(9)));
}

#[test]
fn two_tiers_and_two_repositories_have_their_own() {
    let (one, other) = (World::new().in_front_of(), World::new());
    other.kept(&key(1), 8);
    let now = other.tier.clock.moment();
    let beside = Asked::of(2, &1_u64);
    assert!(other.tier.in_front::<u64>(beside, now).is_none());
    let found = other.tier.get_to_front(beside, key(1).as_str(), FINGERPRINT, now).unwrap();
    assert_eq!(*value(found.0), 8);
    assert_eq!(one.in_front(1), Some(5));
    assert_eq!(other.tier.in_front::<u64>(beside, now).map(|value| *value), Some(8));
}

#[test]
fn a_value_of_another_type_is_not_found() {
    let world = World::new().in_front_of();
    assert!(world.tier.in_front::<String>(asked(1), world.tier.clock.moment()).is_none());
}

/// Whoever has the value still gives its memory back as soon as it is gone, and no thread stands in the way.
#[test]
fn what_is_no_answer_any_more_is_not_kept_from_being_given_back() {
    let world = World::new().in_front_of();
    let held = world.held();
    assert_eq!(Arc::weak_count(&held), 1, "this thread's");
    world.tier.evict(&key(1));
    assert_eq!(world.in_front(1), None);
    assert_eq!(Arc::weak_count(&held), 0);
}
