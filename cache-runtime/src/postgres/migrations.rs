//! The tables of the outbox, as SQL files that are part of this crate.

use sqlx::{Connection, PgConnection, PgPool};

use super::lent::Lent;
use super::outbox::failed;
use crate::error::{Error, ErrorKind, Result};

/// In the order in which they apply; the number is the version that each leaves behind.
const FILES: [(i32, &str); 4] = [
    (1, include_str!("../../sql/0001_outbox.sql")),
    (2, include_str!("../../sql/0002_keys.sql")),
    (3, include_str!("../../sql/0003_applied.sql")),
    (4, include_str!("../../sql/0004_sessions.sql")),
];

/// Says to everyone who knows it that the tables are being made: "cacheout" in ASCII.
const LOCK: i64 = 0x6361_6368_656F_7574;

/// Makes what [`CacheManager::relay`](crate::CacheManager::relay) and
/// [`Repository::watch`](crate::Repository::watch), a [`WriteBehind`](crate::WriteBehind) over a repository, and sessions that
/// are kept need in the database: a schema `cache_runtime` with the outbox, the versions that were applied, and a table of
/// sessions. Run it at the start of a service, as often as you like: what is there stays as it is, and several processes wait for each
/// other. The role has to be allowed to create a schema, unless somebody has applied `migrations/outbox` by hand.
///
/// # Errors
/// [`Outbox`](ErrorKind::Outbox), with what the database said; also where the database has a newer version than this
/// program knows.
pub async fn migrate(pool: &PgPool) -> Result<()> {
    let mut on = Lent::of(pool).await?;
    if applied(&mut on).await? < newest() {
        let mut transaction = on
            .begin_with("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
            .await
            .map_err(refused)?;
        sqlx::query("SELECT pg_advisory_xact_lock($1)")
            .bind(LOCK)
            .execute(&mut *transaction)
            .await
            .map_err(refused)?;
        // Another process may have been here meanwhile.
        let applied = applied(&mut transaction).await?;
        for (version, sql) in FILES {
            if version > applied {
                sqlx::raw_sql(sql).execute(&mut *transaction).await.map_err(refused)?;
            }
        }
        transaction.commit().await.map_err(refused)?;
    }
    on.give_back();
    Ok(())
}

fn newest() -> i32 {
    FILES.iter().map(|(version, _)| *version).max().unwrap_or_default()
}

/// The version that the database has; zero where it has none.
async fn applied(on: &mut PgConnection) -> Result<i32> {
    let there: bool =
        sqlx::query_scalar("SELECT to_regclass('cache_runtime.migrations') IS NOT NULL")
            .fetch_one(&mut *on)
            .await
            .map_err(failed)?;
    if !there {
        return Ok(0);
    }
    let version: i32 =
        sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM cache_runtime.migrations")
            .fetch_one(&mut *on)
            .await
            .map_err(failed)?;
    if version > newest() {
        return Err(Error::new(
            ErrorKind::Outbox,
            format!(
                "the schema cache_runtime is at version {version}, and this program knows versions up to {}: update \
                 cache-runtime in this program",
                newest()
            ),
        ));
    }
    Ok(version)
}

fn refused(error: sqlx::Error) -> Error {
    Error::new(
        ErrorKind::Outbox,
        "the schema cache_runtime could not be made: the role needs the right to create it (GRANT CREATE ON DATABASE …), \
         or somebody who has it applies migrations/outbox with psql",
    )
    .because(error)
}
