//! Every kind of read, and what its answer claims.

use std::sync::Arc;
use std::time::Instant;

use fastrand::Rng;

use super::history::{Claim, Read, Seen};
use super::shop::{Item, Items, ROWS, SHELVES, Shop, any_slug};

fn version_claims(found: &[(i64, i64)], others: impl Fn(i64) -> Claim) -> Vec<(i64, Claim)> {
    let claim = |id| {
        let version = found.iter().find(|row| row.0 == id).map(|row| row.1);
        (id, version.map_or_else(|| others(id), Claim::HasVersion))
    };
    (1..=ROWS).map(claim).collect()
}

/// One read, and what it claims.
async fn read(
    items: &Items,
    rng: &mut Rng,
) -> sqlx::Result<(&'static str, Vec<Vec<(i64, Claim)>>)> {
    let id = rng.i64(1..=ROWS);
    let is = |row: Option<&Item>| Claim::Is(row.map(Seen::from));
    Ok(match rng.u32(0..100) {
        0..25 => ("get", vec![vec![(id, is(items.get(id).await?.as_deref()))]]),
        25..40 => {
            let ids: Vec<i64> = (0..rng.usize(1..8)).map(|_| rng.i64(1..=ROWS)).collect();
            let rows = items.get_many(&ids).await?;
            assert_eq!(rows.len(), ids.len());
            // Each row on its own: a batch is no snapshot.
            (
                "get_many",
                ids.iter().zip(rows).map(|(id, row)| vec![(*id, is(row.as_deref()))]).collect(),
            )
        }
        40..60 => {
            let slug = any_slug(rng);
            match items.find_by_slug(&slug).await? {
                Some(row) => {
                    assert_eq!(row.slug, slug);
                    ("find", vec![vec![(row.id, is(Some(&row)))]])
                }
                None => {
                    let nobody = |id| (id, Claim::BearsNoSlug(slug.clone()));
                    ("find nothing", vec![(1..=ROWS).map(nobody).collect()])
                }
            }
        }
        60..75 => {
            let shelf = format!("shelf-{}", rng.i64(0..SHELVES));
            let rows = items.list_by_shelf(&shelf, ..).await?;
            assert!(rows.is_sorted_by(|left, right| left.id < right.id), "{rows:?}");
            let member = |id| {
                let there = rows.iter().any(|row| row.id == id);
                (id, if there { Claim::IsOn(shelf.clone()) } else { Claim::IsNotOn(shelf.clone()) })
            };
            let mut claims = vec![(1..=ROWS).map(member).collect()];
            claims.extend(rows.iter().map(|row| vec![(row.id, is(Some(row)))]));
            ("list", claims)
        }
        75..80 => {
            let shelf = format!("shelf-{}", rng.i64(0..SHELVES));
            let rows = items.list_by_shelf(&shelf, 1..3).await?;
            assert!(rows.len() <= 2);
            assert!(rows.iter().all(|row| row.shelf.as_ref() == Some(&shelf)), "{rows:?}");
            ("page", rows.iter().map(|row| vec![(row.id, is(Some(row)))]).collect())
        }
        80..92 => {
            let shelf = format!("shelf-{}", rng.i64(0..SHELVES));
            let found = if rng.bool() {
                items.versions_on(&shelf).await?
            } else {
                items.also_on(&shelf).await?
            };
            (
                "answer under a row's tag",
                vec![version_claims(&found, |_| Claim::IsNotOn(shelf.clone()))],
            )
        }
        _ => {
            let found = items.versions().await?;
            ("answer under the table's tag", vec![version_claims(&found, |_| Claim::Is(None))])
        }
    })
}

pub async fn read_for(shop: Arc<Shop>, mut rng: Rng, until: Instant, shaky: bool) {
    while Instant::now() < until {
        let items = &shop.processes[rng.usize(0..2)];
        let begin = shop.now();
        let (what, claims) = match read(items, &mut rng).await {
            Ok(found) => found,
            // The database could not be asked.
            Err(sqlx::Error::Io(_) | sqlx::Error::Protocol(_)) if shaky => continue,
            Err(error) => panic!("a read: {error:?}"),
        };
        let end = shop.now();
        let reads = claims.into_iter().map(|claims| Read { what, begin, end, claims });
        shop.reads.lock().expect("no poison").extend(reads);
    }
}
