//! Rate limits: a decision in Redis beside a bare `INCR`, and one in this process beside `governor`.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use cache_runtime::{Algorithm, CacheManager, OnError, Quota, RateLimit};
use governor::{DefaultKeyedRateLimiter, RateLimiter};
use redis::aio::MultiplexedConnection;

use crate::Result;
use crate::bench::{Bench, with};
use crate::effort::Effort;
use crate::pair::{Goal, Measured, measure};
use crate::world::World;

const ALGORITHMS: [Algorithm; 5] = [
    Algorithm::Gcra,
    Algorithm::TokenBucket,
    Algorithm::FixedWindow,
    Algorithm::SlidingCounter,
    Algorithm::SlidingLog,
];

/// Decisions a call of either side, in this process: what the measuring itself takes is little beside them.
const DECISIONS: u32 = 256;
const KEYS: u64 = 1_000;
/// So large that nobody is denied: a denial is less work.
const LIMIT: u32 = 90_000_000;
const PERIOD: Duration = Duration::from_secs(60);

pub(crate) async fn run(bench: &mut Bench) -> Result<()> {
    for callers in [1, 64] {
        for algorithm in ALGORITHMS {
            let name = format!("rate limit in Redis, {algorithm}, {}", with(callers));
            if bench.wants(&name) {
                let world = bench.world().await?;
                bench.add(decided(&world, &name, algorithm, bench.effort(), callers).await?);
            }
        }
    }
    let leased = ("rate limit, leased, beside governor", true);
    for (name, local) in [leased, ("rate limit in memory, beside governor", false)] {
        if bench.wants(name) {
            let world = bench.world().await?;
            bench.add(in_process(&world, name, bench.effort(), local).await?);
        }
    }
    Ok(())
}

/// Decided about in the process: few, so that it is decisions that are measured, and not the first lease of each.
const NEAR_KEYS: u64 = 16;

fn keys(number: u64) -> Arc<[String]> {
    (0..number).map(|number| format!("user {number}")).collect()
}

fn drawn(keys: &[String], random: u64) -> &str {
    let place = usize::try_from(random).unwrap_or_default() % keys.len();
    keys.get(place).map_or("user", String::as_str)
}

fn quota(algorithm: Algorithm, limit: u32) -> Result<Quota> {
    Ok(Quota::new(algorithm, u64::from(limit), PERIOD)?)
}

/// One decision beside one `INCR`, each a round trip.
async fn decided(
    world: &World,
    name: &str,
    algorithm: Algorithm,
    effort: Effort,
    callers: usize,
) -> Result<Measured> {
    // A log of everything would not be what anyone keeps: here its limit is reached.
    let limit = if algorithm == Algorithm::SlidingLog { 1_000 } else { LIMIT };
    let builder = world.users.cache.rate_limit("bench").quota(quota(algorithm, limit)?);
    let limit = builder.on_error(OnError::Deny).build()?;
    let (keys, redis) = (keys(KEYS), world.redis.clone());
    let (own, others) = (Arc::clone(&keys), keys);
    let ours = move |random| {
        let (limit, keys) = (limit.clone(), Arc::clone(&own));
        async move { decide(&limit, drawn(&keys, random)).await }
    };
    let theirs = move |random| {
        let (redis, keys) = (redis.clone(), Arc::clone(&others));
        async move { increment(redis, drawn(&keys, random)).await }
    };
    Ok(measure(name, effort, callers, Goal::at_most(1.1, callers), ours, theirs).await)
}

async fn decide(limit: &RateLimit, key: &str) {
    let decision = limit.check(key).await;
    assert!(decision.is_ok_and(|decision| !decision.by_failure), "a decision");
}

async fn increment(mut redis: MultiplexedConnection, key: &str) {
    let count: redis::RedisResult<u64> = redis::cmd("INCR").arg(key).query_async(&mut redis).await;
    assert!(count.is_ok(), "a count");
}

/// Decisions of this process, from leased calls or by the hand in memory, beside those of `governor`.
async fn in_process(world: &World, name: &str, effort: Effort, local: bool) -> Result<Measured> {
    let cache = match local {
        true => world.users.cache.clone(),
        false => CacheManager::builder("bench").memory().build()?,
    };
    let builder = cache.rate_limit("near").quota(quota(Algorithm::Gcra, LIMIT)?);
    let builder = builder.on_error(OnError::Deny);
    let limit = if local { builder.local().build()? } else { builder.build()? };
    let calls = NonZeroU32::new(LIMIT).ok_or("a limit")?;
    let governor: DefaultKeyedRateLimiter<String> =
        RateLimiter::keyed(governor::Quota::per_minute(calls));
    let governor = Arc::new(governor);
    let (own, others) = (keys(NEAR_KEYS), keys(NEAR_KEYS));
    let ours = move |random: u64| {
        let (limit, keys) = (limit.clone(), Arc::clone(&own));
        async move {
            for number in 0..DECISIONS {
                decide(&limit, drawn(&keys, random.wrapping_add(u64::from(number)))).await;
            }
        }
    };
    let theirs = move |random: u64| {
        let (governor, keys) = (Arc::clone(&governor), Arc::clone(&others));
        async move {
            for number in 0..DECISIONS {
                let place =
                    usize::try_from(random.wrapping_add(u64::from(number))).unwrap_or_default();
                let key = keys.get(place % keys.len());
                assert!(key.is_some_and(|key| governor.check_key(key).is_ok()), "a decision");
            }
        }
    };
    Ok(measure(name, effort, 1, Goal::Latency(1.1), ours, theirs).await.each(DECISIONS))
}
