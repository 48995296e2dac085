//! Warming: rows are read into the cache before anyone asks for them, at a pace that the database bears.

mod pace;
mod parameters;
mod report;
mod source;

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgArguments, PgPool};
use sqlx::{Arguments, Encode, Postgres, Type};
use tokio::task::{JoinError, JoinSet};

use self::pace::Pace;
pub use self::report::{WarmProgress, WarmReport};
use self::source::Source;
use super::Repository;

use super::config::CachedRepository;
use super::core::Core;
use super::read::load_in_order;
use crate::mind::{Turn, Warmed, warm_many};
use crate::policy::Level;
use crate::postgres::Entity;

/// How often a warming that waits for its pace looks at the clock.
const LOOK: Duration = Duration::from_millis(20);
const MOST_IN_BATCH: usize = 1000;

/// A warming that is about to begin: `warm_all`, `warm_where` and [`warm_ids`](Repository::warm_ids) make one.
///
/// Each batch is one read of the cache, and one query for the rows that it lacks, whose fills go through leases like
/// those of any reader: a row that is changed meanwhile is left out, never cached old. What the cache has already is
/// not loaded again.
///
/// ```no_run
/// use std::time::Duration;
/// use cache_runtime::CachedRepository;
///
/// # async fn example(cities: &impl CachedRepository) {
/// let report = cities
///     .repository()
///     .warm_where("population > $1")
///     .bind(100_000_i64)
///     .rate(5_000.0)
///     .progress(|progress| println!("{progress}"))
///     .run()
///     .await;
/// for error in &report.errors {
///     eprintln!("{error}");
/// }
/// # }
/// ```
#[must_use = "a warming begins with `run`"]
pub struct Warm<R: CachedRepository> {
    core: Arc<Core<R::Entity>>,
    pool: PgPool,
    source: Source<R::Entity>,
    batch: usize,
    rate: Option<f64>,
    concurrency: usize,
    tier: bool,
    progress: Option<Progress>,
}

type Progress = Box<dyn FnMut(&WarmProgress) + Send>;

impl<R: CachedRepository> Repository<'_, R> {
    /// All rows of the table, in the order of their ids.
    pub fn warm_all(&self) -> Warm<R> {
        self.warming(Source::rows(None))
    }

    /// The rows of which this condition is true, in the order of their ids. It is SQL, as it stands behind `WHERE`; its
    /// parameters, `$1` and so on, are given with [`bind`](Warm::bind), in their order. Where there are fewer or more of
    /// them than the condition names, the warming ends with an error that says so.
    pub fn warm_where(&self, condition: &'static str) -> Warm<R> {
        self.warming(Source::rows(Some(condition)))
    }

    /// The rows with these ids.
    pub fn warm_ids<I>(&self, ids: I) -> Warm<R>
    where
        I: IntoIterator<Item = <R::Entity as Entity>::Id, IntoIter: Send + 'static>,
    {
        self.warming(Source::Ids(Box::new(ids.into_iter())))
    }

    fn warming(&self, source: Source<R::Entity>) -> Warm<R> {
        Warm {
            core: Arc::clone(self.core),
            pool: self.host.db().clone(),
            source,
            batch: 500,
            rate: None,
            concurrency: 1,
            tier: true,
            progress: None,
        }
    }
}

impl<R: CachedRepository> Warm<R> {
    /// The value of the next parameter of the condition. Without a condition there is nothing to bind it to, and the
    /// warming ends with an error.
    pub fn bind<T>(mut self, value: T) -> Self
    where
        T: for<'q> Encode<'q, Postgres> + Type<Postgres>,
    {
        if let Source::Rows(walk) = &mut self.source
            && let Ok(bound) = &mut walk.bound
            && let Err(error) = bound.add(value)
        {
            walk.bound = Err::<PgArguments, _>(sqlx::Error::Encode(error));
        }
        self
    }

    /// How many rows one query loads, from 1 to 1000. 500: enough that round trips do not count, few enough that a
    /// query is short. Less where the [rate](Self::rate) asks for it.
    pub fn batch(mut self, rows: usize) -> Self {
        self.batch = rows.clamp(1, MOST_IN_BATCH);
        self
    }

    /// How many rows a second, at most, those included that turn out to be warm. No limit: the database's own pace.
    /// Anything that is not above zero counts as no limit.
    pub fn rate(mut self, rows_per_second: f64) -> Self {
        self.rate = (rows_per_second > 0.0).then_some(rows_per_second);
        self
    }

    /// How many batches are under way at once; at least one. One: a warming is in no hurry. Each takes one of the loads
    /// that may run at once, `max_loads`, and waits for it behind whoever came before.
    pub fn concurrency(mut self, batches: usize) -> Self {
        self.concurrency = batches.max(1);
        self
    }

