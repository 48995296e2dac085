//! From the end of a write until another cache of the same users shows it out of its memory.

use std::time::{Duration, Instant};

use cache_runtime::{Level, ReadAt};

use crate::Result;
use crate::bench::Bench;
use crate::figures::{Bound, Figure};
use crate::multi_tier;
use crate::ours;
use crate::peer::{Peer, Setup, Tiers};
use crate::source::Source;
use crate::world::{User, World};

const DEADLINE: Duration = Duration::from_secs(5);
/// Users that are written to, one after the other.
const WRITTEN: i64 = 1000;

pub(crate) async fn run(bench: &mut Bench) -> Result<()> {
    let row = |name: &str| format!("write to freshness elsewhere, {name}");
    let (bounded, strong, theirs) = (row("ours"), row("ours, strong"), row(multi_tier::NAME));
    for (name, level) in [(&bounded, Level::default()), (&strong, Level::Strong)] {
        if bench.wants(name) {
            let world = bench.world().await?;
            let setup = setup(&world);
            let (here, there) = (ours::open(&setup)?, ours::open(&setup)?);
            let write = async |user: &User| {
                here.update(user).await?;
                Result::Ok(())
            };
            let read =
                async |id| there.get(id).at(level).await.ok().flatten().map(|user| user.logins);
            let goal = if level == Level::Strong { Bound::AtMost(0.0) } else { Bound::None };
            let lags = lags(bench.effort().samples, write, read).await?;
            world.changed();
            bench.add_all(lags.figures(name, goal));
        }
    }
    if bench.wants(&theirs) {
        let world = bench.world().await?;
        let setup = setup(&world);
        let here = multi_tier::telling(&setup).await?;
        let there = multi_tier::telling(&setup).await?;
        let write = async |user: &User| {
            let update = sqlx::query("UPDATE users SET logins = $2 WHERE id = $1");
            update.bind(user.id).bind(user.logins).execute(&world.pool).await?;
            here.invalidate(user.id).await
        };
        let read = async |id| there.user(id).await.map(|user| user.logins);
        let lags = lags(bench.effort().samples, write, read).await?;
        world.changed();
        bench.add_all(lags.figures(&theirs, Bound::None));
    }
    Ok(())
}

fn setup(world: &World) -> Setup {
    Setup {
        tiers: Tiers::Near,
        redis_url: world.redis_url().to_owned(),
        namespace: format!("fresh-{:08x}", fastrand::u32(..)),
        source: Source::new(world.pool.clone()),
    }
}

struct Lags {
    times: Vec<Duration>,
    /// How often the first answer after the write was that from before it.
    stale: usize,
}

/// `read` gives what `write` wrote in the column `logins`, or something older.
async fn lags(
    samples: usize,
    write: impl AsyncFn(&User) -> Result<()>,
    read: impl AsyncFn(i64) -> Option<i64>,
) -> Result<Lags> {
    let (mut times, mut stale) = (Vec::with_capacity(samples), 0);
    for sample in 0..i64::try_from(samples)? {
        let id = sample % WRITTEN + 1;
        // Once from afar, and then from where it is kept.
        for _ in 0..3 {
            read(id).await.ok_or("a user that is there")?;
        }
        let logins = 1_000_000 + sample;
        write(&user(id, logins)).await?;
        let began = Instant::now();
        let mut first = true;
        while read(id).await != Some(logins) {
            stale += usize::from(first);
            first = false;
            if began.elapsed() > DEADLINE {
                return Err(format!("user {id} stays as it was for more than {DEADLINE:?}").into());
            }
            // What never waits would keep off its thread who brings the news.
            tokio::task::yield_now().await;
        }
        times.push(began.elapsed());
    }
    times.sort_unstable();
    Ok(Lags { times, stale })
}

impl Lags {
    fn figures(&self, name: &str, goal: Bound) -> Vec<Figure> {
        let count = self.times.len();
        let at = |share: usize| {
            let time = self.times.get(count * share / 100).or(self.times.last());
            time.copied().unwrap_or_default().as_secs_f64() * 1e3
        };
        let told = |what: &str| format!("{name}: {what}");
        let stale = self.stale as f64 / count.max(1) as f64;
        vec![
            Figure::new(told("first answers that were old"), stale * 100.0, "%", goal),
            Figure::new(told("p50"), at(50), "ms", Bound::None),
            Figure::new(told("p99"), at(99), "ms", Bound::None),
            Figure::new(told("max"), at(100), "ms", Bound::None),
        ]
    }
}

fn user(id: i64, logins: i64) -> User {
    User {
        id,
        email: format!("user{id}@example.org"),
        name: format!("User {id}"),
        city: "City".to_owned(),
        country: "C".to_owned(),
        bio: None,
        active: true,
        logins,
        score: 0.5,
        created_at: 1,
    }
}
