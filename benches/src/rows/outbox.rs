//! Writes from elsewhere: how long until they are out of the cache, and how quickly a backlog goes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cache_runtime::{
    CacheManager, CachedRepository, Entity, Key, Relay, cached_repository, migrate,
};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgPool};
use tokio::sync::OnceCell;

use crate::Result;
use crate::bench::Bench;
use crate::effort::Effort;
use crate::figures::{Bound, Figure};
use crate::pair::{Goal, Measured, measure};
use crate::world::World;

const ROWS: u64 = 10_000;
const WRITERS: u64 = 4;

#[derive(Clone, Debug, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "watched")]
pub(crate) struct Row {
    #[entity(id)]
    id: i64,
    name: String,
    country: String,
    count: i64,
}

#[cached_repository(entity = Row, ttl = "1h", list(country))]
#[derive(Clone)]
pub(crate) struct Rows {
    db: PgPool,
    cache: CacheManager,
}

/// The same table again, which nobody watches.
#[derive(Clone, Debug, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "unwatched")]
pub(crate) struct Free {
    #[entity(id)]
    id: i64,
    name: String,
    country: String,
    count: i64,
}

#[cached_repository(entity = Free, ttl = "1h", list(country))]
#[derive(Clone)]
pub(crate) struct Frees {
    db: PgPool,
    cache: CacheManager,
}

pub(crate) async fn run(bench: &mut Bench) -> Result<()> {
    let tables = OnceCell::new();
    let name = "update by id, watched table over unwatched";
    if bench.wants(name) {
        let world = bench.world().await?;
        let (rows, frees) = tables.get_or_try_init(|| prepare(&world)).await?;
        bench.add(watched(name, bench.effort(), rows, frees).await);
    }
    if bench.wants("outbox: commit to removal") {
        let world = bench.world().await?;
        let (rows, _) = tables.get_or_try_init(|| prepare(&world)).await?;
        bench.add_all(lag(rows, bench.effort().samples).await?);
    }
    if bench.wants("outbox: drain") {
        let world = bench.world().await?;
        let (rows, _) = tables.get_or_try_init(|| prepare(&world)).await?;
        bench.add_all(drain(rows, bench.effort().backlog, bench.effort()).await?);
    }
    Ok(())
}

/// The tables, the outbox and the triggers.
async fn prepare(world: &World) -> Result<(Rows, Frees)> {
    migrate(&world.pool).await?;
    for table in ["watched", "unwatched"] {
        let sql = format!(
            "CREATE TABLE {table} (id int8 PRIMARY KEY, name text NOT NULL, country text NOT NULL, count int8 NOT NULL); \
             INSERT INTO {table} SELECT n, 'Name ' || n, 'C' || n % 90, 0 FROM generate_series(1, {ROWS}) n"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&world.pool).await?;
    }
    let (db, cache) = (world.pool.clone(), world.users.cache.clone());
    let rows = Rows { db: db.clone(), cache: cache.clone() };
    rows.repository().watch().await?;
    Ok((rows, Frees { db, cache }))
}

/// What an update through the repository costs more where the table is watched.
async fn watched(name: &str, effort: Effort, rows: &Rows, frees: &Frees) -> Measured {
    let (rows, frees) = (rows.clone(), frees.clone());
    let id = |random: u64| i64::try_from(random % ROWS).unwrap_or_default() + 1;
    let count = |random: u64| i64::try_from(random >> 2).unwrap_or_default();
    let ours = move |random: u64| {
        let rows = rows.clone();
        let row =
            Row { id: id(random), name: "N".into(), country: "C".into(), count: count(random) };
        async move { assert!(matches!(rows.update(&row).await, Ok(Some(_))), "an update") }
    };
    let theirs = move |random: u64| {
        let frees = frees.clone();
        let row =
            Free { id: id(random), name: "N".into(), country: "C".into(), count: count(random) };
        async move { assert!(matches!(frees.update(&row).await, Ok(Some(_))), "an update") }
    };
    measure(name, effort, 1, Goal::Latency(1.15), ours, theirs).await
}

