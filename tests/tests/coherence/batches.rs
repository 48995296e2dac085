use cache_runtime::{State, Step};
use tests::eventually;

use super::world::{World, city};

/// Hazard 26.
#[tokio::test]
async fn a_batch_that_lost_one_lease_fills_the_others() {
    let world = World::new().await;
    let fill = world.stepper.park(Step::Fill, &world.row(1));
    let rows = world.here.get_many(&[1, 2, 3]).await.unwrap();
    assert_eq!(rows.iter().flatten().count(), 3);
    fill.arrived().await;
    world.elsewhere.update(&city(2, "lyon", "FR", 7)).await.unwrap();
    world.released(2).await;
    fill.open();
    eventually("the fills are decided", || async { world.here.stats().rejected_fills == 1 }).await;
    assert_eq!(world.here.stats().fills, 2);
    assert_eq!(world.here.explain(1).await.state, State::Value);
    assert_eq!(world.here.explain(2).await.state, State::Absent);
    assert_eq!(world.here.explain(3).await.state, State::Value);
    assert_eq!(world.here.get(2).await.unwrap().unwrap().population, 7);
}

/// Hazard 26: cached, loading elsewhere, held by a writer, absent from the cache, absent from the table.
#[tokio::test]
async fn a_batch_reads_each_key_in_its_own_state() {
    let world = World::new().await;
    world.cached(1).await;
    let hold = world.stepper.park(Step::Commit, &world.row(2));
    let writer = tokio::spawn({
        let here = world.here.clone();
        async move { here.update(&city(2, "lyon", "FR", 7)).await }
    });
    hold.arrived().await;
    let rows = world.elsewhere.get_many(&[3, 99, 2, 1, 3]).await.unwrap();
    let populations: Vec<_> =
        rows.iter().map(|row| row.as_ref().map(|row| row.population)).collect();
    assert_eq!(populations, [Some(2800), None, Some(500), Some(2100), Some(2800)]);
    assert_eq!(world.elsewhere.stats().loads, 1);
    eventually("what may be filled is", || async { world.elsewhere.stats().fills == 2 }).await;
    assert_eq!(world.elsewhere.explain(2).await.state, State::Hold);
    hold.open();
    writer.await.unwrap().unwrap();
    let rows = world.elsewhere.get_many(&[2, 99]).await.unwrap();
    assert_eq!(rows[0].as_ref().unwrap().population, 7);
    assert_eq!(rows[1], None);
}

#[tokio::test]
async fn a_batch_of_nothing_asks_nobody() {
    let world = World::new().await;
    assert!(world.here.get_many(&[]).await.unwrap().is_empty());
    assert_eq!(world.here.stats(), Default::default());
    assert!(world.stepper.seen().is_empty());
    assert!(world.here.insert_many(&[]).await.unwrap().is_empty());
    assert!(world.here.delete_many(&[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_long_batch_comes_in_chunks_and_in_order() {
    let world = World::new().await;
    let ids: Vec<i64> = (1000..4500).collect();
    let rows: Vec<_> = ids.iter().map(|id| city(*id, &format!("city-{id}"), "FR", *id)).collect();
    let stored = world.here.insert_many(&rows).await.unwrap();
    assert!(stored.iter().map(|row| row.id).eq(ids.iter().copied()));
    let mut asked = ids.clone();
    asked.reverse();
    asked.extend([1, 99, 1000]);
    for _ in 0..2 {
        let read = world.here.get_many(&asked).await.unwrap();
        assert!(read.iter().zip(&asked).all(|(row, id)| match row {
            Some(row) => row.id == *id,
            None => *id == 99,
        }));
    }
    let deleted = world.here.delete_many(&ids).await.unwrap();
    assert_eq!(deleted.len(), ids.len());
    assert!(world.here.get_many(&asked).await.unwrap()[..3500].iter().all(Option::is_none));
}

/// Hazard 29.
#[tokio::test]
async fn a_transaction_over_many_rows_holds_every_key_before_it_commits() {
    let world = World::new().await;
    let ids: Vec<i64> = (1000..11_000).collect();
    let rows: Vec<_> = ids.iter().map(|id| city(*id, &format!("city-{id}"), "FR", *id)).collect();
    let keys: Vec<_> = ids
        .iter()
        .flat_map(|id| [world.row(*id), world.slug(&format!("city-{id}"))])
        .chain([world.list("FR")])
        .collect();
    let commit = world.stepper.park(Step::Commit, &world.row(1000));
    let writer = tokio::spawn({
        let here = world.here.clone();
        async move { here.insert_many(&rows).await }
    });
    commit.arrived().await;
    let entries = world.here.cache.backend().get_many(&keys).await.unwrap();
    let held =
        entries.iter().flatten().filter(|entry| entry[0] == cache_runtime::entry::HOLD).count();
    assert_eq!(held, 20_001);
    commit.open();
    writer.await.unwrap().unwrap();
    eventually("all are released", || async {
        world.here.cache.backend().get_many(&keys).await.unwrap().iter().all(Option::is_none)
    })
    .await;
}
