//! Misses, beside cache-aside by hand and beside the bare statement.

use std::time::Duration;

use cache_runtime::Stats;

use crate::Result;
use crate::bench::{Bench, with};
use crate::effort::Effort;
use crate::pair::{Around, Goal, Measured, measure_around};
use crate::plain;
use crate::walk::Walk;
use crate::world::{Users, World};

/// Short enough that the users are not used up in one turn.
const TIME: Duration = Duration::from_millis(400);

pub(crate) async fn run(bench: &mut Bench) -> Result<()> {
    let effort = Effort { time: bench.effort().time.min(TIME), ..bench.effort() };
    for callers in [1, 64] {
        let name = format!("miss, distinct keys, {}", with(callers));
        if bench.wants(&name) {
            let world = bench.world().await?;
            let row = Row { name: &name, effort, callers, goal: Goal::at_most(1.0, callers) };
            bench.add(row.miss(&world, &world.users).await?);
        }
    }
    let name = "miss, distinct keys, 1 caller, as by default";
    if bench.wants(name) {
        let world = bench.world().await?;
        let row = Row { name, effort, callers: 1, goal: Goal::Latency(1.0) };
        bench.add(row.miss(&world, &world.by_default(None)?).await?);
    }
    let name = "miss beside the bare select, distinct keys, 64 callers";
    if bench.wants(name) {
        let world = bench.world().await?;
        let row = Row { name, effort, callers: 64, goal: Goal::Throughput(4.0) };
        bench.add(row.select(&world).await?);
    }
    Ok(())
}

struct Row<'a> {
    name: &'a str,
    effort: Effort,
    callers: usize,
    goal: Goal,
}

impl Row<'_> {
    /// Each call asks for a row that neither side has cached.
    async fn miss(&self, world: &World, users: &Users) -> Result<Measured> {
        let walk = Walk::from(1);
        let (redis, pool, ids) = (world.redis.clone(), world.pool.clone(), walk.clone());
        let theirs = move |_| {
            let (redis, pool, ids) = (redis.clone(), pool.clone(), ids.clone());
            async move {
                assert!(plain::get(redis, pool, ids.next()).await.is_some(), "a row");
            }
        };
        self.measured(world, users, walk, theirs).await
    }

    /// The same, beside nothing but `fetch_one(&pool)`, which caches nothing.
    async fn select(&self, world: &World) -> Result<Measured> {
        let walk = Walk::from(1);
        let (pool, ids) = (world.pool.clone(), walk.clone());
        let theirs = move |_| {
            let (pool, ids) = (pool.clone(), ids.clone());
            async move {
                assert!(plain::load(&pool, ids.next()).await.is_some(), "a row");
            }
        };
        self.measured(world, &world.users, walk, theirs).await
    }

    /// A repository over a cache that is empty at the begin of each turn, beside `theirs`. A turn of ours ends when all that
    /// was loaded is in the cache, as it is by hand when a call returns.
    async fn measured<F, Fut>(
        &self,
        world: &World,
        users: &Users,
        walk: Walk,
        theirs: F,
    ) -> Result<Measured>
    where
        F: Fn(u64) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send,
    {
        let Self { name, effort, callers, goal } = *self;
        users.cache.drain().await;
        let before = users.stats();
        let (own, ids) = (users.clone(), walk.clone());
        let ours = move |_| {
            let (users, ids) = (own.clone(), ids.clone());
            async move {
                assert!(matches!(users.get(ids.next()).await, Ok(Some(_))), "a row");
            }
        };
        let empty = async || {
            // By this every process's memory is empty as well.
            assert!(users.cache.clear().await.is_ok(), "an empty cache");
            assert!(world.empty().await.is_ok(), "an empty cache");
            walk.again();
        };
        let around = Around { before: empty, rest: async || users.cache.drain().await };
        let measured = measure_around(name, effort, callers, goal, ours, theirs, around).await;
        let done = users.stats() - before;
        if done.misses == 0 || done.hits + done.tier_hits > 0 || !are_filled(&done) {
            return Err(format!("{name}: not what it says: {done:?}").into());
        }
        Ok(measured)
    }
}

/// Whether what was missed is in the cache: a fill that is refused, or not made, would be less work.
pub(super) fn are_filled(done: &Stats) -> bool {
    done.fills * 100 >= done.misses * 99
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misses_that_are_not_filled_are_no_row() {
        let mut done = Stats::default();
        (done.misses, done.fills) = (1_000, 999);
        assert!(are_filled(&done));
        (done.fills, done.rejected_fills) = (900, 100);
        assert!(!are_filled(&done));
    }
}
