//! What a slow reader has loaded is kept nowhere once the session was changed or has ended. Each interleaving is forced,
//! step by step.

use cache_runtime::Step;
use cache_runtime::session::SessionId;
use tests::eventually;

use crate::world::{Logins, World, login};

/// The ways in which a session ends under its id.
const ENDS: [&str; 6] =
    ["destroy", "destroy_all", "destroy_listed", "destroy_everyone", "rotate", "too many"];

async fn end(way: &str, logins: &Logins, id: &SessionId) {
    match way {
        "destroy" => assert!(logins.destroy(id).await.unwrap()),
        "destroy_all" => assert_eq!(logins.destroy_all(&7).await.unwrap(), 1),
        "destroy_listed" => assert!(logins.destroy_listed(&7, id.digest()).await.unwrap()),
        "destroy_everyone" => assert_eq!(logins.destroy_everyone().await.unwrap(), 1),
        "rotate" => drop(logins.rotate(id, |_| ()).await.unwrap().unwrap()),
        _ => {
            for _ in 0..5 {
                login(logins, 7).await;
            }
        }
    }
}

#[tokio::test]
async fn a_late_fill_does_not_bring_back_what_has_ended() {
    for way in ENDS {
        let world = World::new().await;
        let (here, elsewhere) = (world.observed(), world.process());
        let id = login(&elsewhere, 7).await;
        let fill = world.stepper.park(Step::Fill, &world.key(&id));
        assert!(here.touch(&id).await.unwrap());
        fill.arrived().await;
        end(way, &elsewhere, &id).await;
        fill.open();
        eventually("the fill is refused", || async { here.cache.stats().rejected_fills == 1 })
            .await;
        for logins in [&here, &elsewhere] {
            assert_eq!(logins.get(&id).await.unwrap(), None, "{way}");
            assert!(!logins.touch(&id).await.unwrap(), "{way}");
        }
    }
}

/// The reader has its lease, and has not asked the database yet.
#[tokio::test]
async fn a_late_load_finds_nothing_of_what_has_ended() {
    for way in ENDS {
        let world = World::new().await;
        let (here, elsewhere) = (world.observed(), world.process());
        let id = login(&elsewhere, 7).await;
        let load = world.stepper.park(Step::Load, &world.key(&id));
        let reading = here.get(&id);
        let ending = async {
            load.arrived().await;
            end(way, &elsewhere, &id).await;
            load.open();
        };
        let (read, ()) = tokio::join!(reading, ending);
        assert_eq!(read.unwrap(), None, "{way}");
        assert_eq!(elsewhere.get(&id).await.unwrap(), None, "{way}");
    }
}

#[tokio::test]
async fn an_end_is_seen_by_every_process_that_had_the_session_cached() {
    for way in ENDS {
        let world = World::new().await;
        let (here, elsewhere) = (world.process(), world.process());
        let id = login(&here, 7).await;
        world.cached(&elsewhere, &id).await;
        end(way, &here, &id).await;
        assert_eq!(elsewhere.get(&id).await.unwrap(), None, "{way}");
    }
}

#[tokio::test]
async fn a_late_fill_does_not_bring_back_data_that_were_changed() {
    let world = World::new().await;
    let (here, elsewhere) = (world.observed(), world.process());
    let id = login(&elsewhere, 7).await;
    let fill = world.stepper.park(Step::Fill, &world.key(&id));
    assert_eq!(here.get(&id).await.unwrap().unwrap().views, 0);
    fill.arrived().await;
    elsewhere.update(&id, |login| login.views += 1).await.unwrap().unwrap();
    fill.open();
    eventually("the fill is refused", || async { here.cache.stats().rejected_fills == 1 }).await;
    assert_eq!(here.get(&id).await.unwrap().unwrap().views, 1);
    assert_eq!(elsewhere.get(&id).await.unwrap().unwrap().views, 1);
}

/// The end is about to be committed: whoever asks now is told what is true now, and keeps nothing of it.
#[tokio::test]
async fn between_the_hold_and_the_commit_of_an_end_nothing_is_kept() {
    let world = World::new().await;
    let (here, elsewhere) = (world.observed(), world.process());
    let id = login(&elsewhere, 7).await;
    world.cached(&elsewhere, &id).await;
    let commit = world.stepper.park(Step::Commit, &world.key(&id));
    let ending = here.destroy(&id);
    let meanwhile = async {
        commit.arrived().await;
        for _ in 0..3 {
            assert!(elsewhere.touch(&id).await.unwrap(), "it has not ended yet");
            assert_eq!(world.entry(&id).await, Some(b'H'));
        }
        commit.open();
    };
    let (ended, ()) = tokio::join!(ending, meanwhile);
    assert!(ended.unwrap());
    assert_eq!(elsewhere.get(&id).await.unwrap(), None);
}

/// A logout is one also where the browser did not wait for the answer.
#[tokio::test]
async fn a_logout_whose_caller_goes_away_is_one() {
    let world = World::new().await;
    let (here, elsewhere) = (world.observed(), world.process());
    let id = login(&elsewhere, 7).await;
    world.cached(&elsewhere, &id).await;
    for step in [Step::Hold, Step::Commit, Step::Release] {
        let id = login(&elsewhere, 8).await;
        world.cached(&elsewhere, &id).await;
        let gate = world.stepper.park(step, &world.key(&id));
        {
            let mut ending = Box::pin(here.destroy(&id));
            tokio::select! {
                _ = &mut ending => panic!("it is parked"),
                () = gate.arrived() => {}
            }
        }
        gate.open();
        eventually("the session has ended", || async {
            elsewhere.get(&id).await.unwrap().is_none()
        })
        .await;
        eventually("nothing is left", || async { world.entry(&id).await.is_none() }).await;
    }
    assert!(elsewhere.touch(&id).await.unwrap(), "the other one lives");
}

/// Nor where it has not come to its commit: it waits for somebody who has the row.
#[tokio::test]
async fn a_logout_that_waits_goes_on_without_its_caller() {
    let world = World::new().await;
    let (here, elsewhere) = (world.process(), world.process());
    let id = login(&elsewhere, 7).await;
    world.cached(&elsewhere, &id).await;
    let mut other = world.database.pool().begin().await.unwrap();
    sqlx::query("SELECT FROM cache_runtime.sessions FOR UPDATE")
        .execute(&mut *other)
        .await
        .unwrap();
    {
        let mut ending = Box::pin(here.destroy(&id));
        tokio::select! {
            _ = &mut ending => panic!("it waits"),
            () = world.somebody_waits() => {}
        }
    }
    assert!(elsewhere.touch(&id).await.unwrap(), "it has not ended yet");
    other.rollback().await.unwrap();
    eventually("the session has ended", || async { elsewhere.get(&id).await.unwrap().is_none() })
        .await;
}

/// Whoever makes up ids fills nothing.
#[tokio::test]
async fn what_is_not_there_is_not_cached() {
    let world = World::new().await;
    let logins = world.process();
    let id = SessionId::parse("A".repeat(43)).unwrap();
    for _ in 0..2 {
        assert_eq!(logins.get(&id).await.unwrap(), None);
    }
    eventually("the lease is given back", || async { world.entry(&id).await.is_none() }).await;
}
