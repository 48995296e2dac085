//! Redis is away, or Postgres is.

use std::time::Duration;

use cache_runtime::session::{Client, SessionId};
use cache_runtime::{CacheManager, ErrorKind, OnUnreachable, migrate};
use sqlx::postgres::PgPoolOptions;
use tests::{PostgresServer, RedisServer, TestDatabase, eventually, in_time};

use crate::world::{Login, Logins, World, login, user};

#[tokio::test]
async fn without_redis_sessions_go_on_where_there_is_a_relay() {
    let mut server = RedisServer::start();
    let world = World::at(&server.url()).await;
    let logins = world.process();
    let _relay = logins.cache.relay(&logins.db).spawn().unwrap();
    let id = login(&logins, 7).await;
    eventually("it is cached", || async {
        assert!(logins.touch(&id).await.unwrap());
        world.entry(&id).await == Some(b'V')
    })
    .await;
    server.kill();
    let all = async {
        assert_eq!(logins.get(&id).await.unwrap().unwrap().views, 0);
        logins.update(&id, |login| login.views += 1).await.unwrap().unwrap();
        let new = logins.rotate(&id, |login| login.is_admin = true).await.unwrap().unwrap();
        assert!(!logins.touch(&id).await.unwrap());
        let session = logins.get(&new).await.unwrap().unwrap();
        assert_eq!((session.views, session.is_admin), (1, true));
        let other = login(&logins, 7).await;
        assert_eq!(logins.list(&7).await.unwrap().len(), 2);
        assert_eq!(logins.destroy_others(&new).await.unwrap(), 1);
        assert!(!logins.touch(&other).await.unwrap());
        assert!(logins.destroy(&new).await.unwrap());
        assert!(!logins.touch(&new).await.unwrap());
    };
    in_time("everything that can be done with sessions", all).await;
}

/// Nobody could tell other processes: so nothing is changed, and the caller is told.
#[tokio::test]
async fn without_redis_and_without_a_relay_nothing_ends_and_that_is_an_error() {
    let mut server = RedisServer::start();
    let world = World::at(&server.url()).await;
    for policy in [OnUnreachable::Outbox, OnUnreachable::Reject, OnUnreachable::Proceed] {
        let logins = world.logins(world.builder().on_unreachable(policy));
        let id = login(&logins, 7).await;
        server.kill();
        let kind = |answer: cache_runtime::Result<()>| answer.unwrap_err().kind();
        let kinds = [
            kind(logins.update(&id, |login| login.views += 1).await.map(drop)),
            kind(logins.rotate(&id, |_| ()).await.map(drop)),
            kind(logins.destroy(&id).await.map(drop)),
            kind(logins.destroy_all(&7).await.map(drop)),
            kind(logins.destroy_everyone().await.map(drop)),
        ];
        assert_eq!(kinds, [ErrorKind::HoldNotPlaced; 5]);
        let session = logins.get(&id).await.unwrap().unwrap();
        assert_eq!((session.views, session.user_id), (0, Some(7)), "nothing was half made");
        assert!(logins.touch(&login(&logins, 8).await).await.unwrap(), "who comes is let in");
        server.restart();
        eventually("it can end again", || async { logins.destroy(&id).await.is_ok() }).await;
    }
}

/// A process that does not reach Redis ends a session that others have cached: they hear of it by the outbox.
#[tokio::test]
async fn a_logout_of_a_process_that_is_cut_off_is_seen_by_the_others() {
    let server = RedisServer::start();
    let world = World::at(&server.url()).await;
    let proxy = tests::Proxy::start(server.address()).await;
    let cut_off = world.logins(world.builder().redis(&proxy.url(&server.url())));
    let others = world.process();
    let relay = |logins: &Logins| logins.cache.relay(&logins.db).spawn().unwrap();
    let _relays = [relay(&cut_off), relay(&others)];
    for way in 0..3 {
        proxy.forward();
        let id = login(&cut_off, 7).await;
        eventually("it is cached", || async {
            assert!(others.touch(&id).await.unwrap());
            world.entry(&id).await == Some(b'V')
        })
        .await;
        proxy.refuse();
        let ending = async {
            match way {
                0 => assert!(cut_off.destroy(&id).await.unwrap()),
                1 => assert_eq!(cut_off.destroy_all(&7).await.unwrap(), 1),
                _ => drop(cut_off.rotate(&id, |_| ()).await.unwrap().unwrap()),
            }
        };
        in_time("the end", ending).await;
        assert_eq!(others.get(&id).await.unwrap(), None, "way {way}");
    }
}

/// Every call that needs the database, and what it failed with.
async fn failures(logins: &Logins, id: &SessionId) -> Vec<Option<ErrorKind>> {
    let kind = |answer: cache_runtime::Result<()>| answer.err().map(|error| error.kind());
    vec![
        kind(logins.update(id, |login| login.views += 1).await.map(drop)),
        kind(logins.rotate(id, |login| login.is_admin = true).await.map(drop)),
        kind(logins.create(&user(7), &Client::new()).await.map(drop)),
        kind(logins.create(&Login::default(), &Client::new()).await.map(drop)),
        kind(logins.list(&7).await.map(drop)),
        kind(logins.destroy(id).await.map(drop)),
        kind(logins.destroy_others(id).await.map(drop)),
        kind(logins.destroy_listed(&7, id.digest()).await.map(drop)),
        kind(logins.destroy_all(&7).await.map(drop)),
        kind(logins.destroy_everyone().await.map(drop)),
        kind(logins.remove_ended().await.map(drop)),
    ]
}

