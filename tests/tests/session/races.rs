//! Races, each forced: the calls of one process stall where the other has to come between.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cache_runtime::ErrorKind;
use cache_runtime::session::Client;
use cache_runtime::testing::{FaultyCache, Op};

use crate::world::{Login, Logins, World, login, manager, redis, user};

/// A process whose calls a test can stall.
fn slow(world: &World) -> (FaultyCache, Logins) {
    let cache = FaultyCache::over(Arc::new(redis(&world.url)));
    let logins = Logins { cache: manager(&world.namespace, Arc::new(cache.clone())) };
    (cache, logins)
}

#[tokio::test]
async fn a_late_save_does_not_bring_a_destroyed_session_back() {
    let world = World::new();
    let (stall, slow) = slow(&world);
    let other = world.process();
    for end in 0..4 {
        let id = login(&other, 7).await;
        stall.stall(Op::SessionWrite);
        let saving = slow.update(&id, |login| login.views += 1);
        let ending = async {
            stall.until_stalled(Op::SessionWrite).await;
            match end {
                0 => assert!(other.destroy(&id).await.unwrap()),
                1 => assert_eq!(other.destroy_all(&7).await.unwrap(), 1),
                2 => assert!(other.destroy_listed(&7, id.digest()).await.unwrap()),
                _ => assert!(other.destroy_everyone().await.unwrap() >= 2),
            }
            stall.resume(Op::SessionWrite);
        };
        let (saved, ()) = tokio::join!(saving, ending);
        assert_eq!(saved.unwrap(), None, "it came too late, and is told so");
        assert_eq!(other.get(&id).await.unwrap(), None);
        assert_eq!(slow.get(&id).await.unwrap(), None);
        assert_eq!(other.list(&7).await.unwrap(), []);
    }
    assert_eq!(world.keys("*").await, [""; 0], "nothing is left");
}

#[tokio::test]
async fn a_late_login_does_not_bring_a_destroyed_session_back() {
    let world = World::new();
    let (stall, slow) = slow(&world);
    let other = world.process();
    let id = other.create(&Login::default(), &Default::default()).await.unwrap();
    stall.stall(Op::SessionRotate);
    let rotating = slow.rotate(&id, |login| login.user_id = Some(7));
    let ending = async {
        stall.until_stalled(Op::SessionRotate).await;
        assert!(other.destroy(&id).await.unwrap());
        stall.resume(Op::SessionRotate);
    };
    let (moved, ()) = tokio::join!(rotating, ending);
    assert_eq!(moved.unwrap(), None);
    assert_eq!(other.list(&7).await.unwrap(), []);
}

#[tokio::test]
async fn an_update_that_a_rotation_overtakes_finds_the_old_id_dead() {
    let world = World::new();
    let (stall, slow) = slow(&world);
    let other = world.apart();
    let id = other.create(&user(7), &Client::new()).await.unwrap();
    stall.stall(Op::SessionWrite);
    let saving = slow.update(&id, |login| login.views += 1);
    let rotating = async {
        stall.until_stalled(Op::SessionWrite).await;
        let new = other.rotate(&id, |login| login.is_admin = true).await.unwrap().unwrap();
        stall.resume(Op::SessionWrite);
        new
    };
    let (saved, new) = tokio::join!(saving, rotating);
    assert_eq!(saved.unwrap(), None, "whoever still has the old id changes nothing");
    let session = other.get(&new).await.unwrap().unwrap();
    assert_eq!((session.is_admin, session.views), (true, 0));
}

#[tokio::test]
async fn a_rotation_that_an_update_overtakes_keeps_the_update() {
    let world = World::new();
    let (stall, slow) = slow(&world);
    let other = world.apart();
    let id = other.create(&user(7), &Client::new()).await.unwrap();
    stall.stall(Op::SessionRotate);
    let rotating = slow.rotate(&id, |login| login.is_admin = true);
    let saving = async {
        stall.until_stalled(Op::SessionRotate).await;
        assert_eq!(other.update(&id, |login| login.views += 1).await.unwrap(), Some(()));
        stall.resume(Op::SessionRotate);
    };
    let (moved, ()) = tokio::join!(rotating, saving);
    let new = moved.unwrap().unwrap();
    let session = other.get(&new).await.unwrap().unwrap();
    assert_eq!((session.is_admin, session.views), (true, 1));
    assert_eq!(stall.calls(Op::SessionRotate), 2);
}

