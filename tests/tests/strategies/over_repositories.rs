//! A repository is a data source: its table's tag keeps the strategies over it coherent with its own writes.

use cache_runtime::Step;

use crate::world::{World, city};

#[tokio::test]
async fn a_write_through_the_repository_is_seen_by_a_strategy_over_it() {
    let world = World::new().await;
    let cities = world.here.cache.read_through("cities", world.here.clone());
    let population = async || cities.get(&1).await.unwrap().unwrap().population;
    assert_eq!(population().await, 2100);
    world.here.cache.drain().await;
    world.elsewhere.update(&city(1, "paris", "FR", 7)).await.unwrap();
    assert_eq!(population().await, 7);
    let many = cities.get_many(&[2, 1, 99]).await.unwrap();
    assert_eq!(many[1].as_ref().unwrap().population, 7);
    world.here.cache.drain().await;
    let loads = cities.stats().loads;
    cities.get_many(&[1, 2, 99]).await.unwrap();
    assert_eq!(cities.stats().loads, loads, "the batch was cached under its tag");
    world.elsewhere.update(&city(2, "lyon", "FR", 8)).await.unwrap();
    assert_eq!(cities.get_many(&[2]).await.unwrap()[0].as_ref().unwrap().population, 8);
}

/// The stamps of a batch are read before its load.
#[tokio::test]
async fn a_batch_that_a_writer_of_the_tag_overtook_is_a_miss() {
    let world = World::new().await;
    let cities = world.here.cache.read_through("cities", world.here.clone());
    let key = world.here.cache.key().text("!source:cities").value(&1_i64).finish().unwrap();
    let fill = world.stepper.park(Step::Fill, &key);
    cities.get_many(&[1]).await.unwrap();
    fill.arrived().await;
    world.elsewhere.update(&city(1, "paris", "FR", 7)).await.unwrap();
    fill.open();
    world.here.cache.drain().await;
    assert_eq!(cities.get_many(&[1]).await.unwrap()[0].as_ref().unwrap().population, 7);
}

#[tokio::test]
async fn what_is_written_through_a_strategy_is_seen_by_the_repository() {
    let world = World::new().await;
    let cities = world.here.cache.write_through("cities", world.here.clone());
    world.cached(1).await;
    let stored = cities.put(&1, &city(1, "paname", "FR", 7)).await.unwrap();
    assert_eq!(stored.slug, "paname");
    assert_eq!(world.elsewhere.get(1).await.unwrap().unwrap().population, 7);
    assert_eq!(world.elsewhere.find_by_slug("paname").await.unwrap().unwrap().id, 1);
    assert_eq!(cities.get(&1).await.unwrap().unwrap().population, 7);
    // A slug that is taken: the database refuses, and nothing is held any longer.
    assert!(cities.put(&1, &city(1, "rome", "FR", 8)).await.is_err());
    world.here.cache.drain().await;
    assert_eq!(cities.get(&1).await.unwrap().unwrap().population, 7);
    assert!(cities.delete(&1).await.unwrap());
    assert_eq!(cities.get(&1).await.unwrap(), None);
}
