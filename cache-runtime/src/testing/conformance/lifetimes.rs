//! How long a key lives.
#![expect(missing_docs, reason = "the name of each case is its documentation")]

use std::time::Duration;

use super::Backend;
use super::room::{HOUR, MINUTE, Room, bytes, ok, request};
use crate::entry::Token;
use crate::policy::{Remaining, Ttl};
use crate::port::LeaseOutcome;

pub async fn what_is_left_of_a_life_has_three_answers<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let (absent, forever, finite) = (room.key("absent"), room.key("forever"), room.key("finite"));
    room.set(&forever, &bytes("v"), Ttl::Forever).await;
    room.set(&finite, &bytes("v"), MINUTE).await;
    assert_eq!(room.ttl(&absent).await, Remaining::NoKey, "there is no such key");
    assert_eq!(room.ttl(&forever).await, Remaining::Forever, "it does not expire");
    room.expect_left(&finite, MINUTE, "it expires").await;
}

pub async fn a_lifetime_below_a_millisecond_is_one_millisecond<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    for short in [Duration::from_nanos(1), Duration::from_micros(999)] {
        room.set(&key, &bytes("v"), short).await;
        expect_a_millisecond(room.ttl(&key).await, "set", short);
        room.set(&key, &bytes("v"), HOUR).await;
        room.expire(&key, short).await;
        expect_a_millisecond(room.ttl(&key).await, "expire", short);
    }
}

/// Not forever, and not more than a millisecond; on a real clock it may be over by now.
#[track_caller]
fn expect_a_millisecond(left: Remaining, call: &str, ttl: Duration) {
    let right = match left {
        Remaining::NoKey => true,
        Remaining::Left(left) => left <= Duration::from_millis(1),
        Remaining::Forever => false,
    };
    assert!(right, "{call} with {ttl:?} leaves {left:?}");
}

pub async fn a_huge_lifetime_counts_as_ten_years<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let (set, expire, held, leased) =
        (room.key("set"), room.key("expire"), room.key("held"), room.key("leased"));
    room.set(&set, &bytes("v"), Duration::MAX).await;
    room.expect_left(&set, Ttl::MAX, "a set with the longest duration there is").await;
    room.set(&expire, &bytes("v"), MINUTE).await;
    assert!(room.expire(&expire, Duration::MAX).await, "it is there");
    room.expect_left(&expire, Ttl::MAX, "an expire with the longest duration there is").await;
    let entries = [(set.clone(), bytes("v"))];
    ok(room.cache.set_many(&entries, Ttl::After(Duration::MAX)).await, "set_many");
    room.expect_left(&set, Ttl::MAX, "a batch with the longest duration there is").await;
    let writer = room.held(&held, Duration::MAX).await;
    room.expect_held(&held, &[writer], "a hold for the longest duration there is").await;
    room.expect_left(&held, Ttl::MAX, "a hold for the longest duration there is").await;
    let lease = room.cache.lease(&[request(&leased, Token::new())], Duration::MAX).await;
    assert_eq!(ok(lease, "lease"), [LeaseOutcome::Granted], "a lease for as long");
    room.expect_left(&leased, Ttl::MAX, "a lease for the longest duration there is").await;
}

pub async fn expire_gives_a_new_lifetime_and_keeps_the_value<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    room.set(&key, &bytes("v"), Ttl::Forever).await;
    assert!(room.expire(&key, HOUR).await, "it is there, without a lifetime");
    room.expect_left(&key, HOUR, "forever became an hour").await;
    assert!(room.expire(&key, MINUTE).await, "it is there, with a lifetime");
    room.expect_left(&key, MINUTE, "an hour became a minute").await;
    assert!(room.expire(&key, HOUR).await, "it is there, with a lifetime");
    room.expect_left(&key, HOUR, "a minute became an hour").await;
    assert!(room.expire(&key, Ttl::Forever).await, "it is there, with a lifetime");
    room.expect_forever(&key, "an hour became forever").await;
    assert!(room.expire(&key, Ttl::Forever).await, "it is there, though nothing changes");
    room.expect_forever(&key, "forever stayed forever").await;
    room.expect_bytes(&key, &bytes("v"), "the value stayed all the while").await;
}

