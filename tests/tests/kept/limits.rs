//! Both limits, and what stands in the cache meanwhile.

use std::sync::Arc;
use std::time::Duration;

use cache_runtime::session::{SessionConfig, SessionRepository, Sessions};
use cache_runtime::{CacheManager, Step};
use tests::eventually;

use crate::world::{Login, Logins, World, login};

const MINUTE: Duration = Duration::from_secs(60);

fn limited(logins: &Logins, idle: Duration, absolute: Duration) -> Sessions<Login> {
    let config = SessionConfig { idle, absolute, ..Logins::CONFIG };
    let sessions = logins.cache.kept_sessions(&logins.db);
    Sessions::over(sessions, logins.cache.namespace(), &config).unwrap()
}

/// What is left of an entry's life, in milliseconds.
async fn left(world: &World, id: &cache_runtime::session::SessionId) -> i64 {
    let pttl = redis::cmd("PTTL").arg(world.key(id).as_str()).to_owned();
    pttl.query_async(&mut world.raw().await).await.unwrap()
}

#[tokio::test]
async fn an_entry_lives_for_a_tenth_of_the_idle_limit_at_most() {
    let world = World::new().await;
    let logins = world.process();
    let id = login(&logins, 7).await;
    world.cached(&logins, &id).await;
    let ttl = left(&world, &id).await;
    assert!(ttl > 120_000 && ttl <= 180_000, "{ttl}");
    // Near its end a session stands in the cache for less, and at last not at all.
    world.pass(Duration::from_secs(12 * 3600 - 100)).await;
    for (seconds, most) in [(60, 90_000), (31, 30_000)] {
        sqlx::query("UPDATE cache_runtime.sessions SET seen = $1, until = ends")
            .bind(now(&world).await)
            .execute(&logins.db)
            .await
            .unwrap();
        world.flush_session(&id).await;
        world.cached(&logins, &id).await;
        let ttl = left(&world, &id).await;
        assert!(ttl > 0 && ttl <= most, "{ttl}");
        world.pass(Duration::from_secs(seconds)).await;
    }
    world.flush_session(&id).await;
    assert!(logins.touch(&id).await.unwrap());
    logins.cache.drain().await;
    assert_ne!(world.entry(&id).await, Some(b'V'));
}

async fn now(world: &World) -> i64 {
    sqlx::query_scalar("SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint")
        .fetch_one(world.database.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn limits_that_become_shorter_hold_for_what_is_cached() {
    let world = World::new().await;
    let logins = world.process();
    for (idle, absolute) in [(MINUTE, 12 * 60 * MINUTE), (MINUTE, MINUTE)] {
        let stricter = limited(&world.process(), idle, absolute);
        let id = login(&logins, 7).await;
        world.pass(2 * MINUTE).await;
        world.cached(&logins, &id).await;
        assert_eq!(stricter.get(&id).await.unwrap(), None);
        assert!(!logins.touch(&id).await.unwrap(), "and it does not come back");
        assert_eq!(world.rows().await, 0);
    }
}

/// Two versions of a program, each with its limits: neither takes the other's word.
#[tokio::test]
async fn programs_with_other_limits_go_on_beside_each_other() {
    let world = World::new().await;
    let logins = world.process();
    let other = limited(&world.process(), 10 * MINUTE, 60 * MINUTE);
    let id = login(&logins, 7).await;
    for _ in 0..3 {
        world.cached(&logins, &id).await;
        assert!(other.touch(&id).await.unwrap());
        other.update(&id, |login| login.views += 1).await.unwrap().unwrap();
    }
    assert_eq!(logins.get(&id).await.unwrap().unwrap().views, 3);
}

/// Who has stricter limits takes no answer of a load that was made under longer ones, though both wait for one.
#[tokio::test]
async fn a_reader_does_not_take_what_another_with_other_limits_loads() {
    let world = World::new().await;
    // Whoever asks memory has its answer at once, and boards.
    let builder = CacheManager::builder(&world.namespace).memory();
    let logins = world.logins(builder.observer(Arc::new(world.stepper.clone())));
    let stricter = limited(&logins, MINUTE, 12 * 60 * MINUTE);
    let id = login(&logins, 7).await;
    world.pass(2 * MINUTE).await;
    let load = world.stepper.park(Step::Load, &world.key(&id));
    let first = logins.get(&id);
    let second = async {
        load.arrived().await;
        let joining = stricter.get(&id);
        let opening = async {
            eventually("the second reader waits", || async {
                world.stepper.seen().iter().filter(|(step, _)| *step == Step::Read).count() >= 2
            })
            .await;
            load.open();
        };
        tokio::join!(joining, opening).0.unwrap()
    };
    let (first, second) = tokio::join!(first, second);
    assert!(first.unwrap().is_some());
    assert_eq!(second, None);
    assert_eq!(logins.cache.stats().coalesced, 1, "it was offered the answer");
}

#[tokio::test]
async fn limits_that_become_longer_bring_nothing_back() {
    let world = World::new().await;
    let logins = world.process();
    let id = login(&logins, 7).await;
    world.pass(31 * MINUTE).await;
    let longer = limited(&world.process(), 120 * MINUTE, 24 * 60 * MINUTE);
    assert_eq!(longer.get(&id).await.unwrap(), None);
    assert_eq!(longer.list(&7).await.unwrap(), []);
}

/// Of a hundred reads one asks the database, and that one writes nothing.
#[tokio::test]
async fn a_hit_is_one_command_and_the_database_is_not_asked() {
    let server = tests::RedisServer::start();
    let world = World::at(&server.url()).await;
    let logins = world.process();
    let id = login(&logins, 7).await;
    world.cached(&logins, &id).await;
    let mut raw = world.raw().await;
    let () = redis::cmd("CONFIG").arg("RESETSTAT").query_async(&mut raw).await.unwrap();
    let loads = logins.cache.stats().loads;
    for _ in 0..100 {
        assert!(logins.touch(&id).await.unwrap());
    }
    let stats: String = redis::cmd("INFO").arg("commandstats").query_async(&mut raw).await.unwrap();
    let calls = |command: &str| {
        let line = stats.lines().find(|line| line.starts_with(&format!("cmdstat_{command}:")));
        line.map_or(0, |line| {
            let (_, rest) = line.split_once("calls=").unwrap();
            rest.split(',').next().unwrap().parse::<u64>().unwrap()
        })
    };
    assert_eq!((calls("get"), calls("mget")), (100, 0), "{stats}");
    assert_eq!((calls("set"), calls("evalsha"), calls("pttl")), (0, 0, 0), "{stats}");
    assert_eq!(logins.cache.stats().loads, loads);
}
