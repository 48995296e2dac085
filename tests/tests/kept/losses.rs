//! A Redis that loses everything, or comes back with what it knew, logs nobody out and brings nobody back.

use cache_runtime::Step;
use cache_runtime::session::SessionId;
use tests::{RedisServer, eventually, in_time};

use crate::world::{Logins, World, login};

async fn all_are(alive: bool, logins: &Logins, ids: &[SessionId]) {
    for (number, id) in ids.iter().enumerate() {
        assert_eq!(logins.get(id).await.unwrap().is_some(), alive, "session {number}");
    }
}

#[tokio::test]
async fn a_redis_that_is_emptied_logs_nobody_out_and_brings_nobody_back() {
    let server = RedisServer::start();
    let world = World::at(&server.url()).await;
    let (here, elsewhere) = (world.process(), world.process());
    let (mut living, mut dead) = (Vec::new(), Vec::new());
    for number in 0..40 {
        let id = login(&here, number).await;
        world.cached(&elsewhere, &id).await;
        match number % 4 {
            0 => living.push(id),
            1 => {
                assert!(here.destroy(&id).await.unwrap());
                dead.push(id);
            }
            2 => {
                assert_eq!(here.destroy_all(&number).await.unwrap(), 1);
                dead.push(id);
            }
            _ => {
                living.push(here.rotate(&id, |login| login.views += 1).await.unwrap().unwrap());
                dead.push(id);
            }
        }
    }
    for round in 0..3 {
        world.flush().await;
        for logins in [&here, &elsewhere] {
            all_are(true, logins, &living).await;
            all_are(false, logins, &dead).await;
        }
        let changed = here.update(&living[0], |login| login.views += 1).await.unwrap();
        assert_eq!(changed, Some(()), "round {round}");
    }
    assert_eq!(elsewhere.get(&living[0]).await.unwrap().unwrap().views, 3);
}

/// The hold of a logout is lost, and somebody keeps the session before the logout is committed.
#[tokio::test]
async fn a_hold_that_redis_loses_does_not_leave_the_session_there() {
    let server = RedisServer::start();
    let world = World::at(&server.url()).await;
    let (here, elsewhere) = (world.observed(), world.process());
    let id = login(&here, 7).await;
    let commit = world.stepper.park(Step::Commit, &world.key(&id));
    let ending = here.destroy(&id);
    let losing = async {
        commit.arrived().await;
        world.flush().await;
        world.cached(&elsewhere, &id).await;
        commit.open();
    };
    let (ended, ()) = tokio::join!(ending, losing);
    assert!(ended.unwrap());
    assert_eq!(elsewhere.get(&id).await.unwrap(), None);
    assert_eq!(here.get(&id).await.unwrap(), None);
}

/// And the process that logs out dies right after its commit: what it left in the outbox takes the session away.
#[tokio::test]
async fn a_process_that_dies_while_redis_loses_its_hold_leaves_no_session_behind() {
    for way in 0..4 {
        let server = RedisServer::start();
        let world = World::at(&server.url()).await;
        let (here, elsewhere) = (world.observed(), world.process());
        let relay = |logins: &Logins| logins.cache.relay(&logins.db).spawn().unwrap();
        let _relays = [relay(&here), relay(&elsewhere)];
        let id = login(&here, 7).await;
        let key = world.key(&id);
        let commit = world.stepper.park(Step::Commit, &key);
        // Never opened: there it dies.
        let release = world.stepper.park(Step::Release, &key);
        let dying = tokio::spawn({
            let id = id.clone();
            async move {
                match way {
                    0 => drop(here.destroy(&id).await),
                    1 => drop(here.destroy_all(&7).await),
                    2 => drop(here.destroy_everyone().await),
                    _ => drop(here.rotate(&id, |login| login.is_admin = true).await),
                }
            }
        });
        commit.arrived().await;
        world.flush().await;
        // A flush takes away what was there, and the relay may not have drained yet.
        eventually("the session is cached", || async {
            elsewhere.touch(&id).await.unwrap() && world.entry(&id).await == Some(b'V')
        })
        .await;
        commit.open();
        release.arrived().await;
        eventually("the session has ended everywhere", || async {
            elsewhere.get(&id).await.unwrap().is_none()
        })
        .await;
        dying.abort();
    }
}

/// Whatever has put a session that has ended back into Redis: a logout takes it away, and so does a change.
#[tokio::test]
async fn whoever_finds_that_a_session_has_ended_takes_it_out_of_redis() {
    for way in 0..3 {
        let world = World::new().await;
        let logins = world.process();
        let id = login(&logins, 7).await;
        world.cached(&logins, &id).await;
        let mut raw = world.raw().await;
        let key = world.key(&id);
        let entry: Vec<u8> =
            redis::cmd("GET").arg(key.as_str()).query_async(&mut raw).await.unwrap();
        assert!(logins.destroy(&id).await.unwrap());
        let put = redis::cmd("SET").arg(key.as_str()).arg(entry).arg("PX").arg(60_000).to_owned();
        let () = put.query_async(&mut raw).await.unwrap();
        assert!(logins.touch(&id).await.unwrap(), "the forgery is believed");
        match way {
            0 => assert!(!logins.destroy(&id).await.unwrap()),
            1 => assert_eq!(logins.update(&id, |login| login.views += 1).await.unwrap(), None),
            _ => assert_eq!(logins.rotate(&id, |_| ()).await.unwrap(), None),
        }
        assert_eq!(logins.get(&id).await.unwrap(), None, "way {way}");
    }
}

/// It knows the session again that was ended while it was away.
#[tokio::test]
async fn a_redis_that_comes_back_with_old_data_brings_nobody_back() {
    let mut server = RedisServer::options().durable().start();
    let world = World::at(&server.url()).await;
    let (here, elsewhere) = (world.process(), world.process());
    let relay = |logins: &Logins| logins.cache.relay(&logins.db).spawn().unwrap();
    let _relays = [relay(&here), relay(&elsewhere)];
    let (gone, stays) = (login(&here, 7).await, login(&here, 8).await);
    eventually("both are cached", || async {
        elsewhere.touch(&gone).await.unwrap();
        elsewhere.touch(&stays).await.unwrap();
        world.entry(&gone).await == Some(b'V') && world.entry(&stays).await == Some(b'V')
    })
    .await;
    server.kill();
    assert!(in_time("a logout", here.destroy(&gone)).await.unwrap());
    assert!(!elsewhere.touch(&gone).await.unwrap());
    server.restart();
    eventually("Redis is reached again", || async { elsewhere.cache.ping().await.is_ok() }).await;
    for _ in 0..50 {
        for logins in [&here, &elsewhere] {
            assert!(!logins.touch(&gone).await.unwrap(), "it lives again");
            assert!(logins.touch(&stays).await.unwrap(), "it was logged out");
        }
    }
    eventually("sessions are cached again", || async {
        assert!(!elsewhere.touch(&gone).await.unwrap() && elsewhere.touch(&stays).await.unwrap());
        world.entry(&stays).await == Some(b'V')
    })
    .await;
}
