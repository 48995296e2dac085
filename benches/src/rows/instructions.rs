//! What a hit in the process makes the processor do, counted by callgrind: it is the same on a noisy machine. Users are
//! drawn as in the rows that are timed.

use std::collections::BTreeSet;
use std::hint::black_box;
use std::pin::pin;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use cache_runtime::{Clock, Level};
use quick_cache::sync::Cache;

use crate::Result;
use crate::bench::{Bench, Row};
use crate::children::{Job, Servers, command};
use crate::figures::Bound;
use crate::pair::{Measured, Round};
use crate::world::{USERS, User, Users, zipf};

const READS: u32 = 20_000;

pub(crate) async fn run(bench: &mut Bench) -> Result<()> {
    let name = "instructions of a hit in the process";
    if bench.wants(name) {
        if Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_err() {
            bench.add(Row::Skipped(name.to_owned(), "valgrind is not installed"));
            return Ok(());
        }
        let world = bench.filled().await?;
        let servers = Servers::of(&world);
        let ours = collected(&servers, &Job::Instructions { bare: false }, "*hits_of_ours*")?;
        let theirs = collected(&servers, &Job::Instructions { bare: true }, "*hits_of_bare*")?;
        let each = |collected: u64| collected as f64 / f64::from(READS);
        let round = Round { ours: each(ours), theirs: each(theirs) };
        bench.add(Measured::new(name, "instructions", Bound::None, vec![round]));
    }
    Ok(())
}

/// The instructions that a child has spent in the functions of such a name.
fn collected(servers: &Servers, job: &Job, functions: &str) -> Result<u64> {
    let (program, arguments) = command(servers, job)?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(format!("--toggle-collect={functions}"))
        .arg(program)
        .args(arguments)
        .output()?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let collected = told.lines().find_map(|line| line.split_once("Collected :"));
    match collected.map(|(_, count)| count.trim().parse()) {
        Some(Ok(count)) if output.status.success() && count > 0 => Ok(count),
        _ => Err(format!("callgrind counted nothing:\n{told}").into()),
    }
}

/// The side of a child: what is counted is one function, and what else the process does is not.
pub(crate) async fn child(servers: &Servers, bare: bool) -> Result<()> {
    // Under callgrind a second is short: the proof of the stream may be as old as a minute here. And the clocks of the
    // runtime are read in a way that it cannot run.
    let entries = 2 * usize::try_from(USERS)?;
    let builder = servers.manager().level(Level::Bounded(Duration::from_secs(60)));
    let builder = builder.tier(entries, 1 << 30).clock(Arc::new(Since(Instant::now())));
    let users = Users { db: servers.pool().await?, cache: builder.build()? };
    let draws = zipf(2 * READS);
    let (first, counted) = draws.split_at(draws.len() / 2);
    let ids: Vec<i64> = draws.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    let cache = Cache::new(entries);
    for _ in 0..3 {
        for user in users.get_many(&ids).await?.into_iter().flatten() {
            cache.insert(user.id, user);
        }
        users.cache.drain().await;
    }
    // What was read often is what it is after as many reads.
    for id in first {
        users.get(*id).await?;
        cache.get(id);
    }
    let before = users.stats().tier_hits;
    let found = if bare { hits_of_bare(&cache, counted) } else { hits_of_ours(&users, counted) };
    let hits = if bare { found } else { u32::try_from(users.stats().tier_hits - before)? };
    if (found, hits) == (READS, READS) {
        Ok(())
    } else {
        Err(format!("of {READS} reads {hits} were hits, and {found} found a row").into())
    }
}

/// A clock as the standard library has it.
#[derive(Debug)]
struct Since(Instant);

impl Clock for Since {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    fn unix_millis(&self) -> u64 {
        0
    }
}

#[inline(never)]
fn hits_of_ours(users: &Users, ids: &[i64]) -> u32 {
    let mut context = Context::from_waker(Waker::noop());
    let mut found = 0;
    for id in ids {
        // A hit in the process waits for nothing, so it is ready when it is first asked.
        let read = pin!(users.get(*id));
        if let Poll::Ready(Ok(Some(user))) = read.poll(&mut context) {
            black_box(user);
            found += 1;
        }
    }
    found
}

#[inline(never)]
fn hits_of_bare(cache: &Cache<i64, Arc<User>>, ids: &[i64]) -> u32 {
    let mut found = 0;
    for id in ids {
        if let Some(user) = cache.get(id) {
            black_box(user);
            found += 1;
        }
    }
    found
}
