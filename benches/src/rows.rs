//! The rows of the table.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use indicatif::{ProgressBar, ProgressStyle};

use crate::figures::Figure;
use crate::limits;
use crate::near::Near;
use crate::outage;
use crate::outbox;
use crate::pair::{Effort, Goal, Measured, measure};
use crate::plain;
use crate::sessions;
use crate::world::{USERS, World};

/// Runs the rows whose name contains `filter`.
pub(crate) async fn run(
    world: &World,
    effort: Effort,
    filter: &str,
) -> Result<(Vec<Measured>, Vec<Figure>), Box<dyn Error>> {
    let bar = ProgressBar::new_spinner();
    bar.set_style(ProgressStyle::with_template("{spinner} [{elapsed}] {msg}")?);
    bar.enable_steady_tick(std::time::Duration::from_millis(100));
    let mut measured = Vec::new();
    let wanted = |name: &str| {
        let wanted = name.contains(filter);
        if wanted {
            bar.set_message(name.to_owned());
        }
        wanted
    };
    bar.set_message("filling both caches");
    warm(world).await?;
    let near =
        [1, 8, 64].map(|callers| (format!("hit in the process, {callers} callers"), callers));
    let moka = [1, 64]
        .map(|callers| (format!("hit in the process beside moka, {callers} callers"), callers));
    if near.iter().chain(&moka).any(|(name, _)| name.contains(filter)) {
        let rows = Near::new(world).await?;
        for (name, callers) in &near {
            if wanted(name) {
                measured.push(rows.hit(name, effort, *callers).await);
            }
        }
        for (name, callers) in &moka {
            if wanted(name) {
                measured.push(rows.beside_moka(name, effort, *callers).await);
            }
        }
    }
    for (callers, goal) in [
        (1, Goal::Latency(1.05)),
        (8, Goal::Throughput(1.0)),
        (64, Goal::Throughput(1.0)),
        (256, Goal::Throughput(1.3)),
    ] {
        let name = format!("hit in Redis, {callers} callers");
        if wanted(&name) {
            measured.push(hit(world, &name, effort, callers, goal).await);
        }
    }
    for size in [10, 50, 100] {
        let name = format!("warm batch of {size}, 1 caller");
        if wanted(&name) {
            measured.push(batch(world, &name, effort, size).await);
        }
    }
    for (callers, goal) in [(1, Goal::Latency(1.0)), (64, Goal::Throughput(1.0))] {
        let name = format!("miss, distinct keys, {callers} callers");
        if wanted(&name) {
            measured.push(miss(world, &name, effort, callers, goal).await?);
        }
    }
    let name = "miss beside the bare select, distinct keys, 64 callers";
    if wanted(name) {
        measured.push(select(world, name, effort, 64).await?);
    }
    for (callers, goal) in [(1, Goal::Latency(1.0)), (8, Goal::Throughput(1.0))] {
        let name = format!("update by id, {callers} callers");
        if wanted(&name) {
            measured.push(write(world, &name, effort, callers, goal).await);
        }
    }
    for callers in [1, 64] {
        for (name, algorithm) in limits::in_redis(callers) {
            if wanted(&name) {
                let row = limits::decided(world, &name, algorithm, effort, callers).await?;
                measured.push(row);
            }
        }
    }
    for callers in [1, 64] {
        let name = format!("session in Redis, {callers} callers");
        if wanted(&name) {
            measured.push(sessions::looked_up(world, &name, effort, callers).await?);
        }
    }
    for (name, local) in [(limits::LOCAL, true), (limits::MEMORY, false)] {
        if wanted(name) {
            measured.push(limits::in_process(world, name, effort, local).await?);
        }
    }
    let mut figures = Vec::new();
    let name = "update by id, watched table over unwatched";
    let (times, drain) = ("outbox: commit to removal", "outbox: drain");
    let chosen = [wanted(name), wanted(times), wanted(drain)];
    if chosen.contains(&true) {
        bar.set_message("making the outbox");
        let (rows, frees) = outbox::prepare(world).await?;
        if chosen[0] {
            bar.set_message(name);
            measured.push(outbox::watched(name, effort, &rows, &frees).await);
        }
        if chosen[1] {
            bar.set_message(times);
            figures.extend(outbox::lag(&rows, effort.samples).await?);
        }
        if chosen[2] {
            bar.set_message(drain);
            figures.extend(outbox::drain(&rows, effort.backlog, effort).await?);
        }
    }
    if wanted("hang of Redis") {
        figures.extend(outage::breaker(effort.freezes).await?);
    }
    bar.finish_and_clear();
    Ok((measured, figures))
}

