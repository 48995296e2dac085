//! Misses, beside cache-aside by hand and beside the bare statement.

use std::time::Duration;

use crate::Result;
use crate::bench::{Bench, with};
use crate::effort::Effort;
use crate::pair::{Goal, Measured, measure_after};
use crate::plain;
use crate::walk::Walk;
use crate::world::World;

/// Short enough that the users are not used up in one turn.
const TIME: Duration = Duration::from_millis(400);

pub(crate) async fn run(bench: &mut Bench) -> Result<()> {
    let effort = Effort { time: bench.effort().time.min(TIME), ..bench.effort() };
    for (callers, goal) in [(1, Goal::Latency(1.0)), (64, Goal::Throughput(1.0))] {
        let name = format!("miss, distinct keys, {}", with(callers));
        if bench.wants(&name) {
            let world = bench.world().await?;
            bench.add(miss(&world, &name, effort, callers, goal).await?);
        }
    }
    let name = "miss beside the bare select, distinct keys, 64 callers";
    if bench.wants(name) {
        let world = bench.world().await?;
        bench.add(select(&world, name, effort, 64).await?);
    }
    Ok(())
}

/// Each call asks for a row that neither side has cached.
async fn miss(
    world: &World,
    name: &str,
    effort: Effort,
    callers: usize,
    goal: Goal,
) -> Result<Measured> {
    let walk = Walk::from(1);
    let (redis, pool, ids) = (world.redis.clone(), world.pool.clone(), walk.clone());
    let theirs = move |_| {
        let (redis, pool, ids) = (redis.clone(), pool.clone(), ids.clone());
        async move {
            assert!(plain::get(redis, pool, ids.next()).await.is_some(), "a row");
        }
    };
    missed(world, name, effort, callers, goal, walk, theirs).await
}

/// The same, beside nothing but `fetch_one(&pool)`, which caches nothing.
async fn select(world: &World, name: &str, effort: Effort, callers: usize) -> Result<Measured> {
    let walk = Walk::from(1);
    let (pool, ids) = (world.pool.clone(), walk.clone());
    let theirs = move |_| {
        let (pool, ids) = (pool.clone(), ids.clone());
        async move {
            assert!(plain::load(&pool, ids.next()).await.is_some(), "a row");
        }
    };
    missed(world, name, effort, callers, Goal::Throughput(4.0), walk, theirs).await
}

/// A repository over a cache that is empty at the begin of each turn, beside `theirs`.
async fn missed<F, Fut>(
    world: &World,
    name: &str,
    effort: Effort,
    callers: usize,
    goal: Goal,
    walk: Walk,
    theirs: F,
) -> Result<Measured>
where
    F: Fn(u64) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send,
{
    let before = world.users.stats();
    let (users, ids) = (world.users.clone(), walk.clone());
    let ours = move |_| {
        let (users, ids) = (users.clone(), ids.clone());
        async move {
            assert!(matches!(users.get(ids.next()).await, Ok(Some(_))), "a row");
        }
    };
    let empty = async || {
        assert!(world.empty().await.is_ok(), "an empty cache");
        walk.again();
    };
    let measured = measure_after(name, effort, callers, goal, ours, theirs, empty).await;
    let done = world.users.stats() - before;
    if done.misses == 0 || done.hits > 0 {
        return Err(format!("{name}: {} misses, {} hits", done.misses, done.hits).into());
    }
    Ok(measured)
}
