//! Hits of one process, and of up to eight over one Redis.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cache_runtime::Level;
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgPoolOptions;

use super::{Axes, Point, add_cost, add_curve};
use crate::Result;
use crate::bench::Bench;
use crate::children::{self, Child, Job, Place, Servers};
use crate::pair::median;
use crate::plain;
use crate::world::{User, Users};

const PROCESSES: [usize; 4] = [1, 2, 4, 8];
/// As many as warm the memory of eight processes in a second.
const KEYS: i64 = 10_000;
/// Between two looks at the clock.
const READS: u64 = 256;
/// Callers of a process: in the process one never waits.
const CALLERS: usize = 8;
const MOST: Duration = Duration::from_millis(500);
/// Turns of each side at each size.
const TURNS: usize = 3;

pub(crate) async fn run(bench: &mut Bench) -> Result<()> {
    let near = "growth: hit in the process by processes";
    let far = "growth: hit in Redis by processes";
    for (name, ours, theirs, told) in [
        (near, Place::Near, Place::Bare, "quick_cache"),
        (far, Place::Far, Place::Plain, "GET by hand"),
    ] {
        if !bench.wants(name) {
            continue;
        }
        let servers = Servers::of(&*bench.filled().await?);
        let time = bench.effort().time.min(MOST);
        let (mut costs, mut rates) = (Vec::new(), Vec::new());
        for processes in PROCESSES {
            let (ours, theirs) = measured(&servers, (ours, theirs), processes, time)?;
            let size = processes as f64;
            costs.push(Point { size, ours: ours.cost, theirs: theirs.cost });
            rates.push(Point { size, ours: ours.rate, theirs: theirs.rate });
        }
        let (across, up) = ("processes", "processor time of a hit");
        add_cost(bench, name, &Axes { across, up, unit: "µs", theirs: told }, &costs);
        let (name, up) = (format!("{name}, together"), "hits a second of all");
        add_curve(bench, &name, &Axes { across, up, unit: "ops/s", theirs: told }, &rates);
    }
    Ok(())
}

struct Together {
    /// Hits a second of all processes.
    rate: f64,
    /// Microseconds of processor time that the processes took for a hit.
    cost: f64,
}

/// The medians of some turns of both sides, whose processes are all there from the first one on.
fn measured(
    servers: &Servers,
    (ours, theirs): (Place, Place),
    processes: usize,
    time: Duration,
) -> Result<(Together, Together)> {
    let start = |place| {
        let start = |_| Child::start(servers, &Job::Hits { place, time });
        let mut all = (0..processes).map(start).collect::<Result<Vec<_>>>()?;
        for child in &mut all {
            ready(child)?;
        }
        Result::Ok(all)
    };
    let (mut ours, mut theirs) = (start(ours)?, start(theirs)?);
    let (mut of_ours, mut of_theirs) = (Vec::new(), Vec::new());
    for round in 0..TURNS {
        if round % 2 == 0 {
            of_ours.push(turn(&mut ours)?);
            of_theirs.push(turn(&mut theirs)?);
        } else {
            of_theirs.push(turn(&mut theirs)?);
            of_ours.push(turn(&mut ours)?);
        }
    }
    Ok((Together::median(&of_ours), Together::median(&of_theirs)))
}

fn ready(child: &mut Child) -> Result<()> {
    match child.says()?.as_str() {
        "ready" => Ok(()),
        other => Err(format!("a child says {other:?} where it should be ready").into()),
    }
}

impl Together {
    fn median(turns: &[Self]) -> Self {
        let of = |value: fn(&Self) -> f64| median(turns.iter().map(value).collect());
        Self { rate: of(|turn| turn.rate), cost: of(|turn| turn.cost) }
    }
}

fn turn(all: &mut [Child]) -> Result<Together> {
    for child in &mut *all {
        child.tell("go")?;
    }
    let (mut rate, mut hits, mut busy) = (0.0, 0.0, 0.0);
    for child in &mut *all {
        let did: Did = serde_json::from_str(&child.says()?)?;
        rate += did.hits / did.seconds;
        hits += did.hits;
        busy += did.processor_seconds;
    }
    for child in all {
        ready(child)?;
    }
    Ok(Together { rate, cost: busy * 1e6 / hits })
}

/// What one of them did.
#[derive(Debug, Serialize, Deserialize)]
struct Did {
    hits: f64,
    seconds: f64,
    processor_seconds: f64,
}

