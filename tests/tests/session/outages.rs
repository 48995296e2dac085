//! A Redis that is away, takes no writes, is full, or has something else where a session should stand.

use std::time::Duration;

use cache_runtime::session::{Client, SessionId};
use cache_runtime::{CacheManager, ErrorKind};
use redis::aio::MultiplexedConnection;
use tests::{Proxy, RedisServer, eventually};

use crate::world::{Login, Logins, World, login, user};

/// Every call, and what it failed with.
async fn failures(logins: &Logins, id: &SessionId) -> Vec<Option<ErrorKind>> {
    let kind = |answer: cache_runtime::Result<()>| answer.err().map(|error| error.kind());
    vec![
        kind(logins.get(id).await.map(drop)),
        kind(logins.touch(id).await.map(drop)),
        kind(logins.update(id, |login| login.views += 1).await.map(drop)),
        kind(logins.rotate(id, |_| ()).await.map(drop)),
        kind(logins.create(&user(7), &Client::new()).await.map(drop)),
        kind(logins.list(&7).await.map(drop)),
        kind(logins.destroy(id).await.map(drop)),
        kind(logins.destroy_others(id).await.map(drop)),
        kind(logins.destroy_listed(&7, id.digest()).await.map(drop)),
        kind(logins.destroy_all(&7).await.map(drop)),
        kind(logins.destroy_everyone().await.map(drop)),
    ]
}

