//! The outbox in a table of Postgres.

mod floor;
mod lineage;

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::postgres::{PgPool, PgTransactionManager};
use sqlx::{AssertSqlSafe, PgConnection, SqlSafeStr};
use sqlx_core::transaction::TransactionManager;

use self::floor::{Floor, Looked};
use super::lent::Lent;
use crate::error::{Error, ErrorKind, Result};
use crate::key::{Key, Namespace, Prefix};
use crate::port::{Backlog, BoxFuture, Delivery, Lineage, Outbox, OutboxRow};

/// What the database may take for one statement of the relay.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long rows stay taken, and how long where a prefix is to be swept, which reads through the whole cache.
const LIMIT: Duration = Duration::from_secs(5);
const SWEEP_LIMIT: Duration = Duration::from_secs(300);
/// By so much longer the server waits than the relay, before it rolls back what a paused process has taken.
const GRACE: Duration = Duration::from_secs(5);
/// Keys in one row. So many short ones stay below the size at which Postgres moves a value out of its row.
pub(super) const CHUNK: i64 = 64;

/// The end of a name that stands for everything that begins with what is before it: no key has this character.
const ALL: char = '*';

/// Begins a round. It reads what is committed, whatever the default is; gives its rows back soon where its process is
/// paused; is not in the way of who locks the table; need not survive a crash, after which rows may come again; and goes
/// by the index however small the table was when the statement was planned.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; \
     SET LOCAL idle_in_transaction_session_timeout = '10s'; \
     SET LOCAL lock_timeout = '5s'; \
     SET LOCAL synchronous_commit = off; \
     SET LOCAL enable_seqscan = off";

/// Whether there is anything. Ordered, so that it goes by the index: another namespace may have a million rows.
const LOOK: &str = "SELECT id FROM cache_runtime.outbox WHERE namespace = $1 AND id > $2 \
     ORDER BY namespace, id LIMIT 1";

/// The rows are chosen once, which `IN (SELECT …)` does not promise. Rows that are taken are passed over, and rows that
/// commit late are there next time, whatever their number. What a person wrote may have holes in it, or more than one
/// dimension: a row that cannot be read would stand in the way of all others for ever.
const TAKE: &str = "DELETE FROM cache_runtime.outbox WHERE ctid = ANY (ARRAY( \
         SELECT ctid FROM cache_runtime.outbox WHERE namespace = $1 AND id > $2 \
         ORDER BY namespace, id LIMIT $3 FOR UPDATE SKIP LOCKED)) \
     RETURNING id, ARRAY(SELECT key FROM unnest(keys) AS one (key) WHERE key IS NOT NULL), extract(epoch FROM clock_timestamp() - created_at)::float8";

/// The outbox of one namespace in a database.
#[derive(Debug)]
pub(crate) struct PgOutbox {
    pool: PgPool,
    namespace: Namespace,
    /// The server does not say on which timeline it is.
    blind: AtomicBool,
    /// Statements are isolated from each other, unless they say otherwise.
    strict: AtomicBool,
    floor: Mutex<Floor>,
}

impl PgOutbox {
    pub(crate) fn new(pool: &PgPool, namespace: &Namespace) -> Self {
        Self {
            pool: pool.clone(),
            namespace: namespace.clone(),
            blind: AtomicBool::new(false),
            strict: AtomicBool::new(false),
            floor: Mutex::default(),
        }
    }

