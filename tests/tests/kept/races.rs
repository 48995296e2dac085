//! Changes of one session at once, each order forced.

use cache_runtime::Step;
use cache_runtime::session::{Client, Sessions};
use tokio::task::JoinSet;

use crate::world::{Login, Logins, World, login, user};

/// Does this in the middle of a synchronous change: between its read and its write.
fn meanwhile<T>(work: impl Future<Output = T>) -> T {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(work))
}

/// What somebody else does between the read and the write of a change.
async fn end(
    way: u8,
    logins: &Logins,
    other: &Sessions<Login>,
    id: &cache_runtime::session::SessionId,
) {
    match way {
        0 => assert!(other.destroy(id).await.unwrap()),
        1 => assert_eq!(other.destroy_all(&7).await.unwrap(), 1),
        2 => assert!(other.destroy_listed(&7, id.digest()).await.unwrap()),
        3 => assert_eq!(other.destroy_everyone().await.unwrap(), 1),
        _ => {
            for _ in 0..5 {
                login(logins, 7).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_save_does_not_bring_a_destroyed_session_back() {
    for way in 0..5 {
        let world = World::new().await;
        let (here, elsewhere) = (world.process(), world.process());
        let (slow, other) = (here.apart(), elsewhere.apart());
        let id = login(&here, 7).await;
        world.cached(&here, &id).await;
        let saved = slow.update(&id, |login| {
            login.views += 1;
            meanwhile(end(way, &elsewhere, &other, &id));
        });
        assert_eq!(saved.await.unwrap(), None, "it came too late, and is told so");
        for sessions in [&slow, &other] {
            assert_eq!(sessions.get(&id).await.unwrap(), None);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_login_does_not_bring_a_destroyed_session_back() {
    let world = World::new().await;
    let (here, elsewhere) = (world.process(), world.process().apart());
    let id = here.create(&Login::default(), &Client::new()).await.unwrap();
    let moved = here.rotate(&id, |login| {
        login.user_id = Some(7);
        meanwhile(async { assert!(elsewhere.destroy(&id).await.unwrap()) });
    });
    assert_eq!(moved.await.unwrap(), None);
    assert_eq!(here.list(&7).await.unwrap(), []);
    assert_eq!(world.rows().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_update_that_a_rotation_overtakes_finds_the_old_id_dead() {
    let world = World::new().await;
    let (here, other) = (world.process().apart(), world.process().apart());
    let id = here.create(&user(7), &Client::new()).await.unwrap();
    let mut new = None;
    let saved = here.update(&id, |login| {
        login.views += 1;
        new = meanwhile(other.rotate(&id, |login| login.is_admin = true)).unwrap();
    });
    assert_eq!(saved.await.unwrap(), None, "whoever still has the old id changes nothing");
    let session = other.get(&new.unwrap()).await.unwrap().unwrap();
    assert_eq!((session.is_admin, session.views), (true, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_that_an_update_overtakes_keeps_the_update() {
    let world = World::new().await;
    let (here, other) = (world.process().apart(), world.process().apart());
    let id = here.create(&user(7), &Client::new()).await.unwrap();
    let mut calls = 0;
    let moved = here.rotate(&id, |login| {
        login.is_admin = true;
        calls += 1;
        if calls == 1 {
            meanwhile(other.update(&id, |login| login.views += 1)).unwrap().unwrap();
        }
    });
    let new = moved.await.unwrap().unwrap();
    let session = other.get(&new).await.unwrap().unwrap();
    assert_eq!((session.is_admin, session.views, calls), (true, 1, 2));
}

/// The update has changed the row and has not committed: the rotation waits for it, and takes along what it brought.
#[tokio::test]
async fn a_rotation_that_meets_an_update_in_its_commit_waits_for_it() {
    let world = World::new().await;
    let (here, other) = (world.observed().apart(), world.process().apart());
    let id = here.create(&user(7), &Client::new()).await.unwrap();
    let commit = world.stepper.park(Step::Commit, &world.key(&id));
    let saving = here.update(&id, |login| login.views += 1);
    let rotating = async {
        commit.arrived().await;
        let moving = other.rotate(&id, |login| login.is_admin = true);
        let opening = async {
            world.somebody_waits().await;
            commit.open();
        };
        let (moved, ()) = tokio::join!(moving, opening);
        moved.unwrap().unwrap()
    };
    let (saved, new) = tokio::join!(saving, rotating);
    assert_eq!(saved.unwrap(), Some(()));
    assert_eq!(other.get(&id).await.unwrap(), None);
    let session = other.get(&new).await.unwrap().unwrap();
    assert_eq!((session.is_admin, session.views), (true, 1));
}

/// The other way round: the update waits, and finds the old id dead.
#[tokio::test]
async fn an_update_that_meets_a_rotation_in_its_commit_changes_nothing() {
    let world = World::new().await;
    let (here, other) = (world.observed().apart(), world.process().apart());
    let id = here.create(&user(7), &Client::new()).await.unwrap();
    let commit = world.stepper.park(Step::Commit, &world.key(&id));
    let rotating = here.rotate(&id, |login| login.is_admin = true);
    let saving = async {
        commit.arrived().await;
        let saving = other.update(&id, |login| login.views += 1);
        let opening = async {
            world.somebody_waits().await;
            commit.open();
        };
        tokio::join!(saving, opening).0.unwrap()
    };
    let (new, saved) = tokio::join!(rotating, saving);
    assert_eq!(saved, None);
    let session = other.get(&new.unwrap().unwrap()).await.unwrap().unwrap();
    assert_eq!((session.is_admin, session.views), (true, 0));
}

/// Whoever logs out everywhere means the session under its new id as well.
#[tokio::test]
async fn an_end_of_all_that_meets_a_rotation_in_its_commit_ends_the_new_id() {
    for everyone in [false, true] {
        let world = World::new().await;
        let (here, other) = (world.observed().apart(), world.process().apart());
        let id = here.create(&user(7), &Client::new()).await.unwrap();
        let commit = world.stepper.park(Step::Commit, &world.key(&id));
        let rotating = here.rotate(&id, |login| login.is_admin = true);
        let ending = async {
            commit.arrived().await;
            let ending = async {
                match everyone {
                    true => other.destroy_everyone().await,
                    false => other.destroy_all(&7).await,
                }
            };
            let opening = async {
                world.somebody_waits().await;
                commit.open();
            };
            tokio::join!(ending, opening).0.unwrap()
        };
        let (new, ended) = tokio::join!(rotating, ending);
        assert_eq!(ended, 1);
        assert_eq!(other.get(&new.unwrap().unwrap()).await.unwrap(), None);
        assert_eq!(world.rows().await, 0);
    }
}

/// A visitor's session moves without a word to whoever ends all: it stays the same row, so that it is found.
#[tokio::test]
async fn an_end_of_everyone_finds_a_session_that_moves_meanwhile() {
    let world = World::new().await;
    let (here, other) = (world.observed().apart(), world.process().apart());
    let id = here.create(&Login::default(), &Client::new()).await.unwrap();
    let commit = world.stepper.park(Step::Commit, &world.key(&id));
    let rotating = here.rotate(&id, |_| ());
    let ending = async {
        commit.arrived().await;
        let opening = async {
            world.somebody_waits().await;
            commit.open();
        };
        tokio::join!(other.destroy_everyone(), opening).0.unwrap()
    };
    let (new, ended) = tokio::join!(rotating, ending);
    assert_eq!(ended, 1);
    assert_eq!(other.get(&new.unwrap().unwrap()).await.unwrap(), None);
}

/// A read that has to write down the use of a session waits for whoever is ending it.
#[tokio::test]
async fn a_read_that_meets_an_end_in_its_commit_finds_nothing() {
    let world = World::new().await;
    let (here, other) = (world.observed(), world.process());
    let id = login(&here, 7).await;
    world.pass(std::time::Duration::from_secs(600)).await;
    let commit = world.stepper.park(Step::Commit, &world.key(&id));
    let ending = here.destroy(&id);
    let reading = async {
        commit.arrived().await;
        let opening = async {
            world.somebody_waits().await;
            commit.open();
        };
        tokio::join!(other.get(&id), opening).0.unwrap()
    };
    let (ended, read) = tokio::join!(ending, reading);
    assert!(ended.unwrap());
    assert_eq!(read, None);
}

#[tokio::test]
async fn of_many_logins_at_once_no_more_live_than_may() {
    let world = World::new().await;
    let mut logging_in = JoinSet::new();
    for _ in 0..20 {
        let logins = world.process();
        logging_in.spawn(async move { login(&logins, 7).await });
    }
    let ids = logging_in.join_all().await;
    let logins = world.process();
    assert_eq!(logins.list(&7).await.unwrap().len(), 5);
    let mut alive = 0;
    for id in &ids {
        alive += usize::from(logins.touch(id).await.unwrap());
    }
    assert_eq!(alive, 5);
}

/// A login has its session, and is about to end the one that is too many. Whoever ends everyone waits, and does not take
/// that one before: each would then wait for what the other has.
#[tokio::test]
async fn a_login_and_an_end_of_everyone_do_not_wait_for_each_other() {
    let world = World::new().await;
    let (here, other) = (world.process().apart(), world.process().apart());
    here.create(&user(7), &Client::new()).await.unwrap();
    // The first in any order.
    sqlx::raw_sql(
        "UPDATE cache_runtime.sessions SET id = decode(repeat('00', 32), 'hex'), seen = seen - 1000; \
         CREATE FUNCTION pause() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN PERFORM pg_advisory_xact_lock_shared(42); RETURN NEW; END $$; \
         CREATE TRIGGER pause BEFORE UPDATE ON cache_runtime.sessions FOR EACH ROW EXECUTE FUNCTION pause()",
    )
    .execute(world.database.pool())
    .await
    .unwrap();
    for _ in 0..4 {
        here.create(&user(7), &Client::new()).await.unwrap();
    }
    let visitor = here.create(&Login::default(), &Client::new()).await.unwrap();
    let mut pausing = world.database.pool().begin().await.unwrap();
    sqlx::query("SELECT pg_advisory_xact_lock(42)").execute(&mut *pausing).await.unwrap();
    let logging_in = here.rotate(&visitor, |login| login.user_id = Some(7));
    let ending = async {
        world.so_many_wait(1).await;
        let going_on = async {
            world.so_many_wait(2).await;
            pausing.rollback().await.unwrap();
        };
        tokio::join!(other.destroy_everyone(), going_on).0
    };
    let (new, ended) = tokio::join!(logging_in, ending);
    assert_eq!(ended.unwrap(), 5);
    assert!(new.unwrap().is_some());
    assert_eq!(world.rows().await, 0);
}

/// Nobody waits for another in a circle.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_every_kind_at_once_all_come_to_an_end() {
    let world = World::new().await;
    let mut working = JoinSet::new();
    for number in 0..8_i64 {
        let logins = world.process();
        working.spawn(async move {
            let sessions = logins.apart();
            for round in 0..12 {
                let whose = round % 3;
                let id = sessions.create(&user(whose), &Client::new()).await.unwrap();
                let id = sessions.rotate(&id, |login| login.is_admin = true).await.unwrap();
                match (round + number) % 6 {
                    0 => drop(sessions.destroy_all(&whose).await.unwrap()),
                    1 => drop(sessions.destroy_everyone().await.unwrap()),
                    2 => drop(sessions.remove_ended().await.unwrap()),
                    3 => {
                        if let Some(id) = &id {
                            sessions.update(id, |login| login.views += 1).await.unwrap();
                        }
                    }
                    4 => {
                        if let Some(id) = &id {
                            sessions.destroy_others(id).await.unwrap();
                        }
                    }
                    _ => {
                        if let Some(id) = &id {
                            let moved = sessions.rotate(id, |login| login.user_id = Some(9));
                            moved.await.unwrap();
                        }
                    }
                }
            }
        });
    }
    while let Some(done) = working.join_next().await {
        done.unwrap();
    }
    for whose in [0, 1, 2, 9] {
        assert!(world.process().list(&whose).await.unwrap().len() <= 5);
    }
}