/// One of them: it says that it is ready, waits for a word, says what it did, and is ready again.
pub(crate) async fn child(servers: &Servers, place: Place, time: Duration) -> Result<()> {
    match place {
        Place::Near => {
            let users = users(servers, true)?;
            warmed(&users).await?;
            let (shared, before) = (users.clone(), users.stats());
            let read = move |id| hit(shared.clone(), id);
            let near = || {
                let done = users.stats() - before;
                done.hits * 100 <= done.tier_hits
            };
            turns(time, 1, READS, read, near).await
        }
        Place::Bare => {
            let bare = Arc::new(quick_cache::sync::Cache::new(usize::try_from(2 * KEYS)?));
            let rows = warmed(&users(servers, true)?).await?;
            rows.into_iter().for_each(|user| bare.insert(user.id, user));
            let read = move |id| {
                let bare = Arc::clone(&bare);
                async move { bare.get(&id).is_some() }
            };
            turns(time, 1, READS, read, || true).await
        }
        Place::Far => {
            let users = users(servers, false)?;
            turns(time, CALLERS, 1, move |id| hit(users.clone(), id), || true).await
        }
        Place::Plain => {
            let client = redis::Client::open(servers.redis.as_str())?;
            let redis = client.get_multiplexed_async_connection().await?;
            let read = move |id| {
                let redis = redis.clone();
                async move { plain::hit(redis, id).await.is_some() }
            };
            turns(time, CALLERS, 1, read, || true).await
        }
    }
}

async fn hit(users: Users, id: i64) -> bool {
    matches!(users.get(id).await, Ok(Some(_)))
}

/// Over a database that is not there: a hit does not ask it.
fn users(servers: &Servers, near: bool) -> Result<Users> {
    let db = PgPoolOptions::new().connect_lazy("postgres://nobody@127.0.0.1:9/nothing")?;
    let cache = match near {
        true => servers.manager().tier(usize::try_from(2 * KEYS)?, 1 << 30).build()?,
        false => servers.manager().level(Level::Strong).build()?,
    };
    Ok(Users { db, cache })
}

/// Until all come out of the memory: nothing is kept there before the stream of invalidations stands.
async fn warmed(users: &Users) -> Result<Vec<Arc<User>>> {
    let ids: Vec<i64> = (1..=KEYS).collect();
    for _ in 0..100 {
        let before = users.stats().tier_hits;
        let rows = users.get_many(&ids).await?;
        users.cache.drain().await;
        if users.stats().tier_hits - before >= u64::try_from(KEYS)? {
            return Ok(rows.into_iter().flatten().collect());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err("the users do not stay in the memory of the process".into())
}

/// As many turns as are asked for; `right` says whether the reads were of the place that they are about.
async fn turns<F, Fut>(
    time: Duration,
    callers: usize,
    reads: u64,
    read: F,
    right: impl Fn() -> bool,
) -> Result<()>
where
    F: Fn(i64) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = bool> + Send,
{
    loop {
        children::say("ready")?;
        if tokio::task::block_in_place(children::told).is_none() {
            return Ok(());
        }
        let did = timed(time, callers, reads, &read).await?;
        if !right() {
            return Err("what was read is not where it should be".into());
        }
        children::say(&serde_json::to_string(&did)?)?;
    }
}

async fn timed<F, Fut>(time: Duration, callers: usize, reads: u64, read: &F) -> Result<Did>
where
    F: Fn(i64) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = bool> + Send,
{
    let (began, busy) = (Instant::now(), processor_time()?);
    let callers: Vec<_> = (0..callers)
        .map(|_| {
            let read = read.clone();
            tokio::spawn(async move {
                let (mut random, mut count) = (fastrand::Rng::new(), 0_u64);
                while began.elapsed() < time {
                    for _ in 0..reads {
                        assert!(read(random.i64(1..=KEYS)).await, "a hit");
                    }
                    count += reads;
                    tokio::task::consume_budget().await;
                }
                count
            })
        })
        .collect();
    let mut count = 0;
    for caller in callers {
        count += caller.await?;
    }
    Ok(Did {
        hits: count as f64,
        seconds: began.elapsed().as_secs_f64(),
        processor_seconds: processor_time()? - busy,
    })
}

/// What the threads of this process have run so far, in seconds.
fn processor_time() -> Result<f64> {
    let mut nanos = 0;
    for thread in std::fs::read_dir("/proc/self/task")? {
        let told = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        nanos += told.split(' ').next().unwrap_or_default().parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanos).as_secs_f64())
}
