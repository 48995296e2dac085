//! Writes of a write-behind in Postgres: the versions that were applied, and whose fault a failure is.

use std::collections::HashSet;

use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};

use super::entity::Entity;
use super::lent::Lent;
use super::source::{PgSource, Rows};
use crate::error::Error;
use crate::port::{Write, WriteBehindSource};

/// Begins a batch. Two workers see each other's versions, whatever the default is; the locks of a process that was paused
/// are free soon; and the server has it on disk when it says so, because the queue forgets it then.
pub(crate) const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; \
     SET LOCAL idle_in_transaction_session_timeout = '10s'; \
     SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'";

/// Takes the keys whose version is above the last, and locks them to the end of the transaction; in one order everywhere,
/// so that two workers with the same keys never wait for each other in a circle.
const CLAIM: &str = "INSERT INTO cache_runtime.applied AS last (queue, key, version) \
     SELECT $1, key, version FROM unnest($2::text[], $3::int8[]) AS new (key, version) ORDER BY key \
     ON CONFLICT (queue, key) DO UPDATE SET version = excluded.version WHERE last.version < excluded.version \
     RETURNING key";

/// The names of those of these writes that are newer than what was applied. Each key is there once.
pub(crate) async fn claim<K, V>(
    on: &mut PgConnection,
    queue: &str,
    writes: &[Write<K, V>],
) -> sqlx::Result<HashSet<String>> {
    let names: Vec<&str> = writes.iter().map(|write| &*write.name).collect();
    let versions = writes.iter().map(|write| i64::try_from(write.version)).collect();
    let versions: Vec<i64> = match versions {
        Ok(versions) => versions,
        Err(_) => {
            let message = "a write has a version above 2^63, which no queue gives";
            return Err(sqlx::Error::InvalidArgument(message.to_owned()));
        }
    };
    let fresh: Vec<String> =
        sqlx::query_scalar(CLAIM).bind(queue).bind(names).bind(versions).fetch_all(on).await?;
    Ok(fresh.into_iter().collect())
}

pub(crate) async fn forget(pool: &PgPool, queue: &str, before: u64) -> sqlx::Result<()> {
    let statement = "DELETE FROM cache_runtime.applied WHERE queue = $1 AND version < $2";
    let before = i64::try_from(before).unwrap_or(i64::MAX);
    sqlx::query(statement).bind(queue).bind(before).execute(pool).await.map(drop)
}

/// The row that a write brings, which has to be the one that it was written under.
pub(crate) fn row_of<E: Entity>(write: &Write<E::Id, E>) -> sqlx::Result<Option<&E>> {
    match &write.value {
        Some(row) => match refusal(&write.key, row) {
            None => Ok(Some(row)),
            Some(why) => Err(sqlx::Error::InvalidArgument(why)),
        },
        None => Ok(None),
    }
}

/// A row has one key, its id.
pub(crate) fn refusal<E: Entity>(key: &E::Id, row: &E) -> Option<String> {
    (row.id() != *key).then(|| {
        "a row was written behind under a key that is not its id: give `put` the row's own id"
            .to_owned()
    })
}

/// Whether a failure is that of the server, the way to it, its schema, or of another transaction in the way, and not of
/// what was to be written.
pub(crate) fn is_away(error: &sqlx::Error) -> bool {
    use sqlx::Error::{
        AnyDriverError, BeginFailed, Database, Io, PoolClosed, PoolTimedOut, Protocol, Tls,
        WorkerCrashed,
    };
    match error {
        Io(_) | Tls(_) | Protocol(_) | PoolTimedOut | PoolClosed | WorkerCrashed | BeginFailed => {
            true
        }
        // The cache could not take part in the commit.
        AnyDriverError(_) => Error::of(error).is_some(),
        Database(error) => error.code().is_some_and(|code| {
            // Connection, login, no such database; serialisation and deadlocks; resources, operator, system; and a schema
            // or a right that is missing, such as that of the table of versions. Then: a lock that was waited for too
            // long, a server that takes no writes, a transaction that was idle for too long.
            ["08", "28", "3D", "3F", "40", "42", "53", "57", "58"]
                .iter()
                .any(|class| code.starts_with(class))
                || ["55P03", "25006", "25P03"].contains(&&*code)
        }),
        _ => false,
    }
}

/// Plain statements, past every cache. Versions are in the table `cache_runtime.applied`, which
/// [`migrate`](crate::migrate) makes.
impl<E: Entity> WriteBehindSource for PgSource<E> {
    async fn apply(&self, queue: &str, writes: &[Write<E::Id, E>]) -> sqlx::Result<()> {
        // Dropped halfway, its connection is closed and the server rolls back.
        let mut on = Lent::out_of(self.pool()).await?;
        let mut transaction = on.begin_with(AssertSqlSafe(BEGIN)).await?;
        let fresh = claim(&mut transaction, queue, writes).await?;
        for write in writes.iter().filter(|write| fresh.contains(&write.name)) {
            match row_of(write)? {
                Some(row) => drop(Rows::upsert(&mut transaction, row, None).await?),
                None => drop(Rows::<E>::delete(&mut transaction, &write.key, None).await?),
            }
        }
        transaction.commit().await?;
        on.give_back();
        Ok(())
    }

    fn refusal(&self, key: &E::Id, row: &E) -> Option<String> {
        refusal(key, row)
    }

    fn is_away(&self, error: &sqlx::Error) -> bool {
        is_away(error)
    }

    async fn forget(&self, queue: &str, before: u64) -> sqlx::Result<()> {
        forget(self.pool(), queue, before).await
    }
}
