//! The slowest of a hundred hits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::Result;
use crate::bench::Bench;
use crate::effort::Effort;
use crate::figures::{Bound, Figure};
use crate::pair::{Measured, Round, finished};
use crate::rows::hits::{ours, theirs};
use crate::rows::near::Near;
use crate::times::Times;
use crate::world::{World, drawn};

const CALLERS: usize = 64;
/// Hits in the process that are timed in one turn.
const HITS: u64 = 200_000;

pub(crate) async fn run(bench: &mut Bench) -> Result<()> {
    let name = "hit in the process, 1 caller, p99";
    if bench.wants(name) {
        let world = bench.filled().await?;
        let near = Near::new(&world).await?;
        bench.add_all(in_process(&near, name, bench.effort()).await);
    }
    let name = format!("hit in Redis, {CALLERS} callers, p99");
    if bench.wants(&name) {
        let world = bench.filled().await?;
        bench.add(in_redis(&world, &name, bench.effort()).await);
    }
    Ok(())
}

/// Each hit is timed alone, so a look at the clock is in each.
async fn in_process(near: &Near, name: &str, effort: Effort) -> [Figure; 2] {
    let (mut ours, mut theirs) = (Times::default(), Times::default());
    let mut random = fastrand::Rng::new();
    // The first turn only warms up.
    for turn in 0..=effort.rounds {
        let (mut own, mut bare) = (Times::default(), Times::default());
        for _ in 0..HITS {
            let id = drawn(near.zipf, random.u64(..));
            let began = Instant::now();
            let found = near.users.get(id).await;
            own.push(began.elapsed());
            assert!(matches!(found, Ok(Some(_))), "a hit");
        }
        for _ in 0..HITS {
            let id = drawn(near.zipf, random.u64(..));
            let began = Instant::now();
            let found = near.bare.get(&id);
            bare.push(began.elapsed());
            assert!(found.is_some(), "a hit");
        }
        if turn > 0 {
            ours.extend(own);
            theirs.extend(bare);
        }
    }
    [
        Figure::new(name.to_owned(), ours.micros(0.99), "µs", Bound::AtMost(1.0)),
        Figure::new(format!("{name}, of a bare get"), theirs.micros(0.99), "µs", Bound::None),
    ]
}

async fn in_redis(world: &World, name: &str, effort: Effort) -> Measured {
    let (users, redis, zipf) = (world.users.clone(), world.redis.clone(), world.zipf);
    let ours = move |random| ours(users.clone(), drawn(zipf, random));
    let theirs = move |random| theirs(redis.clone(), drawn(zipf, random));
    slowest(effort.time / 2, &ours).await;
    slowest(effort.time / 2, &theirs).await;
    let mut rounds = Vec::with_capacity(effort.rounds);
    for round in 0..effort.rounds {
        rounds.push(if round % 2 == 0 {
            let ours = slowest(effort.time, &ours).await;
            Round { ours, theirs: slowest(effort.time, &theirs).await }
        } else {
            let theirs = slowest(effort.time, &theirs).await;
            Round { ours: slowest(effort.time, &ours).await, theirs }
        });
    }
    Measured::new(name, "µs", Bound::None, rounds)
}

/// The time that all but one of a hundred operations take at most, in microseconds.
async fn slowest<F, Fut>(time: Duration, operation: &F) -> f64
where
    F: Fn(u64) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send,
{
    let over = Arc::new(Instant::now() + time);
    let tasks: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (operation, over) = (operation.clone(), Arc::clone(&over));
            tokio::spawn(async move {
                let (mut times, mut random) = (Times::default(), fastrand::Rng::new());
                loop {
                    let began = Instant::now();
                    if began > *over {
                        return times;
                    }
                    operation(random.u64(..)).await;
                    times.push(began.elapsed());
                    tokio::task::consume_budget().await;
                }
            })
        })
        .collect();
    let mut all = Times::default();
    for task in tasks {
        all.extend(finished(task.await));
    }
    all.micros(0.99)
}