pub async fn expire_with_a_zero_ttl_removes_the_key<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    room.set(&key, &bytes("v"), Ttl::Forever).await;
    assert!(room.expire(&key, Duration::ZERO).await, "it was there");
    room.expect_absent(&key, "a zero TTL removed it").await;
    assert!(!room.expire(&key, Duration::ZERO).await, "it is not there any more");
}

pub async fn persist_says_whether_there_was_a_lifetime<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    let persist = async || ok(room.cache.persist(&key).await, "persist");
    assert!(!persist().await, "there is no such key");
    room.set(&key, &bytes("v"), HOUR).await;
    assert!(persist().await, "it had a lifetime");
    room.expect_forever(&key, "it has none any more").await;
    room.expect_bytes(&key, &bytes("v"), "and its value still").await;
    assert!(!persist().await, "it had none");
    assert!(room.expire(&key, MINUTE).await, "it gets another");
    backend.expire_now(&*room.cache, &key).await;
    assert!(!persist().await, "nobody wakes the dead");
    room.expect_absent(&key, "its time was over").await;
}

pub async fn an_expired_key_is_absent_for_every_call<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    // One key for each call, none touched after its end: some backends remove what has expired only when they come
    // across it.
    let keys = room.keys(10);
    let mut ttl = MINUTE;
    for key in &keys {
        room.set(key, &bytes("v"), ttl).await;
        ttl += MINUTE;
    }
    for key in &keys {
        backend.expire_now(&*room.cache, key).await;
    }
    let mut key = keys.iter();
    let mut next = || ok(key.next().ok_or("too few keys"), "the next key");
    assert_eq!(room.get(next()).await, None, "get");
    assert!(!ok(room.cache.exists(next()).await, "exists"), "exists");
    assert_eq!(room.ttl(next()).await, Remaining::NoKey, "ttl");
    assert!(!room.delete(next()).await, "delete");
    let expired = next();
    assert!(!room.expire(expired, HOUR).await, "expire");
    room.expect_absent(expired, "a new lifetime does not bring it back").await;
    assert!(!room.expire(next(), Ttl::Forever).await, "expire to forever");
    assert_eq!(room.get_many(&[next().clone()]).await, [None], "get_many");
    assert_eq!(
        ok(room.cache.delete_many(&[next().clone()]).await, "delete_many"),
        0,
        "delete_many"
    );
    let leased = next();
    let gone = room.lease_over(leased, Token::new(), &bytes("v")).await;
    assert_eq!(gone, LeaseOutcome::Gone, "lease over what has expired");
    assert_eq!(room.lease(next(), Token::new()).await, LeaseOutcome::Granted, "lease");
}

pub async fn an_expired_key_can_be_set_anew<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    room.set(&key, &bytes("old"), MINUTE).await;
    backend.expire_now(&*room.cache, &key).await;
    room.set(&key, &bytes("new"), Ttl::Forever).await;
    room.expect_bytes(&key, &bytes("new"), "the old life is over").await;
    room.expect_forever(&key, "the old deadline is over too").await;
}

pub async fn the_end_of_one_key_leaves_the_others<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let (short, long, forever) = (room.key("short"), room.key("long"), room.key("forever"));
    room.set(&short, &bytes("v"), MINUTE).await;
    room.set(&long, &bytes("v"), HOUR).await;
    room.set(&forever, &bytes("v"), Ttl::Forever).await;
    backend.expire_now(&*room.cache, &short).await;
    room.expect_absent(&short, "its life is over").await;
    room.expect_bytes(&long, &bytes("v"), "it lives longer").await;
    room.expect_bytes(&forever, &bytes("v"), "it lives forever").await;
    let read = room.get_many(&[short, long, forever]).await;
    assert_eq!(read, [None, Some(bytes("v")), Some(bytes("v"))], "in a batch too");
}
