//! A write here, and a reader in another process whose memory has the old value: when is that gone there?
//!
//! The reader is one thread that never pauses and hears the invalidations between its reads: where another thread had to
//! hear them, on a machine as small as this one it would be the scheduler that is measured.

use std::time::{Duration, Instant, SystemTime};

use crate::Result;
use crate::bench::Bench;
use crate::children::{Child, Job, Servers, say, told};
use crate::figures::{Bound, Figure};
use crate::times::percentile;
use crate::world::{User, Users, World};

/// Users that are written in turn.
const IDS: i64 = 100;
/// What a number of this row counts from: the announcement goes out before the commit, so most of them are below zero.
const UNIT: &str = "µs after the write returned (below zero: before)";
/// After this the old value is taken to stay.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) async fn run(bench: &mut Bench) -> Result<()> {
    let name = "a write until another process's memory has it no more";
    if bench.wants(name) {
        let world = bench.world().await?;
        bench.add_all(fresh(&world, name, bench.effort().samples).await?);
    }
    Ok(())
}

async fn fresh(world: &World, name: &str, samples: usize) -> Result<Vec<Figure>> {
    world.changed();
    let mut child = Child::start(&Servers::of(world), &Job::Fresh)?;
    let mut lags = Vec::with_capacity(samples);
    let mut after = 0;
    for sample in 0..i64::try_from(samples)? {
        let id = sample % IDS + 1;
        let Some(old) = world.users.get(id).await? else { return Err("no such user".into()) };
        let logins = old.logins + 1;
        child.tell(&format!("{id} {logins}"))?;
        if child.says()? != "ready" {
            return Err("the reader is not ready".into());
        }
        // Not in step with anything.
        tokio::time::sleep(Duration::from_micros(fastrand::u64(0..2_000))).await;
        world.users.update(&User { logins, ..(*old).clone() }).await?;
        let replied = nanos()?;
        let gone: i128 = child.says()?.parse()?;
        after += usize::from(gone > replied);
        lags.push((gone - replied) as f64 / 1e3);
    }
    let figure = |what: &str, at: f64, bound| {
        Figure::new(format!("{name}, {what}"), percentile(&lags, at), UNIT, bound)
    };
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more than a double holds")]
    let share = after as f64 / samples as f64;
    Ok(vec![
        figure("p50", 0.5, Bound::AtMost(100.0)),
        figure("p99", 0.99, Bound::AtMost(500.0)),
        figure("max", 1.0, Bound::None),
        Figure::new(
            format!("{name}: share of writes that returned before"),
            share,
            "",
            Bound::None,
        ),
    ])
}

/// The side of the reader. Both processes are on one machine, whose wall clock they share.
pub(crate) fn child(servers: &Servers) -> Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(reading(servers))
}

async fn reading(servers: &Servers) -> Result<()> {
    let users = Users { db: servers.pool().await?, cache: servers.manager().build()? };
    while let Some(line) = told() {
        let (id, logins) = line.split_once(' ').ok_or("an id and a number")?;
        let (id, logins): (i64, i64) = (id.parse()?, logins.parse()?);
        near(&users, id).await?;
        say("ready")?;
        let patience = Instant::now() + PATIENCE;
        // The old value is gone when a read begins that does not get it.
        let gone = loop {
            let began = nanos()?;
            if users.get(id).await?.is_some_and(|user| user.logins == logins) {
                break began;
            }
            if Instant::now() > patience {
                return Err("the old value stays".into());
            }
            tokio::task::yield_now().await;
        };
        say(&gone.to_string())?;
    }
    Ok(())
}

/// Reads until it is the memory of this process that answers.
async fn near(users: &Users, id: i64) -> Result<()> {
    let patience = Instant::now() + PATIENCE;
    loop {
        let before = users.stats().tier_hits;
        users.get(id).await?;
        if users.stats().tier_hits > before {
            return Ok(());
        }
        if Instant::now() > patience {
            return Err("the tier in the process does not take the value".into());
        }
        users.cache.drain().await;
    }
}

fn nanos() -> Result<i128> {
    Ok(i128::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_nanos())?)
}
