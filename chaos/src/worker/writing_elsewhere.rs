//! Writes that pass the repositories by: plain SQL, as somebody with psql would. One counts as acknowledged once the rows
//! that its triggers left in the outbox have gone.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use sqlx::{PgConnection, PgPool};
use tokio::sync::watch;

use super::reading::{any_code, any_id, any_shelf};
use super::writing::{stamp, tell};
use super::{Store, Worker};
use crate::shop::ROWS;

/// A write that nobody delivers for so long binds no reader.
const PATIENCE: Duration = Duration::from_secs(15);

type Rows = Vec<(i64, i64)>;

async fn change(worker: &Worker, on: &mut PgConnection, rng: &mut Rng) -> sqlx::Result<Rows> {
    let id = i64::from(any_id(rng));
    let other = i64::from(rng.u16(ROWS * 3 / 4..=ROWS));
    let (op, at) = stamp(worker);
    // What a delete has no column for.
    sqlx::query("SELECT set_config('chaos.op', $1, true)")
        .bind(op.to_string())
        .execute(&mut *on)
        .await?;
    match rng.u32(0..100) {
        0..45 => {
            sqlx::query_as(
                "UPDATE items SET shelf = $2, op = $3, at = $4 WHERE id = $1 RETURNING id, version",
            )
            .bind(id)
            .bind(any_shelf(rng))
            .bind(op)
            .bind(at)
            .fetch_all(on)
            .await
        }
        45..60 => {
            sqlx::query_as(
                "UPDATE items SET code = $2, op = $3, at = $4 WHERE id = $1 RETURNING id, version",
            )
            .bind(id)
            .bind(any_code(rng))
            .bind(op)
            .bind(at)
            .fetch_all(on)
            .await
        }
        // All that is on a shelf moves to another.
        60..75 => sqlx::query_as(
            "UPDATE items SET shelf = $2, op = $3, at = $4 WHERE shelf = $1 RETURNING id, version",
        )
        .bind(any_shelf(rng))
        .bind(any_shelf(rng))
        .bind(op)
        .bind(at)
        .fetch_all(on)
        .await,
        75..88 => {
            sqlx::query_as("DELETE FROM items WHERE id = $1 RETURNING id, version + 1")
                .bind(other)
                .fetch_all(on)
                .await
        }
        _ => sqlx::query_as(
            "INSERT INTO items (id, code, shelf, op, at, version) VALUES ($1, $2, $3, $4, $5, 0) \
                 RETURNING id, version",
        )
        .bind(other)
        .bind(any_code(rng))
        .bind(any_shelf(rng))
        .bind(op)
        .bind(at)
        .fetch_all(on)
        .await,
    }
}

/// One write, to its delivery.
async fn write(worker: &Worker, db: &PgPool, rng: &mut Rng) -> sqlx::Result<Option<Rows>> {
    let mut tx = db.begin().await?;
    let rows = change(worker, &mut tx, rng).await?;
    let posted: Vec<i64> = sqlx::query_scalar(
        "SELECT id FROM cache_runtime.outbox WHERE xmin = pg_current_xact_id()::xid",
    )
    .fetch_all(&mut *tx)
    .await?;
    if rng.u32(0..12) == 0 {
        tx.rollback().await?;
        return Ok(None);
    }
    tx.commit().await?;
    let waiting = async {
        while !delivered(db, &posted).await {
            tokio::time::sleep(Duration::from_millis(4)).await;
        }
    };
    Ok(tokio::time::timeout(PATIENCE, waiting).await.is_ok().then_some(rows))
}

/// A database that is away is asked again.
async fn delivered(db: &PgPool, posted: &[i64]) -> bool {
    let waits: sqlx::Result<bool> =
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM cache_runtime.outbox WHERE id = ANY($1))")
            .bind(posted)
            .fetch_one(db)
            .await;
    waits.is_ok_and(|waits| !waits)
}

pub(crate) async fn write_until(worker: Arc<Worker>, mut rng: Rng, ended: watch::Receiver<bool>) {
    let Store::Elsewhere(db) = &worker.store else { return };
    while !*ended.borrow() {
        tell(&worker, write(&worker, db, &mut rng).await);
        tokio::time::sleep(Duration::from_millis(rng.u64(0..60))).await;
    }
}
