//! A user who may do what the documentation asks for and nothing else; and one who may do less.

use std::slice::from_ref;

use bytes::Bytes;
use cache_runtime::backend::RedisCache;
use cache_runtime::entry::Token;
use cache_runtime::{
    Cache, CoherentCache, ErrorKind, Fill, Heard, LeaseOutcome, LeaseRequest, ReleaseOutcome, Ttl,
};
use tests::RedisServer;

use super::tools::{MINUTE, key, patient, shop, so_far, tell};

/// As the documentation of `RedisCache` has it.
const COMMANDS: &str = "+get +mget +set +del +unlink +exists +pexpire +persist +pttl +scan +time +evalsha +script|load \
     +publish +subscribe +multi +exec +ping +info +role";

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
