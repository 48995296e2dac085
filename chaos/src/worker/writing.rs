//! Every kind of write through the repository, alone and with others, to its end and not.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use sqlx::postgres::PgConnection;
use tokio::sync::watch;

use super::reading::{any_code, any_id, any_shelf};
use super::{Store, Worker};
use crate::clock::now;
use crate::event::{Event, Written};
use crate::shop::{Item, Items, ROWS};

/// The version that each changed row has, if the write is done.
type Done = Option<Vec<(i64, i64)>>;

fn item(worker: &Worker, id: i64, rng: &mut Rng) -> Item {
    let (op, at) = stamp(worker);
    Item { id, code: any_code(rng), shelf: any_shelf(rng), op, at, version: 0 }
}

/// The number of a write, and when it begins.
pub(crate) fn stamp(worker: &Worker) -> (i64, i64) {
    (worker.op(), now().cast_signed())
}

fn row(item: &Item) -> (i64, i64) {
    (item.id, item.version)
}

/// Nobody knows the number that the log gave to a row's going; it is the next one.
pub(crate) fn gone(item: &Item) -> (i64, i64) {
    (item.id, item.version + 1)
}

async fn write(worker: &Worker, items: &Items, rng: &mut Rng) -> sqlx::Result<Done> {
    let id = i64::from(any_id(rng));
    // Rows that come and go stand behind those that stay.
    let other = i64::from(rng.u16(ROWS * 3 / 4..=ROWS));
    Ok(match rng.u32(0..100) {
        0..18 => items.update(&item(worker, id, rng)).await?.map(|stored| vec![row(&stored)]),
        // The caller goes away: nobody is told.
        18..24 => {
            let patience = Duration::from_micros(rng.u64(0..5000));
            let _ = tokio::time::timeout(patience, items.update(&item(worker, id, rng))).await;
            None
        }
        24..48 => {
            let mut tx = items.begin().await?;
            let shelf = any_shelf(rng);
            let stored = items.put(&mut tx, id, shelf.as_deref(), stamp(worker)).await?;
            tx.commit().await?;
            stored.map(|version| vec![(id, version)])
        }
        48..60 => return several(worker, items, rng).await,
        60..66 => return swap(worker, items, rng).await,
        66..74 => items.delete(other).await?.map(|old| vec![gone(&old)]),
        74..82 => Some(vec![row(&*items.upsert(&item(worker, other, rng)).await?)]),
        82..88 => Some(vec![row(&*items.insert(&item(worker, other, rng)).await?)]),
        // What is rolled back was never so.
        88..94 => {
            let mut tx = items.begin().await?;
            items.within(&mut tx).update(&item(worker, id, rng)).await?;
            tokio::time::sleep(Duration::from_millis(rng.u64(0..30))).await;
            tx.rollback().await?;
            None
        }
        // What changes nothing must harm nothing.
        94..96 => {
            let _ = items.invalidate(id).await;
            None
        }
        96..98 => {
            let _ = items.cache.invalidate_tags(&["items", "shelf:shelf-1"]).await;
            None
        }
        _ => {
            let _ = items.refresh(id).await;
            None
        }
    })
}

/// Two ids, the lower one first: who locks in one order never waits in a circle.
fn pair(rng: &mut Rng) -> (i64, i64) {
    let (one, two) = (i64::from(any_id(rng)), i64::from(any_id(rng)));
    (one.min(two), one.max(two))
}

/// Rows in one transaction, one of them through a savepoint that may be rolled back.
async fn several(worker: &Worker, items: &Items, rng: &mut Rng) -> sqlx::Result<Done> {
    let (low, high) = pair(rng);
    let mut rows = Vec::new();
    let mut tx = items.begin().await?;
    if let Some(stored) = items.within(&mut tx).update(&item(worker, low, rng)).await? {
        rows.push(row(&stored));
    }
    if rng.bool() {
        let mut part = tx.savepoint().await?;
        items.within(&mut part).update(&item(worker, high, rng)).await?;
        part.rollback().await?;
    }
    if high != low
        && let Some(version) =
            items.put(&mut tx, high, any_shelf(rng).as_deref(), stamp(worker)).await?
    {
        rows.push((high, version));
    }
    if rng.u32(0..6) == 0 {
        tx.rollback().await?;
        return Ok(None);
    }
    tx.commit().await?;
    Ok(Some(rows))
}

/// Two rows exchange their codes: at no moment has either code nobody.
async fn swap(worker: &Worker, items: &Items, rng: &mut Rng) -> sqlx::Result<Done> {
    let (low, high) = pair(rng);
    if low == high {
        return Ok(None);
    }
    let mut tx = items.begin().await?;
    let rows = both(tx.connection(), low, high).await?;
    let [one, two] = &rows[..] else { return Ok(None) };
    let put = |row: &Item, code: &str| {
        let (op, at) = stamp(worker);
        Item { code: code.to_owned(), op, at, ..row.clone() }
    };
    let between = format!("between{low}");
    let mut within = items.within(&mut tx);
    within.update(&put(one, &between)).await?;
    let second = within.update(&put(two, &one.code)).await?;
    let first = within.update(&put(one, &two.code)).await?;
    tx.commit().await?;
    Ok(Some([first, second].iter().flatten().map(|item| row(item)).collect()))
}

async fn both(connection: &mut PgConnection, low: i64, high: i64) -> sqlx::Result<Vec<Item>> {
    sqlx::query_as("SELECT * FROM items WHERE id IN ($1, $2) ORDER BY id FOR UPDATE")
        .bind(low)
        .bind(high)
        .fetch_all(connection)
        .await
}

/// Tells what became of a write.
pub(crate) fn tell(worker: &Worker, outcome: sqlx::Result<Done>) {
    match outcome {
        Ok(Some(rows)) if !rows.is_empty() => {
            let at = now();
            let narrow = |(id, version): (i64, i64)| {
                Some((u16::try_from(id).ok()?, u32::try_from(version).ok()?))
            };
            let rows = rows.into_iter().filter_map(narrow).collect();
            worker.teller.tell(&Event::Written(Written { at, rows }));
        }
        Ok(_) => {}
        Err(_) => worker.teller.tell(&Event::Refused),
    }
}

pub(crate) async fn write_until(worker: Arc<Worker>, mut rng: Rng, ended: watch::Receiver<bool>) {
    let Store::Cached(items) = &worker.store else { return };
    while !*ended.borrow() {
        tell(&worker, write(&worker, items, &mut rng).await);
        tokio::time::sleep(Duration::from_millis(rng.u64(0..30))).await;
    }
}