/// The id at a random place of the distribution.
pub(crate) fn drawn(zipf: &[i64], random: u64) -> i64 {
    let place = usize::try_from(random).unwrap_or_default() % zipf.len();
    zipf.get(place).copied().unwrap_or(1)
}

async fn warm(world: &World) -> Result<(), Box<dyn Error>> {
    let all: Vec<i64> = (1..=i64::try_from(USERS)?).collect();
    for ids in all.chunks(1000) {
        let users = world.users.get_many(ids).await?;
        let users: Vec<_> = users.into_iter().flatten().map(|user| (*user).clone()).collect();
        plain::fill(world.redis.clone(), &users).await?;
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

async fn batch(world: &World, name: &str, effort: Effort, size: usize) -> Measured {
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

/// Each call asks for a row that neither side has cached: both walk through the ids, over a cache that forgets.
async fn miss(
    world: &World,
    name: &str,
    effort: Effort,
    callers: usize,
    goal: Goal,
) -> Result<Measured, Box<dyn Error>> {
    let mut redis = world.redis.clone();
    let () = redis::cmd("FLUSHDB").query_async(&mut redis).await?;
    let next = || Arc::new(AtomicI64::new(0));
    let users_count = i64::try_from(USERS)?;
    let (users, ours_next) = (world.users.clone(), next());
    let ours = move |_| {
        let (users, next) = (users.clone(), Arc::clone(&ours_next));
        async move {
            let id = next.fetch_add(1, Ordering::Relaxed) % users_count + 1;
            assert!(matches!(users.get(id).await, Ok(Some(_))), "a row");
        }
    };
    let (redis, pool, theirs_next) = (world.redis.clone(), world.pool.clone(), next());
    let theirs = move |_| {
        let (redis, pool, next) = (redis.clone(), pool.clone(), Arc::clone(&theirs_next));
        async move {
            let id = next.fetch_add(1, Ordering::Relaxed) % users_count + 1;
            assert!(plain::get(redis, pool, id).await.is_some(), "a row");
        }
    };
    let measured = measure(name, effort, callers, goal, ours, theirs).await;
    let loads = world.users.stats().loads;
    assert!(loads > 0, "the repository did load");
    Ok(measured)
}

/// The same, beside nothing but `fetch_one(&pool)`, which caches nothing.
async fn select(
    world: &World,
    name: &str,
    effort: Effort,
    callers: usize,
) -> Result<Measured, Box<dyn Error>> {
    let mut redis = world.redis.clone();
    let () = redis::cmd("FLUSHDB").query_async(&mut redis).await?;
    let users_count = i64::try_from(USERS)?;
    let (users, next) = (world.users.clone(), Arc::new(AtomicI64::new(0)));
    let ours = move |_| {
        let (users, next) = (users.clone(), Arc::clone(&next));
        async move {
            let id = next.fetch_add(1, Ordering::Relaxed) % users_count + 1;
            assert!(matches!(users.get(id).await, Ok(Some(_))), "a row");
        }
    };
    let (pool, next) = (world.pool.clone(), Arc::new(AtomicI64::new(0)));
    let theirs = move |_| {
        let (pool, next) = (pool.clone(), Arc::clone(&next));
        async move {
            let id = next.fetch_add(1, Ordering::Relaxed) % users_count + 1;
            assert!(plain::load(&pool, id).await.is_some(), "a row");
        }
    };
    Ok(measure(name, effort, callers, Goal::Throughput(4.0), ours, theirs).await)
}

async fn write(world: &World, name: &str, effort: Effort, callers: usize, goal: Goal) -> Measured {
    let users = world.users.clone();
    let ours = move |random: u64| {
        let users = users.clone();
        async move {
            let user = changed(random);
            assert!(matches!(users.update(&user).await, Ok(Some(_))), "an update");
        }
    };
    let (redis, pool) = (world.redis.clone(), world.pool.clone());
    let theirs = move |random: u64| {
        let (redis, pool) = (redis.clone(), pool.clone());
        async move {
            let user = changed(random);
            assert!(plain::write(redis, pool, &user).await.is_some(), "an update");
        }
    };
    measure(name, effort, callers, goal, ours, theirs).await
}

/// A row with something new in it: both sides write the same.
fn changed(random: u64) -> crate::world::User {
    let id = i64::try_from(random % USERS + 1).unwrap_or(1);
    crate::world::User {
        id,
        email: format!("user{id}@example.org"),
        name: format!("User {random}"),
        city: "City".to_owned(),
        country: "C".to_owned(),
        bio: None,
        active: true,
        logins: 1,
        score: 0.5,
        created_at: 1,
    }
}
