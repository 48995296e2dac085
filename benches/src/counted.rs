//! Counts what is allocated. Its own program has the allocator that counts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cache_runtime::Level;
use redis::aio::MultiplexedConnection;

use crate::Result;
use crate::bench::Row;
use crate::children::{ARGUMENT, Job, Servers, say};
use crate::effort::Effort;
use crate::figures::{Bound, Figure};
use crate::pair::{Measured, Round};
use crate::plain;
use crate::report::Line;
use crate::world::{USERS, User, Users, drawn_in_a_row, zipf};

/// What an allocator has counted since the program began.
#[derive(Clone, Copy, Debug)]
pub struct Counts {
    /// Allocations, and those that were moved because they grew.
    pub allocations: u64,
    /// Bytes that are allocated now.
    pub live: i64,
}

/// Reads in a row, between two looks at the counts: few enough that hardly anything else happens meanwhile.
const READS: u64 = 1_000;
/// After this the tier is taken to stay empty.
const PATIENCE: Duration = Duration::from_secs(20);
/// Entries of the tiers whose memory is measured, of the larger and of the smaller one.
const LARGE: u64 = 50_000;
const SMALL: u64 = 10_000;

/// The program: it is started by that of the table, with where the servers are.
///
/// # Errors
///
/// Where it was started by hand, or a server fails.
pub async fn count(
    arguments: impl IntoIterator<Item = String>,
    counts: fn() -> Counts,
) -> Result<()> {
    let mut arguments = arguments.into_iter();
    let job = match (arguments.next(), arguments.next()) {
        (Some(argument), Some(job)) if argument == ARGUMENT => job,
        _ => return Err("scripts/bench starts this program".into()),
    };
    let (servers, job): (Servers, Job) = serde_json::from_str(&job)?;
    let Job::Count { quick } = job else { return Err("not a job for this program".into()) };
    let effort = if quick { Effort::QUICK } else { Effort::FULL };
    let alone = || -> Result<[Figure; 2]> {
        // On one thread nothing else happens between two looks at the counts, as long as nothing waits, and all that a
        // thread has for itself is there from the beginning.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let memory = runtime.block_on(memory(&servers, counts))?;
        Ok([memory, runtime.block_on(in_process(&servers, effort, counts))?])
    };
    let mut rows: Vec<Row> = tokio::task::block_in_place(alone)?.map(Row::from).into();
    rows.push(in_redis(&servers, effort, counts).await?.into());
    let lines: Vec<Line> = rows.into_iter().map(Line::of).collect();
    say(&serde_json::to_string(&lines)?)
}

/// What a tier takes for each entry that it has more than another one, less what the entry's row takes in an `Arc` of its own.
/// Both have nearly all that they may have, so that what a tier takes ahead of its entries counts, and nothing that a process
/// has once.
async fn memory(servers: &Servers, counts: fn() -> Counts) -> Result<Figure> {
    let (small, beside) = full(servers, SMALL, counts).await?;
    let (large, users) = full(servers, LARGE, counts).await?;
    let ids: Vec<i64> = (1..=i64::try_from(LARGE)?).collect();
    let mut values: Vec<Arc<User>> = Vec::with_capacity(ids.len());
    for ids in ids.chunks(1000) {
        values.extend(users.get_many(ids).await?.into_iter().flatten());
    }
    let bare = counts().live;
    let copies: Vec<Arc<User>> = values.iter().map(|user| Arc::new((**user).clone())).collect();
    let bare = counts().live - bare - i64::try_from(copies.capacity() * size_of::<Arc<User>>())?;
    let entry = (large.live - small.live) as f64 / (large.entries - small.entries) as f64;
    let over = entry - bare as f64 / copies.len() as f64;
    drop((beside, users));
    let name = "memory of an entry in the process, over the value";
    Ok(Figure::new(name.to_owned(), over, "bytes", Bound::AtMost(64.0)))
}

/// What is in a tier, and what the program has allocated for it.
struct Kept {
    entries: u64,
    live: i64,
}