#[tokio::test]
async fn of_two_rotations_of_one_session_one_has_it() {
    let world = World::new();
    let (stall, slow) = slow(&world);
    let other = world.apart();
    let id = other.create(&user(7), &Client::new()).await.unwrap();
    stall.stall(Op::SessionRotate);
    let first = slow.rotate(&id, |_| ());
    let second = async {
        stall.until_stalled(Op::SessionRotate).await;
        let new = other.rotate(&id, |_| ()).await.unwrap();
        stall.resume(Op::SessionRotate);
        new
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first.unwrap(), None);
    assert!(other.touch(&second.unwrap()).await.unwrap());
    assert_eq!(other.list(&7).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_setter_of_one_field_leaves_the_others_to_others() {
    let world = World::new();
    let (stall, slow) = slow(&world);
    let other = world.apart();
    let id = other.create(&user(7), &Client::new()).await.unwrap();
    stall.stall(Op::SessionWrite);
    let setting = slow.set_theme(&id, "dark".to_owned());
    let saving = async {
        stall.until_stalled(Op::SessionWrite).await;
        other.update(&id, |login| login.views += 1).await.unwrap().unwrap();
        stall.resume(Op::SessionWrite);
    };
    let (set, ()) = tokio::join!(setting, saving);
    assert!(set.unwrap());
    let session = other.get(&id).await.unwrap().unwrap();
    assert_eq!((&*session.theme, session.views), ("dark", 1));
    assert!(other.destroy(&id).await.unwrap());
    assert!(!slow.set_theme(&id, "light".to_owned()).await.unwrap());
}

/// The end of many sessions is one step, whatever their number, and no process keeps anything that could be old.
#[tokio::test]
async fn all_sessions_of_a_user_end_everywhere_within_ten_milliseconds() {
    let world = World::new();
    let elsewhere = world.process();
    let here = world.process();
    let mut best = Duration::MAX;
    // The machine may be busy in one of the rounds.
    for _ in 0..20 {
        let mut ids = Vec::new();
        for _ in 0..40 {
            ids.push(login(&here, 7).await);
            assert!(elsewhere.touch(ids.last().unwrap()).await.unwrap());
        }
        let bob = login(&here, 8).await;
        let began = Instant::now();
        assert_eq!(here.destroy_all(&7).await.unwrap(), 40);
        // What is asked after the answer finds none of them alive: at once, and not only within that time.
        assert!(!elsewhere.touch(&ids[0]).await.unwrap());
        best = best.min(began.elapsed());
        for id in &ids {
            assert!(!elsewhere.touch(id).await.unwrap());
        }
        assert!(elsewhere.touch(&bob).await.unwrap());
    }
    assert!(best < Duration::from_millis(10), "at best {best:?}");
}

#[tokio::test]
async fn an_id_that_nobody_was_given_is_never_adopted() {
    let world = World::new();
    let logins = world.process();
    let chosen = cache_runtime::session::SessionId::parse("A".repeat(43)).unwrap();
    assert_eq!(logins.get(&chosen).await.unwrap(), None);
    assert_eq!(logins.update(&chosen, |login| *login = user(7)).await.unwrap(), None);
    assert_eq!(logins.rotate(&chosen, |login| *login = user(7)).await.unwrap(), None);
    assert!(!logins.destroy(&chosen).await.unwrap());
    assert_eq!(world.keys("*").await, [""; 0]);
    let changed = logins.update(&login(&logins, 7).await, |login| login.user_id = Some(8)).await;
    assert_eq!(changed.unwrap_err().kind(), ErrorKind::NeedsRotation);
}
