//! Every kind of read.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cache_runtime::ReadAt;
use fastrand::Rng;
use tokio::sync::watch;

use super::{Store, Worker};
use crate::clock::{MILLISECOND, Moment, now};
use crate::event::{Answer, Brief, Code, Event, Level, Read, Seen};
use crate::plain;
use crate::shop::{self, CODES, Item, ROWS, SHELVES, code, shelf};

const MOST_IN_BATCH: usize = 64;

/// One row in turn is everyone's, readers' and writers'; of the others, the lower the id the more often.
pub(crate) fn any_id(rng: &mut Rng) -> u16 {
    const TURN: Moment = 150 * MILLISECOND;
    const BUSY: u16 = 16;
    if rng.u32(0..3) == 0 {
        return 1 + (now() / TURN % Moment::from(BUSY)) as u16;
    }
    let most = rng.u16(1..=ROWS);
    rng.u16(1..=most)
}

fn seen(items: Vec<Item>) -> Vec<Seen> {
    items.iter().map(Seen::from).collect()
}

fn briefs(rows: Vec<shop::Row>) -> Vec<Brief> {
    rows.into_iter().map(shop::brief).collect()
}

/// One read, of whatever kind.
async fn ask(worker: &Worker, rng: &mut Rng, level: Level) -> sqlx::Result<Answer> {
    Ok(match rng.u32(0..100) {
        0..35 => {
            let mut ids: Vec<u16> =
                (0..rng.usize(8..=MOST_IN_BATCH)).map(|_| rng.u16(1..=ROWS)).collect();
            ids.extend([any_id(rng), any_id(rng)]);
            ids.sort_unstable();
            ids.dedup();
            rng.shuffle(&mut ids);
            let rows = many(worker, &ids, level).await?;
            Answer::Rows(ids.into_iter().zip(rows).collect())
        }
        35..58 => {
            let id = any_id(rng);
            Answer::Rows(vec![(id, one(worker, id, level).await?)])
        }
        58..74 => {
            let code = if rng.u32(0..4) == 0 { rng.u16(1..=CODES) } else { some_code(worker, rng) };
            Answer::Find { code, found: find(worker, &shop::code(code), level).await? }
        }
        74..86 => {
            let number = rng.u8(0..SHELVES);
            let rows = list(worker, &shelf(number).unwrap_or_default(), level).await?;
            Answer::List { shelf: number, rows }
        }
        86..99 => {
            let number = rng.u8(0..SHELVES);
            let of = shelf(number).unwrap_or_default();
            let rows = match worker.asked(level) {
                Some(Store::Cached(items)) if rng.bool() => {
                    let rows = items.list_standing_on(&of, ..).at(ours(level)).await?;
                    rows.iter().map(|row| Brief::from(&**row)).collect()
                }
                _ => briefs(on_shelf(worker, &of, level).await?),
            };
            Answer::Snapshot { shelf: Some(number), rows }
        }
        _ => {
            let rows = match worker.asked(level) {
                Some(Store::Cached(items)) if rng.bool() => {
                    // Ids begin with one.
                    let rows = items.list_from(rng.i64(-5..=1), ..).at(ours(level)).await?;
                    rows.iter().map(|row| Brief::from(&**row)).collect()
                }
                _ => briefs(everything(worker, level).await?),
            };
            Answer::Snapshot { shelf: None, rows }
        }
    })
}

/// The library's word for a level; the control has none.
fn ours(level: Level) -> cache_runtime::Level {
    match level {
        Level::Strong => cache_runtime::Level::Strong,
        Level::Bounded(millis) => {
            cache_runtime::Level::Bounded(Duration::from_millis(millis.into()))
        }
        Level::Database | Level::Sql => cache_runtime::Level::Database,
    }
}

async fn one(worker: &Worker, id: u16, level: Level) -> sqlx::Result<Option<Seen>> {
    let id = i64::from(id);
    Ok(match worker.asked(level) {
        None | Some(Store::Elsewhere(_)) => {
            plain::by_id(worker.db(), id).await?.as_ref().map(Seen::from)
        }
        Some(Store::Cached(items)) => {
            items.get(id).at(ours(level)).await?.as_deref().map(Seen::from)
        }
        Some(Store::Plain(plain)) => plain.get(id).await?.as_ref().map(Seen::from),
    })
}

