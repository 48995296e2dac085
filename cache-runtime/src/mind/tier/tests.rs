#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here fails the test")]

mod door;
mod generations;
mod rows;

use std::any::Any;

use super::*;
use crate::entry::{Body, Value};
use crate::key::Namespace;

#[derive(Clone, Debug, Default)]
struct Hands(Arc<std::sync::atomic::AtomicU64>);

impl Hands {
    fn advance(&self, time: Duration) {
        self.0.fetch_add(nanos(time), std::sync::atomic::Ordering::SeqCst);
    }
}

impl Clock for Hands {
    fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.0.load(std::sync::atomic::Ordering::SeqCst))
    }

    fn unix_millis(&self) -> u64 {
        0
    }
}

fn kept(value: u64) -> Kept {
    Kept::Shared(Arc::new(value) as Arc<dyn Any + Send + Sync>)
}

fn value(kept: Kept) -> Arc<u64> {
    match kept {
        Kept::Shared(value) => value.downcast().unwrap(),
        other => panic!("{other:?}"),
    }
}

const SECOND: Duration = Duration::from_secs(1);
/// Longer than what a deadline is rounded by.
const TICK: Duration = Duration::from_micros(66);
const FINGERPRINT: u64 = 7;

struct World {
    hands: Hands,
    tier: Tier,
}

impl World {
    fn new() -> Self {
        Self::of_size(1000, 1 << 20)
    }

    fn of_size(tier_entries: usize, tier_bytes: usize) -> Self {
        let hands = Hands::default();
        hands.advance(SECOND);
        let clock: Arc<dyn Clock> = Arc::new(hands.clone());
        let policy = Policy { tier_entries, tier_bytes, ..Policy::default() };
        let tier = Tier::new(&policy, &clock).unwrap();
        tier.open();
        let world = Self { hands, tier };
        world.prove();
        world
    }

    fn prove(&self) {
        self.tier.prove(self.tier.clock.moment());
    }

    fn admit(&self, ticket: Ticket, value: u64) -> bool {
        self.admit_for(ticket, value, Remaining::Forever)
    }

    fn admit_for(&self, ticket: Ticket, value: u64, remaining: Remaining) -> bool {
        let life = (life(remaining), Renewing::default());
        self.tier.admit(ticket, FINGERPRINT, (kept(value), 100), life)
    }

    fn get(&self, key: &Key) -> Option<u64> {
        let now = self.tier.proven(SECOND)?;
        self.tier.get(key.as_str(), FINGERPRINT, now).map(|(kept, _)| *value(kept))
    }

    fn kept(&self, key: &Key, value: u64) {
        assert!(self.admit(self.tier.ticket(key, &[]).unwrap(), value));
    }
}

fn key(id: u64) -> Key {
    Namespace::new("shop").unwrap().key().text("rows").value(&id).finish().unwrap()
}

/// Of a value that is kept for a second after its TTL, and took ten milliseconds to load.
fn life(remaining: Remaining) -> Life {
    let (fingerprint, era, filled_at, nonce) = (FINGERPRINT, 0, 0, 77);
    let (kept_millis, load_micros) = (1000, 10_000);
    let (stamps, body) = (Vec::new(), Body::Nothing);
    let value =
        Value { fingerprint, era, filled_at, nonce, kept_millis, load_micros, stamps, body };
    Life::of(&value, remaining)
}

#[test]
fn what_is_kept_is_found_and_shared() {
    let world = World::new();
    world.kept(&key(1), 5);
    let now = world.tier.proven(SECOND).unwrap();
    let get = || value(world.tier.get(key(1).as_str(), FINGERPRINT, now).unwrap().0);
    assert!(Arc::ptr_eq(&get(), &get()));
    assert_eq!(world.get(&key(2)), None);
    assert!(world.tier.get(key(1).as_str(), FINGERPRINT + 1, now).is_none());
}

#[test]
fn a_value_whose_key_was_invalidated_since_the_ticket_is_refused() {
    let world = World::new();
    let ticket = world.tier.ticket(&key(1), &[]).unwrap();
    world.tier.evict(&key(1));
    assert!(!world.admit(ticket, 5));
    assert_eq!(world.get(&key(1)), None);
}

#[test]
fn an_invalidation_takes_its_key_and_no_other() {
    let world = World::new();
    world.kept(&key(1), 5);
    world.kept(&key(2), 6);
    world.tier.evict(&key(1));
    assert_eq!((world.get(&key(1)), world.get(&key(2))), (None, Some(6)));
}

#[test]
fn a_tag_that_was_invalidated_takes_what_was_loaded_under_it() {
    let world = World::new();
    let ticket = world.tier.ticket(&key(1), &[key(8), key(9)]).unwrap();
    assert!(world.admit(ticket, 5));
    assert_eq!(world.get(&key(1)), Some(5));
    world.tier.evict(&key(9));
    assert_eq!(world.get(&key(1)), None);
    // A tag that was invalidated between the ticket and the value.
    let ticket = world.tier.ticket(&key(2), &[key(9)]).unwrap();
    world.tier.evict(&key(9));
    world.admit(ticket, 6);
    assert_eq!(world.get(&key(2)), None);
}

#[test]
fn a_lost_stream_empties_and_shuts_and_refuses_older_tickets() {
    let world = World::new();
    world.kept(&key(1), 5);
    let ticket = world.tier.ticket(&key(2), &[]).unwrap();
    world.tier.shut();
    assert!(world.tier.proven(SECOND).is_none());
    assert!(world.tier.ticket(&key(1), &[]).is_none());
    world.tier.open();
    assert!(world.tier.proven(SECOND).is_none(), "no beat has come back on the new stream");
    world.prove();
    assert_eq!(world.get(&key(1)), None);
    assert!(!world.admit(ticket, 6));
}