    fn floor(&self) -> MutexGuard<'_, Floor> {
        self.floor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One statement on a connection of its own, planned for the table as it is now: a queue has a million rows at one
    /// moment and none at the next.
    async fn ask<T>(&self, sql: &'static str, number: Option<i64>) -> Result<T>
    where
        T: for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> + Send + Unpin,
    {
        within(PATIENCE, async {
            let mut on = Lent::of(&self.pool).await?;
            let mut query = sqlx::query_as(sql).bind(self.namespace.as_str());
            if let Some(number) = number {
                query = query.bind(number);
            }
            let answer = query.persistent(false).fetch_one(&mut *on).await.map_err(failed)?;
            on.give_back();
            Ok(answer)
        })
        .await
    }

    async fn take_rows(&self, most: usize) -> Result<Option<Box<dyn Delivery>>> {
        let mut on = Lent::of(&self.pool).await?;
        let began = Instant::now();
        let (above, whole) = self.floor().now(began);
        // Most of the time there is nothing, which takes one round trip to see. Where statements are serializable by
        // default, a look counts as a reader that others may conflict with, and is left out.
        let any = self.strict.load(Ordering::Relaxed)
            || sqlx::query_scalar::<_, i64>(LOOK)
                .bind(self.namespace.as_str())
                .bind(above)
                .persistent(false)
                .fetch_optional(&mut *on)
                .await
                .map_err(failed)?
                .is_some();
        let mut taken = Vec::new();
        if any {
            taken = self.delete_rows(&mut on, above, most).await?;
        }
        taken.sort_unstable_by_key(|(id, ..)| *id);
        let look = Looked {
            whole,
            took: began.elapsed(),
            highest: taken.last().map(|(id, ..)| *id),
            full: taken.len() >= most,
        };
        self.floor().looked(Instant::now(), look);
        if taken.is_empty() {
            PgTransactionManager::commit(&mut on).await.map_err(failed)?;
            on.give_back();
            return Ok(None);
        }
        let rows: Vec<OutboxRow> = taken.into_iter().map(|(_, keys, age)| row(keys, age)).collect();
        let sweeps = rows.iter().any(|row| !row.prefixes.is_empty());
        let limit = if sweeps { SWEEP_LIMIT } else { LIMIT };
        if sweeps {
            let timeout = (limit + GRACE).as_secs();
            let sql = format!("SET LOCAL idle_in_transaction_session_timeout = '{timeout}s'");
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *on).await.map_err(failed)?;
        }
        Ok(Some(Box::new(Taken { on, rows, limit })))
    }

    /// Deletes rows above this number, in a transaction that it begins and leaves open.
    async fn delete_rows(
        &self,
        on: &mut PgConnection,
        above: i64,
        most: usize,
    ) -> Result<Vec<(i64, Vec<String>, f64)>> {
        PgTransactionManager::begin(on, Some(BEGIN.into_sql_str())).await.map_err(failed)?;
        sqlx::query_as(TAKE)
            .bind(self.namespace.as_str())
            .bind(above)
            .bind(i64::try_from(most).unwrap_or(i64::MAX))
            .fetch_all(on)
            .await
            .map_err(failed)
    }
}

fn row(names: Vec<String>, age: f64) -> OutboxRow {
    let mut row = OutboxRow {
        age: Duration::try_from_secs_f64(age.max(0.0)).unwrap_or_default(),
        ..OutboxRow::default()
    };
    for name in names {
        match name.strip_suffix(ALL) {
            Some(prefix) => row.prefixes.push(Prefix::from_text(prefix)),
            None => row.keys.push(Key::from_text(&name)),
        }
    }
    row
}

impl Outbox for PgOutbox {
    fn take(&self, most: usize) -> BoxFuture<'_, Result<Option<Box<dyn Delivery>>>> {
        Box::pin(within(PATIENCE, self.take_rows(most)))
    }

    fn head(&self) -> BoxFuture<'_, Result<Option<i64>>> {
        Box::pin(async {
            let sql = "SELECT max(id) FROM cache_runtime.outbox WHERE namespace = $1";
            let (head,) = self.ask(sql, None).await?;
            Ok(head)
        })
    }

    fn waits(&self, head: i64) -> BoxFuture<'_, Result<bool>> {
        Box::pin(async move {
            let sql = "SELECT EXISTS (SELECT FROM cache_runtime.outbox WHERE namespace = $1 AND id <= $2)";
            let (waits,) = self.ask(sql, Some(head)).await?;
            Ok(waits)
        })
    }

    fn backlog(&self) -> BoxFuture<'_, Result<Backlog>> {
        Box::pin(async {
            let sql = "SELECT count(*), \
                     coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8 \
                 FROM cache_runtime.outbox WHERE namespace = $1";
            let (rows, oldest): (i64, f64) = self.ask(sql, None).await?;
            let oldest = Duration::try_from_secs_f64(oldest.max(0.0)).unwrap_or_default();
            Ok(Backlog::new(u64::try_from(rows).unwrap_or_default(), oldest))
        })
    }

    fn lineage(&self) -> BoxFuture<'_, Result<(Lineage, Option<Lineage>)>> {
        Box::pin(async {
            let seen = lineage::read(self).await?;
            self.strict.store(seen.strict, Ordering::Relaxed);
            Ok((seen.now, seen.noted))
        })
    }

    fn note<'a>(&'a self, lineage: &'a Lineage) -> BoxFuture<'a, Result<()>> {
        self.floor().forget();
        Box::pin(within(PATIENCE, async {
            let mut on = Lent::of(&self.pool).await?;
            sqlx::query(
                "INSERT INTO cache_runtime.state (namespace, system_identifier, timeline, database) \
                 VALUES ($1, $2, $3, $4) ON CONFLICT (namespace) DO UPDATE SET \
                     system_identifier = excluded.system_identifier, timeline = excluded.timeline, \
                     database = excluded.database, recorded_at = clock_timestamp()",
            )
            .bind(self.namespace.as_str())
            .bind(lineage.system)
            .bind(lineage.timeline)
            .bind(lineage.database)
            .execute(&mut *on)
            .await
            .map_err(failed)?;
            on.give_back();
            Ok(())
        }))
    }
}

