use cache_runtime::Step;
use tests::in_time;

use super::world::{World, city};

/// Hazard 20.
#[tokio::test]
async fn a_row_that_moves_leaves_its_old_look_up_and_list() {
    let world = World::new().await;
    let both = [&world.here, &world.elsewhere];
    for cities in both {
        assert!(cities.find_by_slug("paris").await.unwrap().is_some());
        assert!(cities.find_by_slug("paname").await.unwrap().is_none());
        assert_eq!(cities.list_by_country("FR", ..).await.unwrap().len(), 2);
        assert_eq!(cities.list_by_country("IT", ..).await.unwrap().len(), 1);
    }
    world.here.update(&city(1, "paname", "IT", 2100)).await.unwrap();
    for cities in both {
        assert_eq!(cities.find_by_slug("paris").await.unwrap(), None);
        assert_eq!(cities.find_by_slug("paname").await.unwrap().unwrap().id, 1);
        let ids = |rows: Vec<std::sync::Arc<super::world::City>>| {
            rows.iter().map(|row| row.id).collect::<Vec<_>>()
        };
        assert_eq!(ids(cities.list_by_country("FR", ..).await.unwrap()), [2]);
        assert_eq!(ids(cities.list_by_country("IT", ..).await.unwrap()), [1, 3]);
    }
    world.here.delete(3).await.unwrap();
    for cities in both {
        assert_eq!(cities.find_by_slug("rome").await.unwrap(), None);
        assert_eq!(cities.list_by_country("IT", ..).await.unwrap().len(), 1);
    }
}

/// Hazard 20: the old key comes from the database, not from a cache that may know an older state still.
#[tokio::test]
async fn the_old_look_up_is_the_databases_and_not_the_caches() {
    let world = World::new().await;
    world.cached(1).await;
    world.sql("UPDATE cities SET slug = 'lutetia' WHERE id = 1").await;
    assert!(world.here.find_by_slug("lutetia").await.unwrap().is_some());
    world.here.update(&city(1, "paname", "FR", 2100)).await.unwrap();
    assert_eq!(world.elsewhere.find_by_slug("lutetia").await.unwrap(), None);
}

/// Hazard 28.
#[tokio::test]
async fn a_look_up_whose_row_moved_on_meanwhile_is_loaded_anew() {
    let world = World::new().await;
    world.here.find_by_slug("paris").await.unwrap();
    world.filled(2).await;
    let second_read = world.stepper.park(Step::Read, &world.row(1));
    let look_up = tokio::spawn({
        let here = world.here.clone();
        async move { here.find_by_slug("paris").await }
    });
    // The index entry is read and says 1; now row 1 goes by another name, and row 2 by this one.
    second_read.arrived().await;
    world.elsewhere.update(&city(1, "paname", "FR", 2100)).await.unwrap();
    world.elsewhere.update(&city(2, "paris", "FR", 500)).await.unwrap();
    second_read.open();
    let found = in_time("the look-up", look_up).await.unwrap().unwrap().unwrap();
    assert_eq!((found.id, found.slug.as_str()), (2, "paris"));
}

/// Hazard 28, for a list.
#[tokio::test]
async fn a_list_whose_row_moved_on_meanwhile_is_loaded_anew() {
    let world = World::new().await;
    world.here.list_by_country("FR", ..).await.unwrap();
    world.filled(3).await;
    let second_read = world.stepper.park(Step::Read, &world.row(2));
    let listing = tokio::spawn({
        let here = world.here.clone();
        async move { here.list_by_country("FR", ..).await }
    });
    second_read.arrived().await;
    world.elsewhere.update(&city(2, "lyon", "IT", 500)).await.unwrap();
    second_read.open();
    let rows = in_time("the list", listing).await.unwrap().unwrap();
    assert!(rows.iter().all(|row| row.country.as_deref() == Some("FR")), "{rows:?}");
    assert_eq!(rows.len(), 1);
}

#[tokio::test]
async fn a_list_is_read_in_pages() {
    let world = World::new().await;
    let more: Vec<_> = (10..40).map(|id| city(id, &format!("city-{id}"), "FR", id)).collect();
    world.here.insert_many(&more).await.unwrap();
    for _ in 0..2 {
        let ids = |rows: Vec<std::sync::Arc<super::world::City>>| {
            rows.iter().map(|row| row.id).collect::<Vec<_>>()
        };
        assert_eq!(ids(world.here.list_by_country("FR", ..3).await.unwrap()), [1, 2, 10]);
        assert_eq!(ids(world.here.list_by_country("FR", 3..5).await.unwrap()), [11, 12]);
        assert_eq!(ids(world.here.list_by_country("FR", 30..).await.unwrap()), [38, 39]);
        assert!(world.here.list_by_country("FR", 99..).await.unwrap().is_empty());
        assert!(world.here.list_by_country("XX", ..).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_row_without_a_value_is_in_no_list() {
    let world = World::new().await;
    let nowhere = super::world::City { country: None, ..city(9, "atlantis", "", 0) };
    world.here.insert(&nowhere).await.unwrap();
    assert_eq!(*world.here.get(9).await.unwrap().unwrap(), nowhere);
    assert_eq!(world.here.list_by_country("FR", ..).await.unwrap().len(), 2);
    world.here.update(&city(9, "atlantis", "FR", 0)).await.unwrap();
    assert_eq!(world.here.list_by_country("FR", ..).await.unwrap().len(), 3);
}

/// The page that takes the place of an entry is a load like any other.
#[tokio::test]
async fn a_look_up_that_is_loaded_anew_is_counted_and_waits_for_its_turn() {
    let world = World::with(|builder| builder.max_loads(1, 0)).await;
    world.here.find_by_slug("paris").await.unwrap();
    world.filled(2).await;
    world.sql("UPDATE cities SET slug = 'paname' WHERE id = 1").await;
    let nobody = cache_runtime::entry::Token::new();
    world.here.cache.backend().release(&[world.row(1)], nobody).await.unwrap();
    let before = world.here.stats();
    assert_eq!(world.here.find_by_slug("paris").await.unwrap(), None);
    assert_eq!((world.here.stats() - before).loads, 2, "the row, and the page");
    world.filled(3).await;

    let load = world.stepper.park(Step::Load, &world.row(2));
    let other = tokio::spawn({
        let here = world.here.clone();
        async move { here.get(2).await }
    });
    load.arrived().await;
    let refused = in_time("the look-up", world.here.find_by_slug("paris")).await.unwrap_err();
    let error = cache_runtime::Error::of(&refused).expect("it is the cache's own");
    assert_eq!(error.kind(), cache_runtime::ErrorKind::Overloaded);
    load.open();
    other.await.unwrap().unwrap();
}

#[tokio::test]
async fn of_several_rows_where_one_was_claimed_every_way_finds_the_same() {
    let world = World::new().await;
    world
        .sql("ALTER TABLE cities DROP CONSTRAINT cities_slug_key; UPDATE cities SET slug = 'paris'")
        .await;
    let here = &world.here;
    assert_eq!(here.find_by_slug("paris").await.unwrap().unwrap().id, 1);
    let mut tx = here.begin().await.unwrap();
    assert_eq!(here.within(&mut tx).find_by_slug("paris").await.unwrap().unwrap().id, 1);
}