/// A tier for so many entries that has nearly all of them.
async fn full(servers: &Servers, entries: u64, counts: fn() -> Counts) -> Result<(Kept, Users)> {
    let db = servers.pool().await?;
    let ids: Vec<i64> = (1..=i64::try_from(entries)?).collect();
    // Another one before, so that connections and statements are there, and whatever else does not come with a tier. It stays:
    // what it gave back would be taken for what this one does not take.
    let other = tiered(servers, ids.len(), db.clone())?;
    near(&other, &ids).await?;
    let empty = counts().live;
    let users = tiered(servers, ids.len(), db)?;
    near(&users, &ids).await?;
    let before = users.stats().tier_hits;
    warmed(&users, &ids).await?;
    let entries = users.stats().tier_hits - before;
    let live = counts().live - empty;
    drop(other);
    Ok((Kept { entries, live }, users))
}

fn tiered(servers: &Servers, entries: usize, db: sqlx::PgPool) -> Result<Users> {
    // A little more room than entries: the last ones of a full tier take each other's places.
    let cache = servers.manager().tier(entries + entries / 50, 1 << 30).build()?;
    Ok(Users { db, cache })
}

async fn warmed(users: &Users, ids: &[i64]) -> Result<()> {
    for ids in ids.chunks(1000) {
        users.get_many(ids).await?;
    }
    users.cache.drain().await;
    Ok(())
}

/// Reads until nearly all are in the tier, which takes in nothing before its stream stands: what is not there would make
/// the others look larger, or hits of the process be none.
async fn near(users: &Users, ids: &[i64]) -> Result<()> {
    let enough = ids.len() as u64 * 99 / 100;
    let patience = Instant::now() + PATIENCE;
    while Instant::now() < patience {
        let before = users.stats().tier_hits;
        warmed(users, ids).await?;
        if users.stats().tier_hits - before >= enough {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err("the tier does not take the rows in".into())
}

async fn in_process(servers: &Servers, effort: Effort, counts: fn() -> Counts) -> Result<Figure> {
    let db = servers.pool().await?;
    // With room: that a row is not there is no allocation of a hit.
    let users = tiered(servers, 2 * usize::try_from(USERS)?, db)?;
    let all: Vec<i64> = (1..=i64::try_from(USERS)?).collect();
    near(&users, &all).await?;
    let draws = zipf(1 << 20);
    let mut each = Vec::with_capacity(effort.samples);
    for _ in 0..effort.samples {
        // What proves that the tier may answer comes in the pauses.
        tokio::time::sleep(Duration::from_millis(1)).await;
        let ids = drawn_in_a_row(&draws, fastrand::u64(..), u32::try_from(READS)?);
        let (hits, before) = (users.stats().tier_hits, counts().allocations);
        for id in ids {
            users.get(id).await?;
        }
        let allocations = counts().allocations - before;
        if users.stats().tier_hits - hits == READS {
            each.push(allocations as f64 / READS as f64);
        }
    }
    if each.len() < effort.samples / 2 {
        return Err("most of the reads were no hits in the process".into());
    }
    let name = format!("allocations of a hit in the process, most of {} times {READS}", each.len());
    let most = each.into_iter().fold(0.0, f64::max);
    Ok(Figure::new(name, most, "", Bound::AtMost(0.0)))
}

async fn in_redis(servers: &Servers, effort: Effort, counts: fn() -> Counts) -> Result<Measured> {
    let db = servers.pool().await?;
    let users = Users { db, cache: servers.manager().level(Level::Strong).build()? };
    let client = redis::Client::open(servers.redis.as_str())?;
    let redis = client.get_multiplexed_async_connection().await?;
    let mut rounds = Vec::with_capacity(effort.rounds);
    let ids: Vec<i64> = (1..=i64::try_from(READS)?).collect();
    warmed(&users, &ids).await?;
    // The first one only warms up.
    for round in 0..=effort.rounds {
        let before = counts().allocations;
        for id in &ids {
            users.get(*id).await?;
        }
        let ours = (counts().allocations - before) as f64 / READS as f64;
        let theirs = by_hand(&redis, &ids, counts).await?;
        if round > 0 {
            rounds.push(Round { ours, theirs });
        }
    }
    if users.stats().loads > 0 {
        return Err("not every read was a hit in Redis".into());
    }
    Ok(Measured::new("allocations of a hit in Redis", "each", Bound::None, rounds))
}

async fn by_hand(
    redis: &MultiplexedConnection,
    ids: &[i64],
    counts: fn() -> Counts,
) -> Result<f64> {
    let before = counts().allocations;
    for id in ids {
        plain::hit(redis.clone(), *id).await.ok_or("no hit")?;
    }
    Ok((counts().allocations - before) as f64 / READS as f64)
}