#[tokio::test]
async fn without_postgres_a_cached_session_is_read_and_nothing_else_is_done() {
    let mut server = PostgresServer::start();
    let database = TestDatabase::create_on(&server).await;
    migrate(database.pool()).await.unwrap();
    let redis = RedisServer::start();
    let impatient = PgPoolOptions::new().acquire_timeout(Duration::from_millis(500));
    let db = impatient.connect(database.url()).await.unwrap();
    let world = World::with(database, &redis.url());
    let cache = world.builder().build().unwrap();
    let logins = Logins { db, cache };
    let (warm, cold) = (login(&logins, 7).await, login(&logins, 8).await);
    world.cached(&logins, &warm).await;
    server.stop();
    assert_eq!(logins.get(&warm).await.unwrap().unwrap().user_id, Some(7));
    let away = [ErrorKind::Unreachable, ErrorKind::Timeout];
    let unknown = SessionId::parse("A".repeat(43)).unwrap();
    for id in [&cold, &unknown] {
        let error = logins.get(id).await.unwrap_err();
        assert!(away.contains(&error.kind()), "nobody is admitted or taken for gone: {error:?}");
    }
    for (call, kind) in failures(&logins, &warm).await.into_iter().enumerate() {
        assert!(kind.is_some_and(|kind| away.contains(&kind)), "call {call}: {kind:?}");
    }
    server.restart();
    eventually("all is as it was", || async {
        logins.list(&7).await.is_ok_and(|listed| listed.len() == 1)
    })
    .await;
    let session = logins.get(&warm).await.unwrap().unwrap();
    assert_eq!((session.views, session.is_admin), (0, false), "nothing was made");
    assert!(logins.touch(&cold).await.unwrap());
}

/// It may not know yet who was logged out.
#[tokio::test]
async fn a_postgres_that_follows_another_admits_nobody() {
    let mut server = PostgresServer::start();
    let database = TestDatabase::create_on(&server).await;
    migrate(database.pool()).await.unwrap();
    let redis = RedisServer::start();
    let impatient = PgPoolOptions::new().acquire_timeout(Duration::from_secs(2));
    let db = impatient.connect(database.url()).await.unwrap();
    let world = World::with(database, &redis.url());
    let logins = Logins { db, cache: world.builder().build().unwrap() };
    let id = login(&logins, 7).await;
    server.stop();
    server.restart_as_follower();
    eventually("it answers again", || async {
        sqlx::query("SELECT 1").execute(&logins.db).await.is_ok()
    })
    .await;
    let unknown = SessionId::parse("A".repeat(43)).unwrap();
    for id in [&id, &unknown] {
        let error = logins.get(id).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ReadOnly, "{error:?}");
    }
    for (call, kind) in failures(&logins, &id).await.into_iter().enumerate() {
        assert_eq!(kind, Some(ErrorKind::ReadOnly), "call {call}");
    }
}

#[tokio::test]
async fn a_database_without_the_table_says_what_to_do() {
    let database = TestDatabase::create().await;
    let world = World::with(database, &tests::Servers::shared().redis_url());
    let logins = world.process();
    let error = logins.create(&user(7), &Client::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("cache_runtime::migrate"), "{error}");
}

#[tokio::test]
async fn sessions_of_another_namespace_than_their_managers_are_refused() {
    let world = World::new().await;
    let logins = world.process();
    let other = CacheManager::builder("elsewhere").memory().build().unwrap();
    let sessions = cache_runtime::session::Sessions::over(
        logins.cache.kept_sessions(&logins.db),
        other.namespace(),
        &<Logins as cache_runtime::session::SessionRepository>::CONFIG,
    )
    .unwrap();
    let id = SessionId::parse("A".repeat(43)).unwrap();
    assert_eq!(sessions.get(&id).await.unwrap_err().kind(), ErrorKind::Config);
}

/// One connection is enough for all of it.
#[tokio::test]
async fn a_pool_of_one_connection_is_enough() {
    let world = World::new().await;
    let db = world.database.connect(1).await;
    let logins = Logins { db, cache: world.builder().build().unwrap() };
    let all = async {
        let id = login(&logins, 7).await;
        world.pass(Duration::from_secs(600)).await;
        let reads = (0..20).map(|_| logins.touch(&id));
        for read in reads {
            assert!(read.await.unwrap());
        }
        let sessions = logins.apart();
        let other = logins.apart();
        let (one, two) = tokio::join!(
            sessions.update(&id, |login| login.views += 1),
            other.update(&id, |login| login.views += 1),
        );
        assert_eq!((one.unwrap(), two.unwrap()), (Some(()), Some(())));
        let new = logins.rotate(&id, |_| ()).await.unwrap().unwrap();
        assert_eq!(logins.get(&new).await.unwrap().unwrap().views, 2);
        assert_eq!(logins.destroy_everyone().await.unwrap(), 1);
    };
    in_time("everything", all).await;
}
