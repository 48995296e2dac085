//! Giving up a lease.
#![expect(missing_docs, reason = "the name of each case is its documentation")]

use super::Backend;
use super::room::{HOUR, MINUTE, Room, bytes, ok};
use crate::entry::Token;
use crate::policy::Ttl;
use crate::port::LeaseOutcome;

pub async fn an_abandoned_lease_frees_the_key<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let key = room.key("k");
    let reader = room.leased(&key).await;
    room.abandon(&key, reader).await;
    room.expect_absent(&key, "the lease was given up").await;
    room.abandon(&key, reader).await;
    room.expect_absent(&key, "giving it up twice is fine").await;
    assert_eq!(room.lease(&key, Token::new()).await, LeaseOutcome::Granted, "the key is free");
}

pub async fn only_the_own_lease_is_abandoned<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let keys = room.some_keys();
    let [own, value, leased, held, absent, last] = &keys;
    let reader = Token::new();
    for key in [own, last] {
        assert_eq!(room.lease(key, reader).await, LeaseOutcome::Granted, "it was absent");
    }
    room.set(value, &bytes("v"), Ttl::Forever).await;
    let other = room.leased(leased).await;
    // The same token as a writer's: a hold is no lease.
    room.hold(held, reader, HOUR).await;
    ok(room.cache.abandon(&keys, reader).await, "abandon");
    room.expect_absent(own, "the own lease was given up").await;
    room.expect_bytes(value, &bytes("v"), "a value is no lease").await;
    room.expect_forever(value, "it got no lifetime").await;
    room.expect_bytes(leased, &other.lease(), "another reader's lease stands").await;
    room.expect_left(leased, MINUTE, "with its lifetime").await;
    room.expect_held(held, &[reader], "a hold is no lease").await;
    room.expect_absent(absent, "nothing was there").await;
    room.expect_absent(last, "what came before in the batch changes nothing").await;
}
