//! Many rows at once: all in the cache, half of them, none.

use std::sync::Arc;
use std::time::Duration;

use crate::Result;
use crate::bench::Bench;
use crate::effort::Effort;
use crate::pair::{Around, Goal, Measured, measure, measure_around};
use crate::plain;
use crate::rows::misses::are_filled;
use crate::walk::Walk;
use crate::world::{World, drawn};

const SIZES: [usize; 3] = [10, 50, 100];
/// The users that are in the cache of a batch that is half warm; the others are not, until they were asked for.
const WARM: u64 = 2_000;
/// Short enough that the users are not used up in one turn.
const TIME: Duration = Duration::from_millis(200);

/// Which rows of a batch are in the cache.
#[derive(Clone, Copy, PartialEq)]
enum Share {
    Half,
    None,
}

pub(crate) async fn run(bench: &mut Bench) -> Result<()> {
    for size in SIZES {
        let name = format!("warm batch of {size}, 1 caller");
        if bench.wants(&name) {
            let world = bench.filled().await?;
            bench.add(warm(&world, &name, bench.effort(), size).await);
        }
    }
    let effort = Effort { time: bench.effort().time.min(TIME), ..bench.effort() };
    for (share, word) in [(Share::Half, "half warm"), (Share::None, "cold")] {
        for size in SIZES {
            let name = format!("{word} batch of {size}, 1 caller");
            if bench.wants(&name) {
                let world = bench.world().await?;
                bench.add(cold(&world, &name, effort, size, share).await?);
            }
        }
    }
    Ok(())
}

/// Beside one `MGET` and its decoding.
async fn warm(world: &World, name: &str, effort: Effort, size: usize) -> Measured {
    let ids = move |zipf: &[i64], random| -> Vec<i64> {
        let mut ids: Vec<i64> = (0..2 * size as u64).map(|n| drawn(zipf, random + n)).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.truncate(size);
        ids
    };
    let (users, redis, zipf) = (world.users.clone(), world.redis.clone(), world.zipf);
    let ours = move |random: u64| {
        let users = users.clone();
        async move {
            let found = users.get_many(&ids(zipf, random >> 1)).await;
            assert!(found.is_ok_and(|rows| rows.iter().all(Option::is_some)), "all hit");
        }
    };
    let theirs = move |random: u64| {
        let redis = redis.clone();
        async move {
            assert!(plain::batch(redis, &ids(zipf, random >> 1)).await.is_some(), "all hit");
        }
    };
    measure(name, effort, 1, Goal::Latency(1.1), ours, theirs).await
}

/// Beside one `MGET`, one `= ANY($1)` for what is missing, and one pipeline of `SET`s.
async fn cold(
    world: &World,
    name: &str,
    effort: Effort,
    size: usize,
    share: Share,
) -> Result<Measured> {
    world.users.cache.drain().await;
    let before = world.users.stats();
    let walk = Walk::from(i64::try_from(WARM)? + 1);
    let ids = {
        let walk = walk.clone();
        Arc::new(move |random: u64| -> Vec<i64> {
            let start = random % WARM;
            let id = |place: u64| i64::try_from((start + place) % WARM + 1).unwrap_or(1);
            let warm = |place: usize| share == Share::Half && place.is_multiple_of(2);
            (0..size).map(|n| if warm(n) { id(n as u64) } else { walk.next() }).collect()
        })
    };
    let (users, own) = (world.users.clone(), Arc::clone(&ids));
    let ours = move |random| {
        let (users, ids) = (users.clone(), own(random));
        async move {
            let found = users.get_many(&ids).await;
            assert!(found.is_ok_and(|rows| rows.iter().all(Option::is_some)), "all rows");
        }
    };
    let (redis, pool) = (world.redis.clone(), world.pool.clone());
    let theirs = move |random| {
        let (redis, pool, ids) = (redis.clone(), pool.clone(), ids(random));
        async move {
            let found = plain::get_many(redis, pool, &ids).await;
            assert!(found.is_some_and(|rows| rows.iter().all(Option::is_some)), "all rows");
        }
    };
    let prepare = async || {
        assert!(world.empty().await.is_ok(), "an empty cache");
        if share == Share::Half {
            assert!(world.fill_first(WARM).await.is_ok(), "warm rows");
        }
        walk.again();
    };
    let goal = Goal::Latency(1.3);
    // As by hand, where a call returns when all that it has loaded is in the cache.
    let around = Around { before: prepare, rest: async || world.users.cache.drain().await };
    let measured = measure_around(name, effort, 1, goal, ours, theirs, around).await;
    let done = world.users.stats() - before;
    if (done.hits > 0) != (share == Share::Half) || done.misses == 0 || !are_filled(&done) {
        return Err(format!("{name}: not what it says: {done:?}").into());
    }
    Ok(measured)
}
