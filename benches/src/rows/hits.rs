//! Hits in Redis, beside a bare `GET` and its decoding.

use crate::Result;
use crate::bench::{Bench, with};
use crate::effort::Effort;
use crate::pair::{Goal, Measured, measure};
use crate::plain;
use crate::world::{World, drawn};

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
    let ours = move |random| {
        let users = users.clone();
        async move {
            assert!(matches!(users.get(drawn(zipf, random)).await, Ok(Some(_))), "a hit");
        }
    };
    let theirs = move |random| {
        let redis = redis.clone();
        async move {
            assert!(plain::hit(redis, drawn(zipf, random)).await.is_some(), "a hit");
        }
    };
    measure(name, effort, callers, goal, ours, theirs).await
}
