//! A thousand callers who miss the same key at once, in one process and in eight: how often the database is asked.

use std::future::Future;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::Result;
use crate::bench::Bench;
use crate::figures::{Bound, Figure};
use crate::ours;
use crate::pair::median;
use crate::peer::{Peer, Setup, Tiers};
use crate::source::Source;
use crate::world::World;

/// The argument with which this program is one of the eight.
pub(crate) const CHILD: &str = "--storm";
const CALLERS: usize = 1000;
const PROCESSES: usize = 8;
/// The first user of those that are asked for here, and how many there are for one process and for eight.
const FIRST: i64 = 1_000_001;
const EACH: i64 = 100;
/// Nobody waits longer for a row that takes 20 ms.
const DEADLINE: Duration = Duration::from_secs(5);

/// Whether the user was found.
pub(crate) type Ask = Arc<dyn Fn(i64) -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync>;

pub(crate) fn ask(peer: impl Peer) -> Ask {
    Arc::new(move |id| {
        let peer = peer.clone();
        Box::pin(async move { peer.user(id).await.is_some() })
    })
}

pub(crate) async fn run(
    bench: &mut Bench,
    names: &[&str],
    open: impl AsyncFn(&str, &Setup) -> Result<Ask>,
) -> Result<()> {
    let mut prepared = false;
    for &name in names {
        for (processes, place) in [(1, "one process"), (PROCESSES, "each of 8 processes")] {
            let row = format!("stampede of 1,000 callers in {place}, {name}");
            if !bench.wants(&row) {
                continue;
            }
            let world = bench.world().await?;
            if !prepared {
                prepare(&world.pool).await?;
                prepared = true;
            }
            let rounds = if processes == 1 { bench.effort().rounds } else { 5 };
            let outcome = if processes == 1 {
                let ask = open(name, &setup(&world).await?).await?;
                here(&world.pool, &ask, rounds).await?
            } else {
                everywhere(&world, name, rounds).await?
            };
            bench.add_all(outcome.figures(&row, name == ours::NAME));
        }
    }
    Ok(())
}

/// What several storms came to.
struct Outcome {
    queries: i64,
    /// Callers who got an error, or nothing before the deadline.
    unanswered: u64,
    times: Vec<Duration>,
}

impl Outcome {
    fn figures(self, row: &str, ours: bool) -> Vec<Figure> {
        let rounds = self.times.len() as f64;
        let (one, none) = match ours {
            true => (Bound::AtMost(1.0), Bound::AtMost(0.0)),
            false => (Bound::None, Bound::None),
        };
        let queries = self.queries as f64 / rounds;
        let millis = median(self.times.iter().map(|time| time.as_secs_f64() * 1e3).collect());
        let told = |what: &str| format!("{row}: {what}");
        let mut figures = vec![
            Figure::new(told("queries"), queries, "", one),
            Figure::new(told("until all are answered"), millis, "ms", Bound::None),
        ];
        if ours || self.unanswered > 0 {
            let unanswered = self.unanswered as f64 / rounds;
            figures.push(Figure::new(told("callers without an answer"), unanswered, "", none));
        }
        figures
    }
}

/// Lets every select of a user take 20 ms and count itself, for whoever looks in this schema first.
async fn prepare(pool: &PgPool) -> Result<()> {
    sqlx::raw_sql(
        "CREATE SEQUENCE asked; CREATE SCHEMA slow; \
         CREATE VIEW slow.users AS SELECT users.* FROM public.users CROSS JOIN LATERAL \
         (SELECT nextval('public.asked'), pg_sleep(0.02) WHERE users.id > 0) counted",
    )
    .execute(pool)
    .await?;
    // Users whom no row has asked for.
    sqlx::query(
        "INSERT INTO users SELECT id + $1, email, name, city, country, bio, active, logins, score, created_at \
         FROM users WHERE id <= $2",
    )
    .bind(FIRST - 1)
    .bind(2 * EACH)
    .execute(pool)
    .await?;
    Ok(())
}

async fn asked(pool: &PgPool) -> Result<i64> {
    let sql = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM asked";
    Ok(sqlx::query_scalar(sql).fetch_one(pool).await?)
}