#[tokio::test]
async fn a_redis_that_is_away_admits_nobody_and_logs_nobody_out() {
    let mut server = RedisServer::options().durable().start();
    let world = World::at(&server.url());
    let logins = world.process();
    let id = login(&logins, 7).await;
    server.kill();
    for (call, kind) in failures(&logins, &id).await.into_iter().enumerate() {
        assert_eq!(kind, Some(ErrorKind::Unreachable), "call {call}");
    }
    server.restart();
    eventually("the session is what it was", || async {
        logins.get(&id).await.is_ok_and(|session| session.is_some())
    })
    .await;
    assert_eq!(logins.list(&7).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_redis_that_hangs_costs_a_bounded_time() {
    let mut server = RedisServer::start();
    let cache = CacheManager::builder("shop").redis(&server.url()).build().unwrap();
    let logins = Logins { cache };
    let id = login(&logins, 7).await;
    server.pause();
    let began = std::time::Instant::now();
    let error = logins.get(&id).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    server.resume();
    eventually("it goes on", || async { logins.touch(&id).await.is_ok_and(|alive| alive) }).await;
}

/// A replica may not know yet who was logged out: it admits nobody, also where a read would write nothing.
#[tokio::test]
async fn a_replica_admits_nobody() {
    let mut primary = RedisServer::start();
    let world = World::at(&primary.url());
    let logins = world.process();
    let id = login(&logins, 7).await;
    assert!(logins.touch(&id).await.unwrap());
    let other = RedisServer::start();
    let mut raw = world.raw().await;
    let () = redis::cmd("REPLICAOF")
        .arg("127.0.0.1")
        .arg(other.port())
        .query_async(&mut raw)
        .await
        .unwrap();
    // Whether it is asked over the old connection, which is left, or over none.
    for (call, kind) in failures(&logins, &id).await.into_iter().enumerate() {
        let expected = [ErrorKind::ReadOnly, ErrorKind::Unreachable];
        assert!(kind.is_some_and(|kind| expected.contains(&kind)), "call {call}: {kind:?}");
    }
    primary.kill();
}

/// There may be another primary by now, which knows who was logged out: also where a read would write nothing.
#[tokio::test]
async fn a_primary_that_hears_of_no_replica_admits_nobody_where_it_needs_one_to_write() {
    let server = RedisServer::start();
    let world = World::at(&server.url());
    let logins = world.process();
    let id = login(&logins, 7).await;
    assert!(logins.touch(&id).await.unwrap());
    let needs = async |replicas: &str| {
        let () = redis::cmd("CONFIG")
            .arg(&["SET", "min-replicas-to-write", replicas])
            .query_async(&mut world.raw().await)
            .await
            .unwrap();
    };
    needs("1").await;
    for (call, kind) in failures(&logins, &id).await.into_iter().enumerate() {
        assert!(kind.is_some(), "call {call}");
    }
    needs("0").await;
    assert!(logins.touch(&id).await.unwrap());
}

#[tokio::test]
async fn a_full_redis_begins_no_session_and_ends_those_it_has() {
    let server = RedisServer::options().max_memory(64 << 20).start();
    let world = World::at(&server.url());
    let logins = world.process();
    let id = login(&logins, 7).await;
    let mut raw = world.raw().await;
    let () = redis::cmd("CONFIG")
        .arg(&["SET", "maxmemory-policy", "noeviction", "maxmemory", "1"])
        .query_async(&mut raw)
        .await
        .unwrap();
    let full = |answer: cache_runtime::Result<()>| answer.unwrap_err().kind();
    let created = logins.create(&Login::default(), &Client::new()).await.map(drop);
    assert_eq!(full(created), ErrorKind::OutOfMemory);
    let updated = logins.update(&id, |login| login.views += 1).await.map(drop);
    assert_eq!(full(updated), ErrorKind::OutOfMemory);
    assert_eq!(full(logins.rotate(&id, |_| ()).await.map(drop)), ErrorKind::OutOfMemory);
    assert_eq!(logins.get(&id).await.unwrap().unwrap().views, 0, "nothing was half made");
    assert_eq!(logins.list(&7).await.unwrap().len(), 1);
    assert!(logins.destroy(&id).await.unwrap(), "a logout needs no memory");
    assert!(!logins.touch(&id).await.unwrap());
}

#[tokio::test]
async fn what_is_no_session_at_its_key_admits_nobody() {
    let world = World::new();
    let logins = world.process();
    let mut raw = world.raw().await;
    let id = SessionId::parse("A".repeat(43)).unwrap();
    let key = format!("{{{}:session:=Logins}}:={}", world.namespace, id.digest());
    // Another data type; fields that are missing; times and data that are none.
    let () = redis::cmd("SET").arg(&key).arg("x").query_async(&mut raw).await.unwrap();
    assert!(logins.get(&id).await.is_err());
    for fields in [
        &["v", "1"][..],
        &["v", "1", "c", "x", "s", "y", "a", "z", "d", "w"],
        &["v", "1", "c", "9", "s", "99999999999999", "a", "99999999999999", "d", "rubbish"],
        &["v", "1", "c", "99999999999999", "s", "99999999999999", "a", "99999999999999"],
        &["d", "rubbish"],
    ] {
        let () = redis::cmd("DEL").arg(&key).query_async(&mut raw).await.unwrap();
        let () = redis::cmd("HSET").arg(&key).arg(fields).query_async(&mut raw).await.unwrap();
        assert!(!matches!(logins.get(&id).await, Ok(Some(_))), "{fields:?}");
        assert!(!matches!(logins.update(&id, |_| ()).await, Ok(Some(()))), "{fields:?}");
        assert!(!matches!(logins.rotate(&id, |_| ()).await, Ok(Some(_))), "{fields:?}");
    }
}

/// Makes keys such as those of so many sessions.
async fn fill(world: &World, sessions: u32) -> MultiplexedConnection {
    let mut raw = world.raw().await;
    let head = format!("{{{}:session:=Logins}}:=", world.namespace);
    let script = "for number = 1, ARGV[2] do redis.call('HSET', ARGV[1] .. number, 'v', 1) end";
    let () = redis::cmd("EVAL")
        .arg(script)
        .arg(0)
        .arg(head)
        .arg(sessions)
        .query_async(&mut raw)
        .await
        .unwrap();
    raw
}

/// What a server says of where a walk goes on means nothing to another one, nor to itself after a restart.
#[tokio::test]
async fn everybody_is_logged_out_also_where_the_server_is_another_one_in_mid_walk() {
    let (old, new) = (RedisServer::start(), RedisServer::start());
    let at_old = World::at(&old.url());
    let at_new = World { url: new.url(), namespace: at_old.namespace.clone() };
    let mut raw = fill(&at_old, 5_000).await;
    fill(&at_new, 5_000).await;
    let proxy = Proxy::start(old.address()).await;
    let world = World { url: proxy.url(&at_old.url), namespace: at_old.namespace.clone() };
    let logins = world.process();
    let backend = logins.cache.backend();
    backend.ping().await.unwrap();
    proxy.delay(Duration::from_millis(20));
    let walk = logins.destroy_everyone();
    tokio::pin!(walk);
    let begun = async {
        loop {
            let figures: String =
                redis::cmd("INFO").arg("commandstats").query_async(&mut raw).await.unwrap();
            if figures.contains("cmdstat_scan:") {
                break;
            }
        }
    };
    tokio::select! {
        ended = &mut walk => panic!("it has ended: {ended:?}"),
        () = begun => {}
    }
    // Nobody looks at the walk any more. Its last answer comes before that of a later call.
    backend.ping().await.unwrap();
    proxy.forward();
    let connections = proxy.connections();
    proxy.retarget(new.address());
    eventually("calls go to the other server", || async {
        backend.ping().await.is_ok() && proxy.connections() > connections
    })
    .await;
    walk.await.unwrap();
    assert_eq!(at_new.keys("*").await.len(), 0);
}
