//! The typed helper, over memory and a clock of the test's own.
#![allow(clippy::expect_used, reason = "what fails here fails the test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Client, SessionConfig, SessionId, SessionUser, Sessions};
use crate::backend::{MemoryCache, NullCache};
use crate::error::{ErrorKind, Result};
use crate::key::Namespace;
use crate::port::CoherentCache;
use crate::testing::{FaultyCache, ManualClock, Op};

const MINUTE: Duration = Duration::from_secs(60);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Login {
    user_id: Option<i64>,
    views: u32,
}

fn config() -> SessionConfig<Login> {
    SessionConfig {
        user: |login| SessionUser::of(&login.user_id),
        ..SessionConfig::new("logins", 30 * MINUTE, 720 * MINUTE)
    }
}

fn over<D: super::SessionData>(
    backend: &Arc<dyn CoherentCache>,
    config: &SessionConfig<D>,
) -> Sessions<D> {
    Sessions::new(backend, &Namespace::new("shop").expect("a name"), config).expect("sessions")
}

struct World {
    clock: ManualClock,
    cache: FaultyCache,
    logins: Sessions<Login>,
}

impl World {
    fn new() -> Self {
        let clock = ManualClock::new();
        let memory = MemoryCache::builder().clock(clock.shared()).build();
        let cache = FaultyCache::over(Arc::new(memory));
        let logins = over(&(Arc::new(cache.clone()) as Arc<dyn CoherentCache>), &config());
        Self { clock, cache, logins }
    }

    fn backend(&self) -> Arc<dyn CoherentCache> {
        Arc::new(self.cache.clone())
    }

    async fn login(&self, user_id: i64) -> SessionId {
        let login = Login { user_id: Some(user_id), views: 0 };
        self.logins.create(&login, &Client::new()).await.expect("it begins")
    }
}

#[tokio::test]
async fn data_and_times_come_back() -> Result<()> {
    let world = World::new();
    let login = Login { user_id: Some(7), views: 3 };
    let client = Client::new().device("Firefox").address([127, 0, 0, 1].into());
    let id = world.logins.create(&login, &client).await?;
    world.clock.advance(4 * MINUTE);
    let session = world.logins.get(&id).await?.expect("it is alive");
    assert_eq!((&session.data, session.views), (&login, 3));
    let after = |time: std::time::SystemTime| time.duration_since(session.created).expect("later");
    assert_eq!((after(session.seen), after(session.ends)), (4 * MINUTE, 720 * MINUTE));
    let listed = world.logins.list(&7).await?;
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].digest, &listed[0].client), (*id.digest(), &client));
    assert_eq!((listed[0].seen, listed[0].ends), (session.seen, session.ends));
    Ok(())
}

#[tokio::test]
async fn the_backend_sees_neither_an_id_nor_a_user() -> Result<()> {
    // What the port is given is all that any backend can store.
    let world = World::new();
    let id = world.login(4711).await;
    let said = format!("{:?} {}", world.logins.list(&4711).await?, id.digest());
    assert!(!said.contains(&id.expose()), "{said}");
    assert_eq!(format!("{:?}", SessionUser::none().digest(&world.logins.space)?), "None");
    let user = SessionUser::of(&4711).digest(&world.logins.space)?.expect("a user");
    assert!(!user.to_string().contains("4711"));
    Ok(())
}

#[tokio::test]
async fn a_user_is_known_by_its_text() -> Result<()> {
    let world = World::new();
    for other in [world.logins.list(&7_u8).await?, world.logins.list("7").await?] {
        assert_eq!(other, []);
    }
    world.login(7).await;
    assert_eq!(world.logins.list(&7_u8).await?.len(), 1);
    assert_eq!(world.logins.list("7").await?.len(), 1);
    assert_eq!(world.logins.list(&Some(7_i128)).await?.len(), 1);
    assert_eq!(world.logins.list(&70).await?.len(), 0);
    for nobody in [world.logins.destroy_all("").await, world.logins.destroy_all(&None::<i64>).await]
    {
        assert_eq!(nobody.expect_err("nobody is no user").kind(), ErrorKind::Config);
    }
    Ok(())
}

