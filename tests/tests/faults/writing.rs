//! Every kind of write, alone and with others, to its end and not.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::shop::{Item, Items, Op, ROWS, Shop, any_shelf, any_slug, index};

/// One write. What the database refuses (a slug that is taken, a circle of waiting writers) was rolled back.
async fn write(shop: &Shop, items: &Items, rng: &mut Rng) -> sqlx::Result<()> {
    let op = shop.op();
    let item = |id, rng: &mut Rng| Item {
        id,
        slug: any_slug(rng),
        shelf: any_shelf(rng),
        op: op.number,
        version: 0,
    };
    let (id, other) = (rng.i64(1..=ROWS), rng.i64(1..=ROWS));
    match rng.u32(0..100) {
        0..25 => {
            let _shared = shop.rows[index(id)].read().await;
            items.update(&item(id, rng)).await?;
        }
        // The caller goes away: whether and when it is committed is known from the log alone.
        25..32 => {
            let _shared = shop.rows[index(id)].read().await;
            let patience = Duration::from_micros(rng.u64(0..4000));
            let _ = tokio::time::timeout(patience, items.update(&item(id, rng))).await;
            return Ok(());
        }
        32..45 => {
            let _shared = shop.rows[index(id)].read().await;
            let mut tx = items.begin().await?;
            items.put(&mut tx, id, any_shelf(rng).as_deref(), op.number).await?;
            shop.sends(&op);
            tx.commit().await?;
        }
        45..60 => return several(shop, items, op, (id.min(other), id.max(other)), rng).await,
        60..68 => return swap(shop, items, op, (id.min(other), id.max(other))).await,
        68..76 => {
            let _alone = shop.rows[index(id)].write().await;
            if let Some(row) = items.delete(id).await? {
                shop.took_away(&op, row.version);
            }
            return Ok(());
        }
        76..84 => {
            let _alone = shop.rows[index(id)].write().await;
            items.upsert(&item(id, rng)).await?;
        }
        84..92 => {
            let _alone = shop.rows[index(id)].write().await;
            items.insert(&item(id, rng)).await?;
        }
        // What changes nothing must harm nothing.
        92..94 => items.invalidate(id).await?,
        94..96 => items.cache.invalidate_tags(&["items", "shelf:shelf-1"]).await?,
        96..98 => drop(items.refresh(id).await?),
        _ => {
            let _shared = shop.rows[index(id)].read().await;
            let mut tx = items.begin().await?;
            items.within(&mut tx).update(&item(id, rng)).await?;
            tx.rollback().await?;
            return Ok(());
        }
    }
    shop.done(&op);
    Ok(())
}

/// Two rows in one transaction, one of them through a savepoint that may be rolled back.
async fn several(
    shop: &Shop,
    items: &Items,
    op: Op,
    (low, high): (i64, i64),
    rng: &mut Rng,
) -> sqlx::Result<()> {
    if low == high {
        return Ok(());
    }
    let _shared = (shop.rows[index(low)].read().await, shop.rows[index(high)].read().await);
    let mut item =
        |id| Item { id, slug: any_slug(rng), shelf: any_shelf(rng), op: op.number, version: 0 };
    let (first, second, third) = (item(low), item(high), item(high));
    let (keep, commit) = (rng.bool(), rng.u32(0..5) > 0);
    let mut tx = items.begin().await?;
    items.within(&mut tx).update(&first).await?;
    let mut part = tx.savepoint().await?;
    items.within(&mut part).update(&second).await?;
    if keep {
        part.commit().await?;
    } else {
        part.rollback().await?;
        items.within(&mut tx).update(&third).await?;
    }
    if commit {
        shop.sends(&op);
        tx.commit().await?;
        shop.done(&op);
    }
    Ok(())
}

/// Two rows exchange their slugs: at no moment has either slug nobody.
async fn swap(shop: &Shop, items: &Items, op: Op, (low, high): (i64, i64)) -> sqlx::Result<()> {
    if low == high {
        return Ok(());
    }
    let _shared = (shop.rows[index(low)].read().await, shop.rows[index(high)].read().await);
    let mut tx = items.begin().await?;
    let rows: Vec<Item> =
        sqlx::query_as("SELECT * FROM items WHERE id IN ($1, $2) ORDER BY id FOR UPDATE")
            .bind(low)
            .bind(high)
            .fetch_all(&mut *tx)
            .await?;
    if let [one, two] = &rows[..] {
        let put =
            |row: &Item, slug: &str| Item { slug: slug.to_owned(), op: op.number, ..row.clone() };
        let mut within = items.within(&mut tx);
        within.update(&put(one, "between")).await?;
        within.update(&put(two, &one.slug)).await?;
        within.update(&put(one, &two.slug)).await?;
    }
    shop.sends(&op);
    tx.commit().await?;
    shop.done(&op);
    Ok(())
}

pub async fn write_for(shop: Arc<Shop>, mut rng: Rng, until: Instant, shaky: bool) -> u64 {
    let mut refused = 0;
    while Instant::now() < until {
        let items = &shop.processes[rng.usize(0..2)];
        match write(&shop, items, &mut rng).await {
            Ok(()) => {}
            Err(error) if error.as_database_error().is_some() => refused += 1,
            // The keys could not be held, or nobody knows what became of the commit: the log does.
            Err(_) if shaky => refused += 1,
            Err(error) => panic!("a write: {error:?}"),
        }
        // Now and then there is nothing but reading, so that something is cached.
        tokio::time::sleep(Duration::from_millis(rng.u64(0..20))).await;
    }
    refused
}
