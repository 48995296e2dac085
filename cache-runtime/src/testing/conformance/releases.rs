//! Writers that are done.
#![expect(missing_docs, reason = "the name of each case is its documentation")]

use super::Backend;
use super::hold::{self, AHEAD, PAST};
use super::room::{HOUR, MINUTE, Room, bytes, ok};
use crate::entry::Token;
use crate::policy::Ttl;
use crate::port::ReleaseOutcome::{Released, WasGone};

pub async fn the_last_release_frees_the_key<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    let writer = room.held(&key, MINUTE).await;
    assert_eq!(room.release(&key, writer).await, Released, "its hold stood");
    room.expect_absent(&key, "the last writer is done").await;
    let reader = room.leased(&key).await;
    assert!(room.fill(&key, reader, &bytes("new")).await, "the key is free");
    room.expect_bytes(&key, &bytes("new"), "what was loaded after the release").await;
}

pub async fn a_release_leaves_other_writers_holds<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    let (first, second) = (room.held(&key, HOUR).await, room.held(&key, HOUR).await);
    let third = room.held(&key, HOUR).await;
    assert_eq!(room.release(&key, second).await, Released, "its hold stood");
    room.expect_held(&key, &[first, third], "the others are not done").await;
    let reader = Token::new();
    room.lease(&key, reader).await;
    assert!(!room.fill(&key, reader, &bytes("old")).await, "nobody fills under a hold");
    assert_eq!(room.release(&key, first).await, Released, "its hold stood");
    room.expect_held(&key, &[third], "one is not done").await;
    assert_eq!(room.release(&key, third).await, Released, "its hold stood");
    room.expect_absent(&key, "the last writer is done").await;
}

pub async fn a_release_shortens_the_life_to_the_latest_deadline_left<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    let (long, short) = (room.held(&key, HOUR).await, room.held(&key, MINUTE).await);
    assert_eq!(room.release(&key, long).await, Released, "its hold stood");
    room.expect_held(&key, &[short], "the other is not done").await;
    room.expect_left(&key, MINUTE, "should it die, nobody waits for longer than its time").await;
    backend.expire_now(&*room.cache, &key).await;
    room.expect_absent(&key, "its hold ran out").await;
}

pub async fn a_release_after_the_own_hold_ran_out_removes_a_value<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    let writer = room.held(&key, MINUTE).await;
    backend.expire_now(&*room.cache, &key).await;
    let reader = room.leased(&key).await;
    assert!(room.fill(&key, reader, &bytes("old")).await, "the key was free");
    assert_eq!(room.release(&key, writer).await, WasGone, "its hold had run out");
    room.expect_absent(&key, "the value may be older than the commit").await;
}

pub async fn a_release_after_the_own_hold_ran_out_removes_a_lease<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    let writer = room.held(&key, MINUTE).await;
    backend.expire_now(&*room.cache, &key).await;
    let reader = room.leased(&key).await;
    assert_eq!(room.release(&key, writer).await, WasGone, "its hold had run out");
    room.expect_absent(&key, "the lease may be older than the commit").await;
    assert!(!room.fill(&key, reader, &bytes("old")).await, "so its fill is rejected");
    room.expect_absent(&key, "nothing was stored").await;
}

pub async fn a_release_after_the_own_hold_ran_out_removes_foreign_bytes<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    for foreign in [bytes("foreign"), bytes(""), bytes("h"), Token::new().lease()] {
        room.set(&key, &foreign, Ttl::Forever).await;
        let outcome = room.release(&key, Token::new()).await;
        assert_eq!(outcome, WasGone, "no hold stands there, but {foreign:?}");
        room.expect_absent(&key, "whatever was there is removed").await;
    }
}

pub async fn a_release_after_the_own_hold_ran_out_leaves_another_writers_hold<B: Backend>(
    backend: &B,
) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    let writer = room.held(&key, MINUTE).await;
    backend.expire_now(&*room.cache, &key).await;
    let other = room.held(&key, HOUR).await;
    assert_eq!(room.release(&key, writer).await, WasGone, "its hold had run out");
    room.expect_held(&key, &[other], "the other is not done").await;
    room.expect_left(&key, HOUR, "with its lifetime").await;
    assert_eq!(room.release(&key, other).await, Released, "its hold stood");
    room.expect_absent(&key, "the last writer is done").await;
}

pub async fn a_second_release_finds_the_hold_gone<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    let writer = room.held(&key, MINUTE).await;
    assert_eq!(room.release(&key, writer).await, Released, "its hold stood");
    assert_eq!(room.release(&key, writer).await, WasGone, "nothing is there any more");
    room.expect_absent(&key, "a second release makes nothing").await;
}

pub async fn a_release_beside_a_writer_that_ran_out_frees_the_key<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    let (dead, live) = (Token::new(), Token::new());
    for entry in [[(dead, PAST), (live, AHEAD)], [(live, AHEAD), (dead, PAST)]] {
        room.set(&key, &hold::entry(&entry), Ttl::Forever).await;
        assert_eq!(room.release(&key, live).await, Released, "its hold stood");
        room.expect_absent(&key, "no live writer is left").await;
    }
}

pub async fn a_writer_that_ran_out_is_not_released<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    let (dead, live) = (Token::new(), Token::new());
    room.set(&key, &hold::entry(&[(dead, PAST), (live, AHEAD)]), Ttl::Forever).await;
    assert_eq!(room.release(&key, dead).await, WasGone, "its time was over before");
    room.expect_held(&key, &[live], "the other is not done").await;
}

pub async fn a_release_by_a_stranger_frees_a_key_whose_writers_all_ran_out<B: Backend>(
    backend: &B,
) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    let dead = [(Token::new(), PAST), (Token::new(), PAST)];
    room.set(&key, &hold::entry(&dead), Ttl::Forever).await;
    assert_eq!(room.release(&key, Token::new()).await, WasGone, "it held nothing");
    room.expect_absent(&key, "nobody holds it").await;
}

pub async fn each_release_of_a_batch_stands_for_itself<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let keys = room.some_keys();
    let [own, value, shared, others, absent, last] = &keys;
    let writer = Token::new();
    for key in [own, shared, last] {
        room.hold(key, writer, MINUTE).await;
    }
    let beside = room.held(shared, HOUR).await;
    let other = room.held(others, HOUR).await;
    room.set(value, &bytes("v"), Ttl::Forever).await;
    let outcomes = ok(room.cache.release(&keys, writer).await, "release");
    let expected = [Released, WasGone, Released, WasGone, WasGone, Released];
    assert_eq!(outcomes, expected, "each at its place, whatever became of the others");
    for key in [own, value, absent, last] {
        room.expect_absent(key, "nobody holds it").await;
    }
    room.expect_held(shared, &[beside], "who held it beside is not done").await;
    room.expect_held(others, &[other], "who held it alone is not done").await;
}
