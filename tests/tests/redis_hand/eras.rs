//! The era and the session: whether what is read now is out of the same life as what was read before.

use bytes::Bytes;
use cache_runtime::backend::RedisCache;
use cache_runtime::{Cache, CoherentCache, ErrorKind, Ttl};
use tests::{Proxy, RedisServer, eventually, eventually_some};
use tracing::Level;

use super::journal::Journal;
use super::tools::{Switch, answer, key, patient, raw, tell};

/// The first answer after whatever happened, with the era and the session right behind it.
async fn first_answer(cache: &RedisCache) -> (Option<Bytes>, u64, u64) {
    eventually_some("the server answers", || async {
        let found = cache.get(&key("a")).await.ok()?;
        Some((found, cache.era(), cache.session()))
    })
    .await
}

async fn put(cache: &RedisCache, value: &'static str) {
    cache.set(&key("a"), Bytes::from_static(value.as_bytes()), Ttl::Forever).await.unwrap();
}

#[tokio::test]
async fn all_caches_on_one_server_are_in_one_era_and_a_flush_does_not_end_it() {
    let server = RedisServer::start();
    let (one, other) = (patient(&server.url()), patient(&server.url()));
    assert_eq!((one.era(), one.session()), (0, 0), "nobody was asked yet");
    one.ping().await.unwrap();
    other.ping().await.unwrap();
    assert_ne!(one.era(), 0);
    assert_eq!(one.era(), other.era());
    assert_ne!(one.session(), other.session(), "each has its own connection");
    let before = (one.era(), one.session());
    let _: () = tell(&server, "FLUSHALL").await;
    assert_eq!(first_answer(&one).await, (None, before.0, before.1));
}

/// Hazard 9, as far as the hand goes: the data is older than it was, and bears another era.
#[tokio::test]
async fn a_server_that_comes_back_with_an_old_snapshot_is_in_another_era() {
    let mut server = RedisServer::start();
    let cache = patient(&server.url());
    put(&cache, "old").await;
    let _: () = tell(&server, "SAVE").await;
    put(&cache, "new").await;
    let (era, session) = (cache.era(), cache.session());
    server.restart();
    let (found, era_now, session_now) = first_answer(&cache).await;
    assert_eq!(found.as_deref(), Some(&b"old"[..]), "the past is back");
    assert_ne!(era_now, era);
    assert_ne!(session_now, session);
}

#[tokio::test]
async fn a_server_that_comes_back_with_its_log_is_in_another_era() {
    let mut server = RedisServer::options().durable().start();
    let cache = patient(&server.url());
    put(&cache, "kept").await;
    let era = cache.era();
    server.restart();
    let (found, era_now, _) = first_answer(&cache).await;
    assert_eq!(found.as_deref(), Some(&b"kept"[..]));
    assert_ne!(era_now, era, "nobody knows how much of the log was lost");
}

#[tokio::test]
async fn a_replica_that_was_promoted_is_in_another_era_than_its_primary() {
    let mut primary = RedisServer::start();
    let replica = RedisServer::options().replica_of(&primary).start();
    let switch = Switch::to(&primary).await;
    let cache = patient(&switch.url());
    put(&cache, "replicated").await;
    eventually("the replica has it", || async {
        let there: u64 = tell(&replica, "EXISTS shop:users:=a").await;
        there == 1
    })
    .await;
    let (era, session) = (cache.era(), cache.session());
    primary.kill();
    switch.point_to(&replica);
    // Not yet promoted, it is refused.
    let refused = eventually_some("the replica is refused", || async {
        cache.get(&key("a")).await.err().filter(|error| error.kind() == ErrorKind::ReadOnly)
    })
    .await;
    assert!(refused.to_string().contains("replica"), "{refused}");
    assert_eq!((cache.era(), cache.session()), (era, session), "it has answered nothing");
    let _: () = tell(&replica, "REPLICAOF NO ONE").await;
    let (found, era_now, session_now) = first_answer(&cache).await;
    assert_eq!(found.as_deref(), Some(&b"replicated"[..]));
    assert_ne!(era_now, era);
    assert_ne!(session_now, session);
}

#[tokio::test]
async fn a_connection_that_broke_is_another_session_in_the_same_era() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.address()).await;
    let cache = patient(&proxy.url(&server.url()));
    cache.ping().await.unwrap();
    let mut sessions = vec![cache.session()];
    let era = cache.era();
    for _ in 0..3 {
        proxy.cut();
        let (_, era_now, session) = first_answer(&cache).await;
        assert_eq!(era_now, era);
        assert!(!sessions.contains(&session), "{session} of {sessions:?}");
        sessions.push(session);
    }
}

#[tokio::test]
async fn without_permission_to_ask_there_is_no_era_and_one_warning_of_it() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.address()).await;
    let _: () = tell(&server, "ACL SETUSER app on >secret ~* &* +@all -info").await;
    let journal = Journal::begin();
    let cache = patient(&format!("redis://app:secret@{}", proxy.address()));
    let mut sessions = Vec::new();
    for _ in 0..3 {
        let (_, era, session) = first_answer(&cache).await;
        assert_eq!(era, 0);
        assert!(!sessions.contains(&session));
        sessions.push(session);
        proxy.cut();
    }
    let warnings = journal.said(Level::WARN);
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    for word in ["INFO", "restart", "failover", "old values"] {
        assert!(warnings[0].contains(word), "no {word} in: {}", warnings[0]);
    }
    assert!(!warnings[0].contains("secret"));
}

#[tokio::test]
async fn without_permission_for_info_a_replica_is_refused_all_the_same() {
    let primary = RedisServer::start();
    let replica = RedisServer::options().replica_of(&primary).start();
    let _: () = tell(&replica, "ACL SETUSER app on >secret ~* &* +@all -info").await;
    let cache = patient(&format!("redis://app:secret@{}", replica.address()));
    assert_eq!(cache.get(&key("a")).await.unwrap_err().kind(), ErrorKind::ReadOnly);
    let unasked: Result<String, _> = answer(&replica, "INFO").await;
    assert!(unasked.is_ok(), "others may");
}

/// It says who it is before it has its data.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_still_loads_its_data_is_not_used_yet() {
    let mut server = RedisServer::options()
        .set("key-load-delay", &["50"])
        .set("loading-process-events-interval-bytes", &["1024"])
        .start();
    let cache = patient(&server.url());
    let fill = "for n = 1, 20000 do redis.call('SET', 'filler' .. n, n) end";
    let mut eval = redis::cmd("EVAL");
    let _: () = eval.arg(fill).arg(0).query_async(&mut raw(&server).await).await.unwrap();
    put(&cache, "kept").await;
    let _: () = tell(&server, "SAVE").await;
    let (era, session) = (cache.era(), cache.session());
    server.kill();
    assert!(cache.ping().await.is_err());
    // Probes go on while the server loads; the harness waits until it is done.
    server.restart();
    let (found, era_now, session_now) = first_answer(&cache).await;
    let why = format!("{:?}", cache.health().last_error);
    assert!(why.contains("BusyLoading"), "no probe came while it loaded: {why}");
    assert_eq!(found.as_deref(), Some(&b"kept"[..]), "all of it is there at the first answer");
    assert!(era_now != era && session_now != session);
}