async fn many(worker: &Worker, ids: &[u16], level: Level) -> sqlx::Result<Vec<Option<Seen>>> {
    let ids: Vec<i64> = ids.iter().copied().map(i64::from).collect();
    Ok(match worker.asked(level) {
        None | Some(Store::Elsewhere(_)) => {
            let rows = seen(plain::by_ids(worker.db(), &ids).await?);
            let of = |id: &i64| rows.iter().find(|seen| i64::from(seen.id) == *id).copied();
            ids.iter().map(of).collect()
        }
        Some(Store::Cached(items)) => {
            let rows = items.get_many(&ids).at(ours(level)).await?;
            rows.iter().map(|row| row.as_deref().map(Seen::from)).collect()
        }
        Some(Store::Plain(plain)) => {
            plain.get_many(&ids).await?.iter().map(|row| row.as_ref().map(Seen::from)).collect()
        }
    })
}

async fn find(worker: &Worker, code: &str, level: Level) -> sqlx::Result<Option<Seen>> {
    Ok(match worker.asked(level) {
        None | Some(Store::Elsewhere(_)) => {
            plain::by_code(worker.db(), code).await?.as_ref().map(Seen::from)
        }
        Some(Store::Cached(items)) => {
            items.find_by_code(code).at(ours(level)).await?.as_deref().map(Seen::from)
        }
        Some(Store::Plain(plain)) => plain.find(code).await?.as_ref().map(Seen::from),
    })
}

async fn list(worker: &Worker, shelf: &str, level: Level) -> sqlx::Result<Vec<Seen>> {
    Ok(match worker.asked(level) {
        None | Some(Store::Elsewhere(_)) => seen(plain::by_shelf(worker.db(), shelf).await?),
        Some(Store::Cached(items)) => {
            let rows = items.list_by_shelf(shelf, ..).at(ours(level)).await?;
            rows.iter().map(|row| Seen::from(&**row)).collect()
        }
        Some(Store::Plain(plain)) => seen(plain.list(shelf).await?),
    })
}

async fn on_shelf(worker: &Worker, shelf: &str, level: Level) -> sqlx::Result<Vec<shop::Row>> {
    match worker.asked(level) {
        None | Some(Store::Elsewhere(_)) => shop::on_shelf(worker.db(), shelf).await,
        Some(Store::Cached(items)) => items.on_shelf(shelf).at(ours(level)).await,
        Some(Store::Plain(plain)) => plain.on_shelf(shelf).await,
    }
}

async fn everything(worker: &Worker, level: Level) -> sqlx::Result<Vec<shop::Row>> {
    match worker.asked(level) {
        None | Some(Store::Elsewhere(_)) => shop::everything(worker.db()).await,
        Some(Store::Cached(items)) => items.everything().at(ours(level)).await,
        Some(Store::Plain(plain)) => plain.everything().await,
    }
}

pub(crate) async fn read_until(worker: Arc<Worker>, mut rng: Rng, ended: watch::Receiver<bool>) {
    while !*ended.borrow() {
        let level = worker.any_level(&mut rng);
        let begin = now();
        match ask(&worker, &mut rng, level).await {
            Ok(answer) => {
                let end = now();
                remember(&worker, &answer);
                worker.teller.tell(&Event::Read(Read { begin, end, level, answer }));
            }
            Err(_) => {
                worker.teller.tell(&Event::Unread);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        tokio::task::yield_now().await;
    }
}

/// A code that some row bore not long ago.
fn some_code(worker: &Worker, rng: &mut Rng) -> Code {
    worker.codes[rng.usize(..worker.codes.len())].load(Ordering::Relaxed)
}

fn remember(worker: &Worker, answer: &Answer) {
    if let Answer::Rows(rows) = answer {
        for seen in rows.iter().filter_map(|(_, seen)| seen.as_ref()) {
            if let Some(place) = worker.codes.get(usize::from(seen.id)) {
                place.store(seen.code, Ordering::Relaxed);
            }
        }
    }
}

/// Any code, for a write.
pub(crate) fn any_code(rng: &mut Rng) -> String {
    code(rng.u16(1..=CODES))
}

/// Any shelf, and sometimes none.
pub(crate) fn any_shelf(rng: &mut Rng) -> Option<String> {
    let number = rng.u8(0..=SHELVES);
    if number == SHELVES { None } else { shelf(number) }
}
