//! The baseline's writes: commit, then delete.

use std::sync::Arc;
use std::time::Duration;

use cache_runtime::Step;
use fastrand::Rng;
use tokio::sync::watch;

use super::crash::dawdle;
use super::reading::{any_code, any_id, any_shelf};
use super::writing::{gone, stamp, tell};
use super::{Store, Worker};
use crate::plain::Plain;
use crate::shop::{Item, ROWS};

async fn write(
    worker: &Worker,
    plain: &Plain,
    rng: &mut Rng,
) -> sqlx::Result<Option<Vec<(i64, i64)>>> {
    let (id, other) = (i64::from(any_id(rng)), i64::from(rng.u16(ROWS * 3 / 4..=ROWS)));
    let (op, at) = stamp(worker);
    let mut tx = plain.db.begin().await?;
    let before = |id: i64| {
        sqlx::query_as::<_, Item>("SELECT * FROM items WHERE id = $1 FOR UPDATE").bind(id)
    };
    let (old, new) = match rng.u32(0..100) {
        0..75 => {
            let old = before(id).fetch_optional(&mut *tx).await?;
            let new = sqlx::query_as::<_, Item>(
                "UPDATE items SET code = COALESCE($2, code), shelf = $3, op = $4, at = $5 WHERE id = $1 RETURNING *",
            )
            .bind(id)
            .bind((rng.u32(0..3) == 0).then(|| any_code(rng)))
            .bind(any_shelf(rng))
            .bind(op)
            .bind(at);
            (old, new.fetch_optional(&mut *tx).await?)
        }
        75..87 => {
            let old = before(other).fetch_optional(&mut *tx).await?;
            sqlx::query("DELETE FROM items WHERE id = $1").bind(other).execute(&mut *tx).await?;
            (old, None)
        }
        _ => {
            let new = sqlx::query_as::<_, Item>(
                "INSERT INTO items (id, code, shelf, op, at, version) VALUES ($1, $2, $3, $4, $5, 0) RETURNING *",
            )
            .bind(other)
            .bind(any_code(rng))
            .bind(any_shelf(rng))
            .bind(op)
            .bind(at);
            (None, new.fetch_optional(&mut *tx).await?)
        }
    };
    dawdle().await;
    worker.crash.at(Step::Commit);
    tx.commit().await?;
    dawdle().await;
    worker.crash.at(Step::Release);
    let version = match (&old, &new) {
        (_, Some(new)) => (new.id, new.version),
        (Some(old), None) => gone(old),
        (None, None) => return Ok(None),
    };
    plain.forget(&old.into_iter().chain(new).collect::<Vec<_>>()).await;
    Ok(Some(vec![version]))
}

pub(crate) async fn write_until(worker: Arc<Worker>, mut rng: Rng, ended: watch::Receiver<bool>) {
    let Store::Plain(plain) = &worker.store else { return };
    while !*ended.borrow() {
        tell(&worker, write(&worker, plain, &mut rng).await);
        tokio::time::sleep(Duration::from_millis(rng.u64(0..30))).await;
    }
}
