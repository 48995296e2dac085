//! Hits in Redis, beside a bare `GET` and its decoding.

use std::time::Duration;

use redis::aio::MultiplexedConnection;

use crate::Result;
use crate::bench::{Bench, with};
use crate::effort::Effort;
use crate::pair::{Goal, Measured, measure};
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
    Ok(())
}

/// Entries that the tier in the process takes here: a hundredth of the users, all of which are asked for equally often. So
/// nearly none is there, each is admitted, and another one goes for it.
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
    if done.misses > 0 || done.tier_hits * 20 > reads || done.admitted * 10 < reads * 9 {
        return Err(format!("{name}: not what it says: {done:?}").into());
    }
    Ok(measured)
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
