//! One invalidation of a tag, by how much is under it; beside a set of the keys, kept and emptied by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cache_runtime::CacheManager;
use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;

use crate::Result;
use crate::bench::Bench;
use crate::curve::{Curve, Plot, Series};
use crate::effort::Effort;
use crate::figures::{Bound, Figure};
use crate::pair::{finished, median};
use crate::world::World;

const SMALLEST: u64 = 10;
const MIDDLE: u64 = 10_000;
const FILLERS: u64 = 64;
/// Longer than the row takes.
const TTL: Duration = Duration::from_secs(3600);
/// Above the middle, so many are filled anew after each invalidation, and all only once: what is under a tag is what was
/// filled since the last one by hand, and all that bears the tag in a repository.
const AGAIN: u64 = 10_000;

pub(crate) async fn run(bench: &mut Bench) -> Result<()> {
    let name = "invalidation of a tag";
    if bench.wants(name) {
        let world = bench.world().await?;
        let (curve, figures) = grown(&world, name, bench.effort()).await?;
        bench.add(curve);
        bench.add_all(figures);
    }
    Ok(())
}

async fn grown(world: &World, name: &str, effort: Effort) -> Result<(Curve, Vec<Figure>)> {
    let mut redis = patient(world).await?;
    emptied(world, &mut redis).await?;
    let mut sizes = vec![SMALLEST, MIDDLE];
    if effort.largest > MIDDLE {
        sizes.push(effort.largest);
    }
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for size in sizes {
        let at = f64::from(u32::try_from(size)?);
        ours.push((at, own(world, size, effort.rounds).await?));
        theirs.push((at, by_hand(&mut redis, size, effort.rounds).await?));
        emptied(world, &mut redis).await?;
    }
    let growth = |points: &[(f64, f64)]| match (points.first(), points.last()) {
        (Some((_, first)), Some((_, last))) => last / first,
        _ => f64::NAN,
    };
    let figure = |what: &str, points: &[(f64, f64)], bound| {
        let text = format!("{name}, {} entries over {SMALLEST}: {what}", effort.largest);
        Figure::new(text, growth(points), "×", bound)
    };
    let figures = vec![
        figure("ours", &ours, Bound::AtMost(1.5)),
        figure("a set by hand", &theirs, Bound::None),
    ];
    let line = |name: &str, points| Series { name: name.to_owned(), points };
    let plot = Plot {
        across: "entries under the tag".to_owned(),
        up: "one invalidation".to_owned(),
        lines: vec![line("ours", ours), line("a set by hand", theirs)],
    };
    Ok((Curve { name: name.to_owned(), unit: "µs", plot }, figures))
}

/// A connection that waits for as long as a set of a million takes.
async fn patient(world: &World) -> Result<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new().set_response_timeout(None);
    let client = redis::Client::open(world.redis_url())?;
    Ok(client.get_multiplexed_async_connection_with_config(&config).await?)
}

async fn emptied(world: &World, redis: &mut MultiplexedConnection) -> Result<()> {
    world.changed();
    world.users.cache.drain().await;
    Ok(redis::cmd("FLUSHDB").query_async(redis).await?)
}

/// The median of some invalidations, in microseconds.
async fn own(world: &World, size: u64, rounds: usize) -> Result<f64> {
    let cache = &world.users.cache;
    let tag = format!("tag{size}");
    let mut times = Vec::with_capacity(rounds);
    filled(cache, &tag, size).await?;
    for round in 0..rounds {
        let asked = size.min(AGAIN);
        if round > 0 && filled(cache, &tag, asked).await? != asked {
            return Err("what was invalidated was still there".into());
        }
        cache.drain().await;
        if filled(cache, &tag, SMALLEST).await? != 0 {
            return Err("what was filled is not there".into());
        }
        let began = Instant::now();
        cache.invalidate_tags(&[&tag]).await?;
        times.push(began.elapsed().as_secs_f64() * 1e6);
    }
    Ok(median(times))
}

/// Reads so many entries under the tag; says how many of them had to be made.
async fn filled(cache: &CacheManager, tag: &str, size: u64) -> Result<u64> {
    let made = Arc::new(AtomicU64::new(0));
    let tasks: Vec<_> = (0..FILLERS)
        .map(|filler| {
            let (cache, tag, made) = (cache.clone(), tag.to_owned(), Arc::clone(&made));
            tokio::spawn(async move {
                for number in (filler..size).step_by(64) {
                    let made = Arc::clone(&made);
                    let item = cache.item(format!("{tag}:{number}")).tags([&tag]).ttl(TTL);
                    let value = item.remember(async move || {
                        made.fetch_add(1, Ordering::Relaxed);
                        Ok::<u64, std::convert::Infallible>(number)
                    });
                    assert!(value.await.is_ok_and(|value| value == number), "the value");
                }
            })
        })
        .collect();
    for task in tasks {
        finished(task.await);
    }
    Ok(made.load(Ordering::Relaxed))
}

/// The same by hand: the set of a tag names its keys; all of them go, and the set.
async fn by_hand(redis: &mut MultiplexedConnection, size: u64, rounds: usize) -> Result<f64> {
    // What takes seconds needs no median.
    let rounds = if size > MIDDLE { 1 } else { rounds };
    let mut times = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        added(redis, size).await?;
        let began = Instant::now();
        let keys: Vec<String> = redis::cmd("SMEMBERS").arg("plain:tag").query_async(redis).await?;
        let () = redis::cmd("DEL").arg(&keys).query_async(redis).await?;
        let () = redis::cmd("DEL").arg("plain:tag").query_async(redis).await?;
        times.push(began.elapsed().as_secs_f64() * 1e6);
        if u64::try_from(keys.len())? != size {
            return Err(format!("{} keys of {size} under the tag", keys.len()).into());
        }
    }
    Ok(median(times))
}

async fn added(redis: &mut MultiplexedConnection, size: u64) -> Result<()> {
    for first in (0..size).step_by(1000) {
        let mut pipeline = redis::pipe();
        for number in first..size.min(first + 1000) {
            let key = format!("plain:tagged:{number}");
            pipeline.set_ex(&key, number, TTL.as_secs()).ignore();
            pipeline.sadd("plain:tag", &key).ignore();
        }
        let () = pipeline.query_async(redis).await?;
    }
    Ok(())
}