    /// Whether the rows go to the tier in the process, too, where the repository's level has one. Yes; say no where the
    /// table is much larger than the tier, which would lose what it has.
    pub fn tier(mut self, warm: bool) -> Self {
        self.tier = warm;
        self
    }

    /// Who is told after each batch: for a progress bar. To know the total, the rows are counted before the first.
    pub fn progress(mut self, told: impl FnMut(&WarmProgress) + Send + 'static) -> Self {
        self.progress = Some(Box::new(told));
        self
    }

    /// Warms. A failure does not stop it, and is in the report; it ends early only where the table cannot be read.
    ///
    /// Dropped it stops: no further batch begins, what is loaded is not waited for, and leases are given back.
    ///
    /// # Panics
    /// Where decoding a row does.
    pub async fn run(mut self) -> WarmReport {
        let clock = Arc::clone(&self.core.context.clock);
        let began = clock.elapsed();
        let mut report = WarmReport::default();
        let Some(level) = self.level() else {
            let nothing = "the repository's level is `database`, at which nothing is cached: there is nothing to warm";
            report.stopped(sqlx::Error::InvalidArgument(nothing.into()));
            return report;
        };
        if self.progress.is_some() {
            match self.source.total(&self.pool).await {
                Ok(total) => report.totals.total = total,
                Err(error) => {
                    report.stopped(error);
                    return report;
                }
            }
        }
        let mut pace = Pace::new(self.rate);
        let batch = pace.batch(self.batch);
        // Aborts what is under way when it is dropped.
        let mut under_way = JoinSet::new();
        loop {
            while under_way.len() >= self.concurrency {
                let ended = under_way.join_next().await;
                self.note(&mut report, ended, began);
            }
            let ids = match self.source.next(&self.pool, batch).await {
                Ok(ids) if ids.is_empty() => break,
                Ok(ids) => ids,
                Err(error) => {
                    report.stopped(error);
                    break;
                }
            };
            loop {
                let wait = pace.wait(clock.elapsed());
                if wait.is_zero() {
                    break;
                }
                tokio::select! {
                    ended = under_way.join_next(), if !under_way.is_empty() => {
                        self.note(&mut report, ended, began);
                    }
                    () = tokio::time::sleep(wait.min(LOOK)) => {}
                }
            }
            pace.took(ids.len(), clock.elapsed());
            let (core, pool) = (Arc::clone(&self.core), self.pool.clone());
            under_way.spawn(async move {
                let count = ids.len();
                (warm_batch(&core, &pool, level, &ids).await, count)
            });
        }
        while let Some(ended) = under_way.join_next().await {
            self.note(&mut report, Some(ended), began);
        }
        report.totals.elapsed = clock.elapsed().saturating_sub(began);
        report
    }

    /// `None` where nothing is cached.
    fn level(&self) -> Option<Level> {
        match self.core.level {
            Level::Database => None,
            Level::Bounded(_) if !self.tier => Some(Level::Strong),
            level => Some(level),
        }
    }

    fn note(
        &mut self,
        report: &mut WarmReport,
        ended: Option<Result<(sqlx::Result<Warmed>, usize), JoinError>>,
        began: Duration,
    ) {
        let (outcome, ids) = match ended {
            None => return,
            Some(Ok(ended)) => ended,
            Some(Err(error)) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // Its runtime is ending, and with it this task.
                Err(_) => return,
            },
        };
        let elapsed = self.core.context.clock.elapsed().saturating_sub(began);
        report.note(outcome, ids, elapsed);
        if let Some(told) = &mut self.progress {
            told(&report.totals);
        }
    }
}

async fn warm_batch<E: Entity>(
    core: &Core<E>,
    pool: &PgPool,
    level: Level,
    ids: &[E::Id],
) -> sqlx::Result<Warmed> {
    let all = ids.len();
    let mut seen = HashSet::with_capacity(all);
    let ids: Vec<_> = ids.iter().filter(|id| seen.insert(*id)).collect();
    let repeated = all - ids.len();
    let keys = ids.iter().map(|id| core.row_key(id)).collect::<Result<Vec<_>, _>>()?;
    let Some(first) = keys.first() else { return Ok(Warmed::default()) };
    let spec = core.row_spec(level, first.clone());
    let load = |places: Vec<usize>, turn: Turn| {
        let ids = places.into_iter().filter_map(|at| ids.get(at).copied().cloned()).collect();
        load_in_order::<E>(pool.clone(), ids, turn)
    };
    let reader = core.reader(&core.operations.warm);
    let warmed = warm_many(reader, &spec, &keys, load).await?;
    // An id that comes again is warm by then.
    Ok(Warmed { warm: warmed.warm + repeated, ..warmed })
}

impl<R: CachedRepository> fmt::Debug for Warm<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Warm")
            .field("repository", &R::CONFIG.name)
            .field("batch", &self.batch)
            .field("rate", &self.rate)
            .field("concurrency", &self.concurrency)
            .field("tier", &self.tier)
            .finish_non_exhaustive()
    }
}