async fn setup(world: &World) -> Result<Setup> {
    let namespace = format!("storm-{:08x}", fastrand::u32(..));
    setup_of(world.database_url(), world.redis_url(), &namespace).await
}

async fn setup_of(url: &str, redis_url: &str, namespace: &str) -> Result<Setup> {
    let options: PgConnectOptions = url.parse()?;
    let options = options.options([("search_path", "slow,public")]);
    let pool = PgPoolOptions::new().max_connections(8).connect_with(options).await?;
    let (redis_url, namespace) = (redis_url.to_owned(), namespace.to_owned());
    Ok(Setup { tiers: Tiers::Near, redis_url, namespace, source: Source::new(pool) })
}

/// All callers of one process, at once, for one user; how many had no answer in time.
async fn storm(ask: &Ask, id: i64) -> Result<u64> {
    let deadline = tokio::time::Instant::now() + DEADLINE;
    let callers: Vec<_> = (0..CALLERS).map(|_| tokio::spawn(ask(id))).collect();
    let mut unanswered = 0;
    for mut caller in callers {
        let answered = match tokio::time::timeout_at(deadline, &mut caller).await {
            Ok(found) => found?,
            Err(_) => {
                caller.abort();
                false
            }
        };
        unanswered += u64::from(!answered);
    }
    Ok(unanswered)
}

async fn here(pool: &PgPool, ask: &Ask, rounds: usize) -> Result<Outcome> {
    // Connections are there before anything counts.
    storm(ask, FIRST).await?;
    let before = asked(pool).await?;
    let (mut times, mut unanswered) = (Vec::new(), 0);
    for id in (FIRST + 1..FIRST + EACH).take(rounds) {
        let began = Instant::now();
        unanswered += storm(ask, id).await?;
        times.push(began.elapsed());
    }
    Ok(Outcome { queries: asked(pool).await? - before, unanswered, times })
}

async fn everywhere(world: &World, name: &str, rounds: usize) -> Result<Outcome> {
    let namespace = format!("storm-{:08x}", fastrand::u32(..));
    let mut processes = Vec::new();
    for _ in 0..PROCESSES {
        processes.push(Process::start(&[
            CHILD,
            name,
            world.database_url(),
            world.redis_url(),
            &namespace,
        ])?);
    }
    let mut round = async |id: i64| {
        let (began, mut unanswered) = (Instant::now(), 0);
        for process in &mut processes {
            process.tell(id).await?;
        }
        for process in &mut processes {
            unanswered += process.answer().await?;
        }
        Result::Ok((began.elapsed(), unanswered))
    };
    let first = FIRST + EACH;
    round(first).await?;
    let before = asked(&world.pool).await?;
    let (mut times, mut unanswered) = (Vec::new(), 0);
    for id in (first + 1..first + EACH).take(rounds) {
        let (time, without) = round(id).await?;
        unanswered += without;
        times.push(time);
    }
    Ok(Outcome { queries: asked(&world.pool).await? - before, unanswered, times })
}

/// One of the eight, seen from the first: it is told a user's id, and tells how many callers had no answer.
struct Process {
    _child: Child,
    told: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn start(arguments: &[&str]) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let told = child.stdin.take().ok_or("no stdin")?;
        let answers = BufReader::new(child.stdout.take().ok_or("no stdout")?).lines();
        Ok(Self { _child: child, told, answers })
    }

    async fn tell(&mut self, id: i64) -> Result<()> {
        Ok(self.told.write_all(format!("{id}\n").as_bytes()).await?)
    }

    async fn answer(&mut self) -> Result<u64> {
        let answer = tokio::time::timeout(2 * DEADLINE, self.answers.next_line()).await??;
        Ok(answer.ok_or("a process ended")?.parse()?)
    }
}

/// What one of the eight does.
pub(crate) async fn child(
    arguments: &[String],
    open: impl AsyncFn(&str, &Setup) -> Result<Ask>,
) -> Result<()> {
    let [name, url, redis_url, namespace] = arguments else {
        return Err("a storm needs a name, two servers and a namespace".into());
    };
    let ask = open(name, &setup_of(url, redis_url, namespace).await?).await?;
    let mut told = BufReader::new(tokio::io::stdin()).lines();
    while let Some(id) = told.next_line().await? {
        println!("{}", storm(&ask, id.parse()?).await?);
    }
    Ok(())
}
