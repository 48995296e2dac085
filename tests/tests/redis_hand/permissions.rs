//! A user who may do what the documentation asks for and nothing else; and one who may do less.

use std::slice::from_ref;

use bytes::Bytes;
use cache_runtime::backend::RedisCache;
use cache_runtime::entry::Token;
use cache_runtime::{
    Cache, CoherentCache, Counters, ErrorKind, Fill, Hashes, Heard, Keyspace, LeaseOutcome,
    LeaseRequest, Lists, Pattern, ReleaseOutcome, Sets, Ttl, Walk, Watched,
};
use tests::RedisServer;

use super::tools::{MINUTE, key, patient, shop, so_far, tell};

/// As the documentation of `RedisCache` has it.
const COMMANDS: &str = "+get +getrange +mget +set +getdel +del +unlink +exists +pexpire +persist +pttl +scan +time \
     +evalsha +script|load +publish +subscribe +multi +exec +ping +info +role";
const STRUCTURES: &str = "+incrby +lpush +rpush +lpop +rpop +llen +lrange +ltrim +sadd +srem +smembers +sismember +scard \
     +hset +hget +hgetall +hdel +hlen +hincrby";

async fn user(server: &RedisServer, permissions: &str) -> RedisCache {
    let _: () = tell(server, &format!("ACL SETUSER app reset on >secret {permissions}")).await;
    patient(&format!("redis://app:secret@{}", server.address()))
}

#[tokio::test]
async fn the_documented_permissions_are_enough_for_every_call() {
    let server = RedisServer::start();
    let cache = user(&server, &format!("~shop:* &shop:* {COMMANDS}")).await;
    let mut stream = cache.invalidations(&shop()).await.unwrap();
    let (row, keys, value) = (key("a"), [key("a"), key("b")], Bytes::from_static(b"v"));
    cache.ping().await.unwrap();
    cache.set(&row, value.clone(), MINUTE.into()).await.unwrap();
    cache.set_many(&[(row.clone(), value.clone())], Ttl::Forever).await.unwrap();
    cache.expire(&row, MINUTE.into()).await.unwrap();
    cache.expire(&row, Ttl::Forever).await.unwrap();
    assert!(cache.exists(&row).await.unwrap());
    cache.ttl(&row).await.unwrap();
    assert_eq!(cache.get(&row).await.unwrap(), Some(value.clone()));
    assert_eq!(cache.get_many(&keys).await.unwrap().len(), 2);
    assert_eq!(cache.get_live(&keys).await.unwrap().len(), 2);
    let over = LeaseRequest { key: row.clone(), token: Token::new(), over: Some(value.clone()) };
    assert_eq!(cache.lease(from_ref(&over), MINUTE).await.unwrap(), [LeaseOutcome::Granted]);
    cache.abandon(from_ref(&row), over.token).await.unwrap();
    let lease = LeaseRequest { key: row.clone(), token: Token::new(), over: None };
    assert_eq!(cache.lease(from_ref(&lease), MINUTE).await.unwrap(), [LeaseOutcome::Granted]);
    let fill = Fill { key: row.clone(), token: lease.token, entry: value, ttl: MINUTE.into() };
    assert_eq!(cache.fill(&[fill]).await.unwrap(), [true]);
    let writer = Token::new();
    cache.hold(&keys, writer, MINUTE).await.unwrap();
    let outcomes = cache.release(&keys, writer).await.unwrap();
    assert_eq!(outcomes, [ReleaseOutcome::Released; 2]);
    let outcomes = cache.release(&keys, writer).await.unwrap();
    assert_eq!(outcomes, [ReleaseOutcome::WasGone; 2]);
    assert!(!cache.delete(&row).await.unwrap());
    assert_eq!(cache.delete_many(&keys).await.unwrap(), 0);
    cache.hold(&keys, writer, MINUTE).await.unwrap();
    assert_eq!(cache.sweep(&shop().whole()).await.unwrap(), 0);
    assert_eq!(cache.clear(&shop()).await.unwrap(), 2);
    let heard = so_far(&mut stream).await;
    let keys = Heard::Keys(keys.to_vec());
    assert_eq!(heard.iter().filter(|heard| **heard == keys).count(), 2);
}