#[tokio::test]
async fn an_update_answers_what_the_change_answers_and_writes_only_changes() -> Result<()> {
    let world = World::new();
    let id = world.login(7).await;
    let seen = world.logins.update(&id, |login| {
        login.views += 1;
        login.views
    });
    assert_eq!(seen.await?, Some(1));
    assert_eq!(world.logins.update(&id, |login| login.views).await?, Some(1));
    assert_eq!(world.cache.calls(Op::SessionWrite), 1);
    Ok(())
}

#[tokio::test]
async fn an_update_between_read_and_write_is_not_lost() -> Result<()> {
    let world = World::new();
    let id = world.login(7).await;
    let other = over(&world.backend(), &config());
    world.cache.stall(Op::SessionWrite);
    let first = world.logins.update(&id, |login| login.views += 1);
    let second = async {
        world.cache.until_stalled(Op::SessionWrite).await;
        // Of another process: it comes before the write, and after the read.
        let changed = other.update(&id, |login| login.views += 10);
        let resumed = async {
            while world.cache.stalled(Op::SessionWrite) < 2 {
                tokio::task::yield_now().await;
            }
            world.cache.resume(Op::SessionWrite);
        };
        tokio::join!(changed, resumed).0
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!((first?, second?), (Some(()), Some(())));
    assert_eq!(world.logins.get(&id).await?.expect("it is alive").views, 11);
    assert_eq!(world.cache.calls(Op::SessionWrite), 3, "one of them was tried again");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_change_that_others_always_come_before_ends_with_an_error() -> Result<()> {
    let world = World::new();
    let id = world.login(7).await;
    let other = over(&world.backend(), &config());
    let tries = AtomicU32::new(0);
    let change = async {
        let mut rushed = None;
        world
            .logins
            .update(&id, |login| {
                tries.fetch_add(1, Ordering::Relaxed);
                // Right now somebody else changes it: memory answers at once.
                let mut overtaking = Box::pin(other.update(&id, |login| login.views += 1));
                let mut context = std::task::Context::from_waker(std::task::Waker::noop());
                rushed = Some(overtaking.as_mut().poll(&mut context).is_ready());
                login.views += 1000;
            })
            .await
            .map(|done| (done, rushed))
    };
    let error = change.await.expect_err("somebody always came before");
    assert_eq!(error.kind(), ErrorKind::Contended);
    let tries = tries.load(Ordering::Relaxed);
    assert!(tries > 1000, "five seconds of it: {tries}");
    assert_eq!(world.logins.get(&id).await?.expect("it is alive").views, tries, "nothing of it");
    Ok(())
}

#[tokio::test]
async fn a_user_changes_with_a_new_id_alone() -> Result<()> {
    let world = World::new();
    let id = world.logins.create(&Login::default(), &Client::new()).await?;
    for user_id in [Some(7), None] {
        let changed = world.logins.update(&id, |login| login.user_id = Some(7)).await;
        assert_eq!(changed.expect_err("it is a login").kind(), ErrorKind::NeedsRotation);
        assert_eq!(world.logins.get(&id).await?.expect("it is alive").user_id, None, "{user_id:?}");
    }
    let ann = world.logins.rotate(&id, |login| login.user_id = Some(7)).await?.expect("alive");
    assert_ne!(ann, id);
    assert!(world.logins.get(&id).await?.is_none());
    let changed = world.logins.update(&ann, |login| login.user_id = None).await;
    assert_eq!(changed.expect_err("it is a logout").kind(), ErrorKind::NeedsRotation);
    assert!(world.logins.rotate(&id, |login| login.user_id = Some(8)).await?.is_none());
    Ok(())
}

#[tokio::test]
async fn the_other_sessions_of_a_user_end_and_one_stays() -> Result<()> {
    let world = World::new();
    let (one, two, bob) = (world.login(7).await, world.login(7).await, world.login(8).await);
    let visitor = world.logins.create(&Login::default(), &Client::new()).await?;
    assert_eq!(world.logins.destroy_others(&visitor).await?, 0);
    assert_eq!(world.logins.destroy_others(&one).await?, 1);
    for (id, lives) in [(&one, true), (&two, false), (&bob, true), (&visitor, true)] {
        assert_eq!(world.logins.touch(id).await?, lives);
    }
    assert!(!world.logins.destroy_listed(&8, one.digest()).await?, "it is not his");
    assert!(world.logins.destroy_listed(&7, one.digest()).await?);
    assert!(!world.logins.touch(&one).await?);
    assert_eq!(world.logins.destroy_others(&one).await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_backend_that_is_away_admits_nobody_and_logs_nobody_out() -> Result<()> {
    let world = World::new();
    let id = world.login(7).await;
    let logins = &world.logins;
    for kind in [ErrorKind::Unreachable, ErrorKind::ReadOnly, ErrorKind::Timeout] {
        world.cache.fail_all(kind);
        let errors = [
            logins.get(&id).await.map(drop),
            logins.touch(&id).await.map(drop),
            logins.create(&Login::default(), &Client::new()).await.map(drop),
            logins.update(&id, |login| login.views += 1).await.map(drop),
            logins.rotate(&id, |_| ()).await.map(drop),
            logins.destroy(&id).await.map(drop),
            logins.destroy_all(&7).await.map(drop),
            logins.destroy_others(&id).await.map(drop),
            logins.destroy_listed(&7, id.digest()).await.map(drop),
            logins.destroy_everyone().await.map(drop),
            logins.list(&7).await.map(drop),
        ];
        for (place, error) in errors.into_iter().enumerate() {
            assert_eq!(error.expect_err("nobody answered").kind(), kind, "call {place}");
        }
    }
    world.cache.heal();
    assert!(logins.touch(&id).await?, "it is as it was");
    Ok(())
}

#[tokio::test]
async fn a_lost_answer_is_an_error_and_the_change_is_not_made_twice() -> Result<()> {
    let world = World::new();
    let id = world.login(7).await;
    world.cache.lose_next_reply(Op::SessionWrite, 1, ErrorKind::Timeout);
    let changed = world.logins.update(&id, |login| login.views += 1).await;
    assert_eq!(changed.expect_err("the answer is lost").kind(), ErrorKind::Timeout);
    assert_eq!(world.logins.get(&id).await?.expect("it is alive").views, 1);
    world.cache.lose_next_reply(Op::SessionRotate, 1, ErrorKind::Timeout);
    let moved = world.logins.rotate(&id, |_| ()).await;
    assert_eq!(moved.expect_err("the answer is lost").kind(), ErrorKind::Timeout);
    assert!(!world.logins.touch(&id).await?, "nobody has the new id: log in again");
    Ok(())
}

#[tokio::test]
async fn data_of_another_version_are_none_unless_that_is_wanted() -> Result<()> {
    #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Newer {
        user_id: Option<i64>,
        views: u32,
        #[serde(default)]
        theme: String,
    }
    // To a codec that does not name its fields it is the same.
    #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Renamed {
        user_id: Option<i64>,
        failures: u32,
    }
    #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Other {
        views: String,
    }
    fn tolerant<D>(config: SessionConfig<D>) -> SessionConfig<D> {
        SessionConfig { tolerant: true, ..config }
    }
    let fresh = || SessionConfig::<Newer> {
        user: |login| SessionUser::of(&login.user_id),
        ..SessionConfig::new("logins", 30 * MINUTE, 720 * MINUTE)
    };
    let world = World::new();

    let strict = world.login(7).await;
    let newer = over(&world.backend(), &fresh());
    assert!(newer.get(&strict).await?.is_none());
    let renamed = SessionConfig::<Renamed> {
        user: |login| SessionUser::of(&login.user_id),
        ..SessionConfig::new("logins", 30 * MINUTE, 720 * MINUTE)
    };
    assert!(over(&world.backend(), &renamed).get(&strict).await?.is_none());
    assert!(newer.update(&strict, |newer| newer.views += 1).await?.is_none());
    assert!(newer.rotate(&strict, |_| ()).await?.is_none());
    assert_eq!(world.logins.get(&strict).await?.expect("untouched").user_id, Some(7));
    assert!(newer.destroy(&strict).await?, "it can be ended all the same");

    let old = over(&world.backend(), &tolerant(config()));
    let newer = over(&world.backend(), &tolerant(fresh()));
    let id = old.create(&Login { user_id: Some(7), views: 2 }, &Client::new()).await?;
    let read = newer.get(&id).await?.expect("what is missing has a default");
    assert_eq!((read.views, &*read.theme, read.user_id), (2, "", Some(7)));
    newer.update(&id, |newer| newer.theme = "dark".to_owned()).await?;
    assert_eq!(old.get(&id).await?.expect("both ways").views, 2);
    let other = SessionConfig::<Other>::new("logins", 30 * MINUTE, 720 * MINUTE);
    assert!(over(&world.backend(), &tolerant(other)).get(&id).await?.is_none(), "no panic");
    Ok(())
}

/// One that was begun before `user` was written, and one from before it was changed: no `destroy_all` would reach either.
#[tokio::test]
async fn a_session_of_another_user_than_its_data_name_is_none() -> Result<()> {
    let world = World::new();
    let (backend, logins) = (world.backend(), &world.logins);
    for user in [|_: &Login| SessionUser::none(), |login: &Login| SessionUser::of(&login.views)] {
        let before = over(&backend, &SessionConfig { user, ..config() });
        let login = Login { user_id: Some(7), views: 3 };
        let id = before.create(&login, &Client::new()).await?;
        assert!(logins.get(&id).await?.is_none());
        assert!(!logins.touch(&id).await?);
        assert!(logins.update(&id, |login| login.views += 1).await?.is_none());
        assert!(logins.rotate(&id, |_| ()).await?.is_none());
        let here = world.login(7).await;
        assert_eq!(logins.destroy_others(&id).await?, 0);
        assert!(logins.touch(&here).await?, "whose it is does not say what nobody counts");
        assert_eq!(before.get(&id).await?.expect("untouched").data, login);
        assert!(logins.destroy(&id).await?, "it can be ended all the same");
    }
    // And one that has a user, to whom it has none any more.
    let id = world.login(7).await;
    let after = SessionConfig { user: |_: &Login| SessionUser::none(), ..config() };
    assert!(over(&backend, &after).get(&id).await?.is_none());
    Ok(())
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_before_anything_is_sent() {
    let backend: Arc<dyn CoherentCache> = Arc::new(NullCache::new());
    let namespace = Namespace::new("shop").expect("a name");
    let times = |idle, absolute| SessionConfig::<Login>::new("logins", idle, absolute);
    for (wrong, said) in [
        (SessionConfig { name: "", ..config() }, "need a name"),
        (times(Duration::ZERO, MINUTE), "no time"),
        (times(MINUTE, Duration::ZERO), "no time"),
        (times(2 * MINUTE, MINUTE), "above the absolute"),
        (SessionConfig { per_user: 0, ..config() }, "nobody could log in"),
    ] {
        let error = Sessions::new(&backend, &namespace, &wrong).expect_err(said);
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(said), "{error}");
    }
    let sessions = over(&backend, &config());
    let error = sessions.touch(&SessionId::random().expect("an id")).await.expect_err("no port");
    assert_eq!(error.kind(), ErrorKind::Unsupported);

    #[derive(Serialize, Deserialize)]
    struct Large(Vec<u8>);
    let world = World::new();
    let large = SessionConfig::<Large>::new("large", MINUTE, MINUTE);
    let large = over(&world.backend(), &large);
    let error = large.create(&Large(vec![1; 2 << 20]), &Client::new()).await.expect_err("too much");
    assert!(error.kind() == ErrorKind::Codec && error.to_string().contains("1048576"), "{error}");
}
