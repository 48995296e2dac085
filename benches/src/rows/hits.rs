//! Hits in Redis, beside a bare `GET` and its decoding.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use redis::aio::MultiplexedConnection;

use crate::Result;
use crate::bench::{Bench, with};
use crate::effort::Effort;
use crate::pair::{Around, Goal, Measured, measure, measure_around};
use crate::plain;
use crate::world::{USERS, Users, World, drawn};

pub(crate) async fn run(bench: &mut Bench) -> Result<()> {
    for (callers, goal) in [
        (1, Goal::Latency(1.05)),
        (8, Goal::Throughput(1.0)),
        (64, Goal::Throughput(1.0)),
        (256, Goal::Throughput(1.3)),
    ] {
        let name = format!("hit in Redis, {}", with(callers));
        if bench.wants(&name) {
            let world = bench.filled().await?;
            bench.add(hit(&world, &name, bench.effort(), callers, goal).await);
        }
    }
    for (callers, goal) in [(1, Goal::Latency(1.05)), (64, Goal::Throughput(1.0))] {
        let name = format!("hit in Redis, {}, as by default", with(callers));
        if bench.wants(&name) {
            let world = bench.filled().await?;
            bench.add(by_default(&world, &name, bench.effort(), callers, goal).await?);
        }
    }
    let name = format!("hit in Redis, {}, as by default, each taken in", with(64));
    if bench.wants(&name) {
        let world = bench.filled().await?;
        bench.add(taken_in(&world, &name, bench.effort(), 64).await?);
    }
    Ok(())
}

/// Entries that the tier in the process takes here: a hundredth of the users, all of which are asked for equally often. So
/// it is full, nearly none is there, and few are asked for a second time before they are forgotten, and taken in.
const ENTRIES: usize = 1_000;

/// The same through a repository that asks its memory first.
async fn by_default(
    world: &World,
    name: &str,
    effort: Effort,
    callers: usize,
    goal: Goal,
) -> Result<Measured> {
    let (users, redis) = (world.by_default(Some(ENTRIES))?, world.redis.clone());
    listening(&users).await?;
    let before = users.stats();
    let id = |random: u64| i64::try_from(random % USERS + 1).unwrap_or(1);
    let own = users.clone();
    let our = move |random| ours(own.clone(), id(random));
    let their = move |random| theirs(redis.clone(), id(random));
    let measured = measure(name, effort, callers, goal, our, their).await;
    users.cache.drain().await;
    let done = users.stats() - before;
    let reads = done.hits + done.tier_hits;
    if done.misses > 0 || done.tier_hits * 20 > reads || done.admitted * 10 > reads {
        return Err(format!("{name}: not what it says: {done:?}").into());
    }
    Ok(measured)
}

/// Of so many hits a turn there is none that comes twice, on a machine that does no more than 400,000 a second.
const SHORT: Duration = Duration::from_millis(200);

/// The same through a repository whose tier has room, and has nothing at the beginning of a turn: it takes each row in.
async fn taken_in(world: &World, name: &str, effort: Effort, callers: usize) -> Result<Measured> {
    let effort = Effort { time: effort.time.min(SHORT), ..effort };
    let room = 2 * usize::try_from(USERS)?;
    let turn = Arc::new(RwLock::new(world.by_default(Some(room))?));
    let (next, redis) = (Arc::new(AtomicU64::new(0)), world.redis.clone());
    let before = async || {
        let made = world.by_default(Some(room));
        assert!(made.is_ok(), "{name}: a manager");
        if let Ok(users) = made {
            assert!(listening(&users).await.is_ok(), "a tier that takes rows in");
            *turn.write().unwrap_or_else(PoisonError::into_inner) = users;
        }
        // What is asked for until the tier takes it in is the first.
        next.store(1, Ordering::Relaxed);
    };
    let id = |next: &AtomicU64| {
        i64::try_from(next.fetch_add(1, Ordering::Relaxed) % USERS + 1).unwrap_or(1)
    };
    let (users, rows) = (Arc::clone(&turn), Arc::clone(&next));
    let our = move |_| {
        let users = users.read().unwrap_or_else(PoisonError::into_inner).clone();
        ours(users, id(&rows))
    };
    let rows = Arc::clone(&next);
    let their = move |_| theirs(redis.clone(), id(&rows));
    let around = Around {
        before,
        rest: async || {
            let users = turn.read().unwrap_or_else(PoisonError::into_inner).clone();
            let done = users.stats();
            let reads = done.hits + done.tier_hits;
            let each = done.misses == 0 && done.tier_hits * 20 < reads;
            assert!(each && done.admitted * 10 > reads * 9, "{name}: not what it says: {done:?}");
        },
    };
    Ok(measure_around(name, effort, callers, Goal::Untold, our, their, around).await)
}

/// Until the tier takes something in: it is shut while its stream does not stand yet.
async fn listening(users: &Users) -> Result<()> {
    for _ in 0..500 {
        let before = users.stats().tier_hits;
        users.get(1).await?;
        users.cache.drain().await;
        if users.stats().tier_hits > before {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Err("the tier in the process does not take a row in".into())
}

async fn hit(world: &World, name: &str, effort: Effort, callers: usize, goal: Goal) -> Measured {
    let (users, redis, zipf) = (world.users.clone(), world.redis.clone(), world.zipf);
    let ours = move |random| ours(users.clone(), drawn(zipf, random));
    let theirs = move |random| theirs(redis.clone(), drawn(zipf, random));
    measure(name, effort, callers, goal, ours, theirs).await
}

/// A hit of the repository.
pub(super) async fn ours(users: Users, id: i64) {
    assert!(matches!(users.get(id).await, Ok(Some(_))), "a hit");
}

/// A hit of what one writes by hand.
pub(super) async fn theirs(redis: MultiplexedConnection, id: i64) {
    assert!(plain::hit(redis, id).await.is_some(), "a hit");
}