#[tokio::test]
async fn the_documented_permissions_are_enough_for_the_small_ports() {
    let server = RedisServer::start();
    let cache = user(&server, &format!("~shop:* &shop:* {COMMANDS} {STRUCTURES}")).await;
    let value = [Bytes::from_static(b"v")];
    let (n, l, s, h) = (key("n"), key("l"), key("s"), key("h"));
    assert!(cache.set_if_absent(&n, Bytes::from_static(b"1"), MINUTE.into()).await.unwrap());
    assert!(cache.persist(&n).await.unwrap());
    assert_eq!(cache.increment(&n).await.unwrap(), 2);
    assert_eq!(cache.decrement_by(&n, 2).await.unwrap(), 0);
    assert!(cache.take(&n).await.unwrap().is_some());
    cache.list_push_front(&l, &value).await.unwrap();
    cache.list_push_back(&l, &value).await.unwrap();
    cache.list_push_back(&l, &value).await.unwrap();
    cache.list_trim(&l, 0, 5).await.unwrap();
    assert_eq!(cache.list_length(&l).await.unwrap(), 3);
    assert_eq!(cache.list_range(&l, 0, -1).await.unwrap().len(), 3);
    assert!(cache.list_pop_front(&l).await.unwrap().is_some());
    assert!(cache.list_pop_back(&l).await.unwrap().is_some());
    assert_eq!(cache.set_add(&s, &value).await.unwrap(), 1);
    assert!(cache.set_is_member(&s, b"v").await.unwrap());
    assert_eq!(cache.set_members(&s).await.unwrap().len(), 1);
    assert_eq!(cache.set_cardinality(&s).await.unwrap(), 1);
    assert_eq!(cache.set_remove(&s, &value).await.unwrap(), 1);
    assert_eq!(cache.hash_set(&h, &[(value[0].clone(), value[0].clone())]).await.unwrap(), 1);
    assert_eq!(cache.hash_increment_by(&h, b"n", 1).await.unwrap(), 1);
    assert!(cache.hash_get(&h, b"v").await.unwrap().is_some());
    assert_eq!(cache.hash_get_all(&h).await.unwrap().len(), 2);
    assert_eq!(cache.hash_length(&h).await.unwrap(), 2);
    assert_eq!(cache.hash_delete(&h, &value).await.unwrap(), 1);
    let all = Pattern::new(&shop(), "*").unwrap();
    assert_eq!(cache.keys_matching(&all, Walk::new()).await.unwrap().len(), 2);
    assert_eq!(cache.delete_matching(&all, Walk::new()).await.unwrap(), 2);
    assert!(cache.backend_stats().await.unwrap().keys.is_some());
}

#[tokio::test]
async fn a_removal_by_pattern_that_is_refused_says_so_and_removes_nothing() {
    let server = RedisServer::start();
    let cache = user(&server, "~shop:* &shop:* +@all -getrange").await;
    cache.set(&key("a"), Bytes::from_static(b"v"), MINUTE.into()).await.unwrap();
    let all = Pattern::new(&shop(), "*").unwrap();
    let refused = cache.delete_matching(&all, Walk::new()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Denied, "{refused:?}");
    let refused = cache.sweep(&shop().whole()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Denied, "{refused:?}");
    assert!(cache.exists(&key("a")).await.unwrap());
}

#[tokio::test]
async fn a_hold_whose_announcement_is_refused_is_not_placed() {
    let server = RedisServer::start();
    for missing in ["~shop:* +@all resetchannels", "~shop:* &shop:* +@all -publish"] {
        let cache = user(&server, missing).await;
        let refused = cache.hold(&[key("a")], Token::new(), MINUTE).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Denied, "{missing}");
    }
}

#[tokio::test]
async fn a_release_that_may_not_announce_fails_and_has_removed_all_the_same() {
    let server = RedisServer::start();
    let cache = user(&server, "~shop:* &shop:* +@all -publish").await;
    let row = key("a");
    cache.set(&row, Bytes::from_static(b"old"), MINUTE.into()).await.unwrap();
    let refused = cache.release(from_ref(&row), Token::new()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Denied);
    assert_eq!(cache.get(&row).await.unwrap(), None);
}

#[tokio::test]
async fn a_subscription_that_is_refused_says_so() {
    let server = RedisServer::start();
    for missing in ["~shop:* +@all resetchannels", "~shop:* &shop:* +@all -subscribe"] {
        let cache = user(&server, missing).await;
        let refused = cache.invalidations(&shop()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Denied, "{missing}");
    }
}

/// A script over several keys is refused where one of them is. Then each is held, and released, by itself.
#[tokio::test]
async fn keys_that_may_only_be_held_apart_are_held_and_released_all_the_same() {
    let server = RedisServer::start();
    let cache = user(&server, "~shop:users:=a* &shop:* +@all").await;
    let (writer, other) = (Token::new(), Token::new());
    let refused = cache.hold(&[key("a"), key("b")], writer, MINUTE).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Denied);
    let keys = [key("a"), key("ab")];
    cache.hold(&keys, writer, MINUTE).await.unwrap();
    cache.hold(&keys, other, MINUTE).await.unwrap();
    let refused = cache.release(&[key("b"), key("a")], other).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Denied);
    assert_eq!(cache.release(&keys, writer).await.unwrap(), [ReleaseOutcome::Released; 2]);
    let outcomes = cache.release(&keys, other).await.unwrap();
    assert_eq!(outcomes, [ReleaseOutcome::WasGone, ReleaseOutcome::Released]);
    assert_eq!(cache.get_many(&keys).await.unwrap(), [None, None]);
}

/// A script of holds ends at the first key that bears another data type. The others are held all the same.
#[tokio::test]
async fn a_key_of_another_data_type_is_in_the_way_of_no_other() {
    let server = RedisServer::start();
    let cache = patient(&format!("redis://{}", server.address()));
    let (keys, strange) = ([key("a"), key("z")], key("m"));
    cache.list_push_back(&strange, &[Bytes::from_static(b"1")]).await.unwrap();
    let all = [keys[0].clone(), strange, keys[1].clone()];
    let writer = Token::new();
    cache.hold(&all, writer, MINUTE).await.unwrap_err();
    for found in cache.get_many(&keys).await.unwrap() {
        assert_eq!(found.unwrap()[0], b'H');
    }
    let released = cache.release(&keys, writer).await.unwrap();
    assert_eq!(released, [ReleaseOutcome::Released; 2]);
    assert_eq!(cache.get_many(&keys).await.unwrap(), [None, None]);
}