/// From the answer to a commit of plain SQL until the key is out of Redis.
async fn lag(rows: &Rows, samples: usize) -> Result<Vec<Figure>> {
    let relay = ready(rows).await?;
    let mut lags = Vec::with_capacity(samples);
    for sample in 0..samples {
        let id = i64::try_from(sample)? % i64::try_from(ROWS)? + 1;
        let key = row_key(&rows.cache, id)?;
        let backend = rows.cache.backend();
        backend.set(&key, Bytes::from_static(b"x"), Duration::from_secs(60).into()).await?;
        // Not in step with the relay's pauses.
        tokio::time::sleep(Duration::from_micros(fastrand::u64(0..20_000))).await;
        sqlx::query("UPDATE watched SET count = count + 1 WHERE id = $1")
            .bind(id)
            .execute(&rows.db)
            .await?;
        let committed = Instant::now();
        while backend.exists(&key).await? {
            // A loop without a pause would take a processor from the relay.
            tokio::time::sleep(Duration::from_micros(300)).await;
        }
        lags.push(committed.elapsed());
    }
    relay.stop().await;
    lags.sort_unstable();
    let at = |share: usize| {
        lags.get(lags.len() * share / 100).or(lags.last()).copied().unwrap_or_default()
    };
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    let name = |what: &str| format!("outbox: commit to removal, {what}");
    Ok(vec![
        Figure::new(name("p50"), millis(at(50)), "ms", Bound::None),
        Figure::new(name("p99"), millis(at(99)), "ms", Bound::AtMost(50.0)),
        Figure::new(name("max"), millis(at(100)), "ms", Bound::None),
    ])
}

/// A backlog, while others write: its rows a second, and the writers' rate beside theirs with an idle relay.
async fn drain(rows: &Rows, backlog: u64, effort: Effort) -> Result<Vec<Figure>> {
    let relay = ready(rows).await?;
    let idle = Writers::start(rows);
    tokio::time::sleep(effort.time * 5).await;
    let idle = idle.stop().await;
    relay.stop().await;

    sqlx::query(
        "INSERT INTO cache_runtime.outbox (namespace, keys) \
         SELECT $1, ARRAY[$1 || ':watched:id:=' || n, $1 || ':tag:=watched'] FROM generate_series(1, $2) n",
    )
    .bind(rows.cache.namespace().as_str())
    .bind(i64::try_from(backlog)?)
    .execute(&rows.db)
    .await?;
    let writers = Writers::start(rows);
    let began = Instant::now();
    let relay = rows.cache.relay(&rows.db).spawn()?;
    while relay.stats().rows < backlog {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let took = began.elapsed();
    let busy = writers.stop().await;
    relay.stop().await;
    #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than a double holds")]
    let rate = backlog as f64 / took.as_secs_f64();
    Ok(vec![
        Figure::new(
            format!("outbox: drain of {backlog} rows"),
            rate,
            "rows/s",
            Bound::AtLeast(20_000.0),
        ),
        Figure::new("outbox: writers beside an idle relay".to_owned(), idle, "ops/s", Bound::None),
        Figure::new(
            "outbox: writers during the drain, over that".to_owned(),
            busy / idle,
            "",
            Bound::None,
        ),
    ])
}

fn row_key(cache: &CacheManager, id: i64) -> Result<Key> {
    Ok(cache.key().text("watched:id").value(&id).finish()?)
}

/// A relay that has nothing left to do.
async fn ready(rows: &Rows) -> Result<Relay> {
    sqlx::raw_sql("TRUNCATE cache_runtime.outbox").execute(&rows.db).await?;
    let relay = rows.cache.relay(&rows.db).spawn()?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    Ok(relay)
}

/// Plain SQL on the watched table, as fast as it goes.
struct Writers {
    began: Instant,
    over: Arc<AtomicBool>,
    count: Arc<AtomicU64>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Writers {
    fn start(rows: &Rows) -> Self {
        let (over, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let tasks = (0..WRITERS)
            .map(|_| {
                let (db, over, count) = (rows.db.clone(), Arc::clone(&over), Arc::clone(&count));
                tokio::spawn(async move {
                    while !over.load(Ordering::Relaxed) {
                        let id = i64::try_from(fastrand::u64(1..=ROWS)).unwrap_or(1);
                        let sql = "UPDATE watched SET count = count + 1 WHERE id = $1";
                        if sqlx::query(sql).bind(id).execute(&db).await.is_ok() {
                            count.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                })
            })
            .collect();
        Self { began: Instant::now(), over, count, tasks }
    }

    /// Their statements a second.
    async fn stop(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than a double holds")]
        let rate = self.count.load(Ordering::Relaxed) as f64 / self.began.elapsed().as_secs_f64();
        self.over.store(true, Ordering::Relaxed);
        for task in self.tasks {
            let _ = task.await;
        }
        rate
    }
}