#[test]
fn emptied_it_keeps_what_comes_later() {
    let world = World::new();
    world.kept(&key(1), 5);
    let ticket = world.tier.ticket(&key(2), &[]).unwrap();
    world.tier.empty();
    assert!(!world.admit(ticket, 6));
    assert_eq!(world.get(&key(1)), None);
    world.kept(&key(1), 7);
    assert_eq!(world.get(&key(1)), Some(7));
}

#[test]
fn it_answers_only_while_a_beat_sent_within_the_bound_has_come_back() {
    let world = World::new();
    world.kept(&key(1), 5);
    world.hands.advance(SECOND - Moment::LAG - Duration::from_nanos(1));
    assert_eq!(world.get(&key(1)), Some(5));
    world.hands.advance(Duration::from_nanos(1));
    assert_eq!(world.get(&key(1)), None);
    // A beat that was sent long ago proves as little, whenever it comes back.
    let sent = world.tier.clock.moment();
    world.hands.advance(SECOND);
    world.tier.prove(sent);
    assert_eq!(world.get(&key(1)), None);
    world.prove();
    assert_eq!(world.get(&key(1)), Some(5));
}

#[test]
fn a_value_lives_as_long_as_it_had_left() {
    let world = World::new();
    let ticket = world.tier.ticket(&key(1), &[]).unwrap();
    assert!(world.admit_for(ticket, 5, Remaining::Left(Duration::from_millis(1100))));
    world.hands.advance(Duration::from_millis(99));
    assert_eq!(world.get(&key(1)), Some(5));
    world.hands.advance(Duration::from_millis(1));
    assert_eq!(world.get(&key(1)), None);
}

/// Admits a value with so much left until its TTL, and looks how it is renewed.
fn renewed(
    beta: f64,
    revalidate: Duration,
    left: Duration,
) -> (World, impl Fn(&World) -> Option<u64>) {
    let world = World::new();
    let ticket = world.tier.ticket(&key(1), &[]).unwrap();
    let life = life(Remaining::Left(left + SECOND));
    let renewing = Renewing { beta, revalidate };
    assert!(world.tier.admit(ticket, FINGERPRINT, (kept(5), 100), (life, renewing)));
    let due = |world: &World| {
        let (_, due) = world.tier.get(key(1).as_str(), FINGERPRINT, world.tier.clock.moment())?;
        due
    };
    (world, due)
}

#[test]
fn a_value_past_its_ttl_is_renewed_by_one_hit_at_a_time() {
    let (world, due) = renewed(0.0, SECOND, SECOND);
    world.hands.advance(SECOND - Duration::from_nanos(1));
    assert_eq!(due(&world), None, "it is fresh");
    world.hands.advance(Duration::from_nanos(1));
    assert_eq!(due(&world), Some(77), "the first hit after the TTL");
    assert_eq!(due(&world), None, "one is enough");
    // The renewal has failed, or got no claim.
    world.hands.advance(SECOND - TICK);
    assert_eq!(due(&world), None);
    assert_eq!(
        world.tier.get(key(1).as_str(), FINGERPRINT, world.tier.clock.moment()).map(|_| ()),
        Some(())
    );
    world.hands.advance(TICK);
    assert!(!world.tier.has(&key(1), FINGERPRINT, world.tier.clock.moment()), "its window is over");
}

#[test]
fn a_value_that_is_past_its_ttl_when_it_comes_is_left_to_who_is_at_it() {
    let (world, due) = renewed(0.0, SECOND, Duration::ZERO);
    assert_eq!(due(&world), None);
    assert!(world.tier.has(&key(1), FINGERPRINT, world.tier.clock.moment()));
}

#[test]
fn a_value_is_renewed_ahead_of_its_ttl_the_likelier_the_nearer_it_is() {
    // Ten milliseconds of load at beta 1: before 37 times that nobody is chosen.
    let (world, due) = renewed(1.0, Duration::ZERO, SECOND);
    world.hands.advance(Duration::from_millis(632));
    assert!((0..10_000).all(|_| due(&world).is_none()), "no draw is that large");
    world.hands.advance(Duration::from_millis(367));
    let chosen = (0..1000).position(|_| due(&world).is_some()).unwrap();
    assert!(chosen < 100, "a millisecond ahead nine in ten are chosen: {chosen}");
    assert!((0..10_000).all(|_| due(&world).is_none()), "one is enough");
}

#[test]
fn a_look_at_what_is_there_takes_no_renewal_away() {
    let (world, due) = renewed(0.0, SECOND, SECOND);
    world.hands.advance(SECOND);
    assert!(world.tier.has(&key(1), FINGERPRINT, world.tier.clock.moment()));
    assert_eq!(due(&world), Some(77));
}

#[test]
fn without_renewing_nobody_is_chosen() {
    let (world, due) = renewed(0.0, Duration::ZERO, SECOND);
    world.hands.advance(SECOND - Duration::from_nanos(1));
    assert_eq!(due(&world), None);
}

#[test]
fn it_stays_within_its_entries_and_its_bytes() {
    for (entries, bytes) in [(100, 1 << 30), (1 << 20, 20_000)] {
        let world = World::of_size(entries, bytes);
        for id in 0..2000 {
            let ticket = world.tier.ticket(&key(id), &[]).unwrap();
            world.admit(ticket, id);
        }
        let (held, weight) = world.tier.size();
        assert!(held > 50 && held <= entries, "{held} entries");
        assert!(weight <= bytes as u64, "{weight} bytes");
    }
}

#[test]
fn no_room_is_no_tier() {
    let clock: Arc<dyn Clock> = Arc::new(Hands::default());
    let policy = Policy { tier_entries: 0, ..Policy::default() };
    assert!(Tier::new(&policy, &clock).is_none());
}