/// Rows that this transaction has deleted and not yet committed. Dropped, its connection is closed, and they are back.
#[derive(Debug)]
struct Taken {
    on: Lent,
    rows: Vec<OutboxRow>,
    limit: Duration,
}

impl Delivery for Taken {
    fn rows(&self) -> &[OutboxRow] {
        &self.rows
    }

    fn limit(&self) -> Duration {
        self.limit
    }

    fn settle(self: Box<Self>) -> BoxFuture<'static, Result<()>> {
        let mut on = self.on;
        Box::pin(within(PATIENCE, async move {
            PgTransactionManager::commit(&mut on).await.map_err(failed)?;
            on.give_back();
            Ok(())
        }))
    }
}

/// Writes keys to the outbox in the caller's transaction; gives the numbers of the rows, for [`delivered`]. Nothing is
/// written for no keys.
///
/// # Errors
/// What is wrong with the outbox, as our own; what is wrong with the transaction, as the database said it: a caller that
/// repeats what could not be serialised goes by that.
pub(crate) async fn record(
    on: &mut PgConnection,
    namespace: &Namespace,
    keys: &[Key],
) -> sqlx::Result<Vec<i64>> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let keys: Vec<&str> = keys.iter().map(Key::as_str).collect();
    sqlx::query_scalar(
        "INSERT INTO cache_runtime.outbox (namespace, keys) \
         SELECT $1, array_agg(key) FROM unnest($2::text[]) WITH ORDINALITY AS keys (key, place) \
         GROUP BY (place - 1) / $3 RETURNING id",
    )
    .bind(namespace.as_str())
    .bind(&keys)
    .bind(CHUNK)
    .fetch_all(on)
    .await
    .map_err(|error| match diagnosis(&error) {
        Some(_) => failed(error).into(),
        None => error,
    })
}

/// Whether these rows, which are committed, have been delivered.
pub(crate) async fn delivered(pool: &PgPool, namespace: &Namespace, rows: &[i64]) -> Result<bool> {
    let mut on = Lent::of(pool).await?;
    let there: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM cache_runtime.outbox WHERE namespace = $1 AND id = ANY ($2))",
    )
    .bind(namespace.as_str())
    .bind(rows)
    .persistent(false)
    .fetch_one(&mut *on)
    .await
    .map_err(failed)?;
    on.give_back();
    Ok(!there)
}

async fn within<T>(limit: Duration, work: impl Future<Output = Result<T>> + Send) -> Result<T> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done,
        Err(_) => Err(Error::new(
            ErrorKind::Outbox,
            format!("the database did not answer within {limit:?}: the outbox stays as it is"),
        )),
    }
}

/// What the database's refusal means to who uses the outbox.
pub(super) fn failed(error: sqlx::Error) -> Error {
    let (kind, message) = match (diagnosis(&error), &error) {
        (Some(diagnosis), _) => (ErrorKind::Outbox, diagnosis),
        (_, sqlx::Error::PoolClosed) => (ErrorKind::Closed, "the pool of the outbox is closed"),
        _ => (ErrorKind::Outbox, "the outbox could not be used"),
    };
    Error::new(kind, message).because(error)
}

/// What is wrong with the outbox itself, if that is what the database refuses.
fn diagnosis(error: &sqlx::Error) -> Option<&'static str> {
    match error.as_database_error()?.code()?.as_ref() {
        "3F000" | "42P01" | "42703" | "42883" => Some(
            "the outbox is not in this database, or is older than this program: call cache_runtime::migrate(&pool)",
        ),
        "42501" => Some(
            "the role may not use the outbox: GRANT USAGE ON SCHEMA cache_runtime, and SELECT, INSERT, UPDATE, DELETE ON \
             ALL TABLES IN SCHEMA cache_runtime",
        ),
        _ => None,
    }
}
