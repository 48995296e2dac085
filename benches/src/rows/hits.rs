//! Hits in Redis, beside a bare `GET` and its decoding.

use redis::aio::MultiplexedConnection;

use crate::Result;
use crate::bench::{Bench, with};
use crate::effort::Effort;
use crate::pair::{Goal, Measured, measure};
use crate::plain;
use crate::world::{Users, World, drawn};

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
    Ok(())
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
