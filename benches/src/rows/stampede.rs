//! A key that is cold, and everybody asks for it: how many queries reach the database.
//!
//! They are counted there, by a sequence that a view over the table draws from for each row that is read.

use std::sync::Arc;
use std::time::Duration;

use cache_runtime::{CacheManager, Entity, cached_repository};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgPool};
use tokio::sync::{Barrier, OnceCell};

use crate::Result;
use crate::bench::Bench;
use crate::children::{Child, Job, Servers, say, told};
use crate::figures::{Bound, Figure};
use crate::pair::finished;
use crate::plain;
use crate::world::World;

const CALLERS: usize = 1_000;
const PROCESSES: usize = 8;
/// Warms connections up, and nothing else.
const FIRST: i64 = 1;
/// How long a query takes: long enough that all callers are there before the first answer is.
const QUERY: &str = "0.02";
const ROWS: i64 = 1_000;

/// A row of the view.
#[derive(Clone, Debug, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "slow")]
struct Slow {
    #[entity(id)]
    id: i64,
    name: String,
}

#[cached_repository(entity = Slow, ttl = "1h")]
#[derive(Clone)]
struct Slows {
    db: PgPool,
    cache: CacheManager,
}

pub(crate) async fn run(bench: &mut Bench) -> Result<()> {
    let tables = OnceCell::new();
    let mut next = FIRST;
    for processes in [1, PROCESSES] {
        let name = format!("stampede, {processes} × {CALLERS} callers on a cold key");
        if bench.wants(&name) {
            let world = bench.world().await?;
            tables.get_or_try_init(|| prepare(&world.pool)).await?;
            let rounds = bench.effort().rounds;
            bench.add_all(ours(&world, &name, processes, rounds, &mut next).await?);
        }
    }
    let name = format!("stampede, 1 × {CALLERS} callers by hand");
    if bench.wants(&name) {
        let world = bench.world().await?;
        tables.get_or_try_init(|| prepare(&world.pool)).await?;
        next += 1;
        let queries = by_hand(&world, next).await?;
        bench.add(Figure::new(name, queries, "queries", Bound::None));
    }
    Ok(())
}

async fn prepare(pool: &PgPool) -> Result<()> {
    // What draws from a sequence, or sleeps, is evaluated for each row that is read, and never left out.
    let sql = format!(
        "CREATE SEQUENCE slow_reads; \
         CREATE TABLE slow_rows (id int8 PRIMARY KEY, name text NOT NULL); \
         INSERT INTO slow_rows SELECT n, 'Name ' || n FROM generate_series(1, {ROWS}) n; \
         CREATE VIEW slow AS \
         SELECT *, nextval('slow_reads') AS read, pg_sleep({QUERY}) IS NULL AS slept FROM slow_rows"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(pool).await?;
    let before = reads(pool).await?;
    for _ in 0..2 {
        load(pool, FIRST).await.ok_or("no row of the view")?;
    }
    match reads(pool).await? - before {
        2 => Ok(()),
        counted => Err(format!("of 2 queries {counted} were counted").into()),
    }
}

/// How many rows of the view were read up to now.
async fn reads(pool: &PgPool) -> Result<i64> {
    let sql = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM slow_reads";
    Ok(sqlx::query_scalar(sql).fetch_one(pool).await?)
}

async fn load(pool: &PgPool, id: i64) -> Option<Slow> {
    let sql = "SELECT id, name FROM slow WHERE id = $1";
    sqlx::query_as(sql).bind(id).fetch_optional(pool).await.ok()?
}

/// The worst of the rounds, each on a key of its own, in processes that are warm and start together.
async fn ours(
    world: &World,
    name: &str,
    processes: usize,
    rounds: usize,
    next: &mut i64,
) -> Result<Vec<Figure>> {
    let (servers, job) = (Servers::of(world), Job::Stampede { callers: CALLERS });
    let mut children =
        (0..processes).map(|_| Child::start(&servers, &job)).collect::<Result<Vec<_>>>()?;
    let mut worst = 0;
    let mut slowest = Duration::ZERO;
    for _ in 0..rounds {
        *next += 1;
        for child in &mut children {
            ready(child)?;
        }
        let before = reads(&world.pool).await?;
        for child in &mut children {
            child.tell(&next.to_string())?;
        }
        for child in &mut children {
            slowest = slowest.max(Duration::from_micros(child.says()?.parse()?));
        }
        worst = worst.max(reads(&world.pool).await? - before);
    }
    let millis = slowest.as_secs_f64() * 1e3;
    let worst = f64::from(i32::try_from(worst)?);
    Ok(vec![
        Figure::new(format!("{name}: queries"), worst, "queries", Bound::AtMost(1.0)),
        Figure::new(format!("{name}: until all are answered"), millis, "ms", Bound::None),
    ])
}

fn ready(child: &mut Child) -> Result<()> {
    match child.says()?.as_str() {
        "ready" => Ok(()),
        other => Err(format!("a child says {other:?} where it should be ready").into()),
    }
}

/// The side of a child: all callers wait at a barrier, and ask for the key that the parent names.
pub(crate) async fn child(servers: &Servers, callers: usize) -> Result<()> {
    let slows = Slows { db: servers.pool().await?, cache: servers.manager().build()? };
    slows.get(FIRST).await?;
    slows.cache.drain().await;
    loop {
        say("ready")?;
        let Some(id) = told() else { return Ok(()) };
        let id: i64 = id.parse()?;
        let barrier = Arc::new(Barrier::new(callers));
        let began = std::time::Instant::now();
        let tasks: Vec<_> = (0..callers)
            .map(|_| {
                let (slows, barrier) = (slows.clone(), Arc::clone(&barrier));
                tokio::spawn(async move {
                    barrier.wait().await;
                    assert!(matches!(slows.get(id).await, Ok(Some(_))), "a row");
                })
            })
            .collect();
        for task in tasks {
            finished(task.await);
        }
        say(&began.elapsed().as_micros().to_string())?;
        slows.cache.drain().await;
    }
}

/// What cache-aside as one writes it does to the database, and the proof that queries are counted.
async fn by_hand(world: &World, id: i64) -> Result<f64> {
    let barrier = Arc::new(Barrier::new(CALLERS));
    let before = reads(&world.pool).await?;
    let tasks: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (redis, pool, barrier) =
                (world.redis.clone(), world.pool.clone(), Arc::clone(&barrier));
            tokio::spawn(async move {
                barrier.wait().await;
                let key = format!("plain:slow:{id}");
                let load = async || load(&pool, id).await.map(|slow| slow.name);
                assert!(plain::text(redis, &key, load).await.is_some(), "a row");
            })
        })
        .collect();
    for task in tasks {
        finished(task.await);
    }
    Ok(f64::from(i32::try_from(reads(&world.pool).await? - before)?))
}
