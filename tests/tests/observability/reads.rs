//! Each read moves what it should, and nothing else.

use std::time::Duration;

use bytes::Bytes;
use cache_runtime::{CachedRepository, Level, Step, Ttl};
use tests::eventually;

use super::watched::Watched;
use super::world::{World, city};

#[tokio::test]
async fn a_row_is_a_miss_a_load_and_a_fill_and_then_a_hit() {
    let world = World::new().await;
    let watched = Watched::of(&world.here.cache);
    world.here.get(1).await.unwrap();
    world.filled(1).await;
    assert_eq!(watched.moved(), ["fills{get} 1", "loads{get} 1", "misses{get,backend} 1"]);
    world.here.get(1).await.unwrap();
    assert_eq!(watched.moved(), ["hits{get,backend} 1"]);
    assert_eq!(watched.values("cache_load_seconds{Cities,get}").len(), 1);
}

#[tokio::test]
async fn what_is_published_twice_counts_once_and_what_is_no_read_counts_as_none() {
    let world = World::new().await;
    let watched = Watched::of(&world.here.cache);
    world.cached(1).await;
    watched.moved();
    assert_eq!(watched.moved(), [""; 0]);
    world.here.explain(1).await;
    world.here.cache.ping().await.unwrap();
    world.elsewhere.get(1).await.unwrap();
    assert_eq!(watched.moved(), [""; 0]);
}

#[tokio::test]
async fn a_look_up_counts_its_entry_and_its_row_as_its_own() {
    let world = World::new().await;
    let watched = Watched::of(&world.here.cache);
    world.here.find_by_slug("paris").await.unwrap();
    world.filled(2).await;
    let expected =
        ["fills{find_by_slug} 2", "loads{find_by_slug} 2", "misses{find_by_slug,backend} 2"];
    assert_eq!(watched.moved(), expected);
    world.here.find_by_slug("paris").await.unwrap();
    assert_eq!(watched.moved(), ["hits{find_by_slug,backend} 2"]);
}

#[tokio::test]
async fn a_list_counts_its_ids_and_its_rows_as_its_own() {
    let world = World::new().await;
    let watched = Watched::of(&world.here.cache);
    world.here.list_by_country("FR", ..).await.unwrap();
    world.filled(3).await;
    let list = "list_by_country";
    let expected = [
        format!("fills{{{list}}} 3"),
        format!("loads{{{list}}} 2"),
        format!("misses{{{list},backend}} 3"),
    ];
    assert_eq!(watched.moved(), expected);
}

#[tokio::test]
async fn a_batch_is_one_load_and_its_rows_are_counted_each() {
    let world = World::new().await;
    let watched = Watched::of(&world.here.cache);
    world.cached(3).await;
    watched.moved();
    world.here.get_many(&[1, 2, 3]).await.unwrap();
    world.filled(3).await;
    let expected = [
        "fills{get_many} 2",
        "hits{get_many,backend} 1",
        "loads{get_many} 1",
        "misses{get_many,backend} 2",
    ];
    assert_eq!(watched.moved(), expected);
}

#[tokio::test]
async fn each_cached_method_counts_under_its_name() {
    let world = World::new().await;
    let watched = Watched::of(&world.here.cache);
    world.here.largest(2).await.unwrap();
    world.filled(1).await;
    assert_eq!(
        watched.moved(),
        ["fills{largest} 1", "loads{largest} 1", "misses{largest,backend} 1"]
    );
    world.here.largest(2).await.unwrap();
    assert_eq!(watched.moved(), ["hits{largest,backend} 1"]);
    world.here.population_of("IT").await.unwrap();
    world.filled(2).await;
    let other = "population_of";
    let expected = [
        format!("fills{{{other}}} 1"),
        format!("loads{{{other}}} 1"),
        format!("misses{{{other},backend}} 1"),
    ];
    assert_eq!(watched.moved(), expected);
}

#[tokio::test]
async fn refreshing_and_warming_count_as_what_they_are() {
    let world = World::new().await;
    let watched = Watched::of(&world.here.cache);
    world.here.refresh(1).await.unwrap();
    let moved = watched.moved();
    assert!(moved.contains(&"loads{refresh} 1".to_owned()), "{moved:?}");
    assert!(moved.iter().all(|line| !line.contains("{get")), "{moved:?}");
    world.here.warm(&[2]).await.unwrap();
    world.filled(2).await;
    assert_eq!(watched.moved(), ["fills{warm} 1", "loads{warm} 1", "misses{warm,backend} 1"]);
}

#[tokio::test]
async fn the_tier_in_the_process_has_hits_and_misses_of_its_own() {
    let minute = Level::Bounded(Duration::from_secs(60));
    let world = World::with(|builder| builder.level(minute)).await;
    let watched = Watched::of(&world.here.cache);
    eventually("the tier answers", || async {
        world.here.get(1).await.unwrap();
        world.here.stats().tier_hits > 0
    })
    .await;
    world.here.cache.drain().await;
    let moved = watched.moved();
    assert!(moved.iter().any(|line| line.starts_with("tier_admissions{get}")), "{moved:?}");
    world.here.get(1).await.unwrap();
    assert_eq!(watched.moved(), ["hits{get,process} 1"]);
    world.here.get_many(&[1, 2]).await.unwrap();
    world.here.cache.drain().await;
    let expected = [
        "fills{get_many} 1",
        "hits{get_many,process} 1",
        "loads{get_many} 1",
        "misses{get_many,backend} 1",
        "misses{get_many,process} 1",
        "tier_admissions{get_many} 1",
    ];
    assert_eq!(watched.moved(), expected);
    assert_eq!(watched.gauge("cache_tier_entries"), Some(2.0));
    assert!(watched.gauge("cache_tier_bytes") > Some(100.0));
}

#[tokio::test]
async fn that_there_is_no_such_row_is_a_hit_that_says_so() {
    let world = World::new().await;
    let watched = Watched::of(&world.here.cache);
    world.cached(99).await;
    watched.moved();
    assert!(world.here.get(99).await.unwrap().is_none());
    assert_eq!(watched.moved(), ["hits{get,backend} 1", "negative_hits{get} 1"]);
}

#[tokio::test]
async fn a_load_that_fails_is_counted_and_timed() {
    let world = World::new().await;
    let watched = Watched::of(&world.here.cache);
    world.here.fails().await.unwrap_err();
    assert_eq!(
        watched.moved(),
        ["failed_loads{fails} 1", "loads{fails} 1", "misses{fails,backend} 1"]
    );
    assert_eq!(watched.values("cache_load_seconds{Cities,fails}").len(), 1);
}

#[tokio::test]
async fn who_waits_for_anothers_load_is_coalesced() {
    let world = World::new().await;
    let watched = Watched::of(&world.here.cache);
    let load = world.stepper.park(Step::Load, &world.row(1));
    let get = |here: super::world::Cities| tokio::spawn(async move { here.get(1).await.unwrap() });
    let first = get(world.here.clone());
    load.arrived().await;
    let second = get(world.here.clone());
    eventually("the second waits", || async { world.here.stats().misses == 2 }).await;
    load.open();
    let _ = (first.await.unwrap(), second.await.unwrap());
    world.filled(1).await;
    let expected = ["coalesced{get} 1", "fills{get} 1", "loads{get} 1", "misses{get,backend} 2"];
    assert_eq!(watched.moved(), expected);
}

#[tokio::test]
async fn a_fill_that_a_writer_came_before_is_rejected_and_says_why() {
    let world = World::new().await;
    let watched = Watched::of(&world.here.cache);
    let fill = world.stepper.park(Step::Fill, &world.row(1));
    world.here.get(1).await.unwrap();
    fill.arrived().await;
    world.elsewhere.update(&city(1, "paris", "FR", 5)).await.unwrap();
    fill.open();
    world.here.cache.drain().await;
    let expected = ["loads{get} 1", "misses{get,backend} 1", "rejected_fills{get,writer} 1"];
    assert_eq!(watched.moved(), expected);
}

#[tokio::test]
async fn a_value_above_the_limit_is_rejected_and_says_why() {
    let world = World::with(|builder| builder.max_value_bytes(1)).await;
    let watched = Watched::of(&world.here.cache);
    world.here.get(1).await.unwrap();
    let expected = ["loads{get} 1", "misses{get,backend} 1", "rejected_fills{get,too_large} 1"];
    assert_eq!(watched.moved(), expected);
}

#[tokio::test]
async fn rubbish_at_a_key_is_foreign() {
    let world = World::new().await;
    let watched = Watched::of(&world.here.cache);
    let rubbish = Bytes::from_static(b"rubbish");
    world.here.cache.backend().set(&world.row(1), rubbish, Ttl::Forever).await.unwrap();
    world.here.get(1).await.unwrap();
    world.filled(1).await;
    let expected =
        ["fills{get} 1", "foreign_entries{get} 1", "loads{get} 1", "misses{get,backend} 1"];
    assert_eq!(watched.moved(), expected);
}

#[tokio::test]
async fn an_expired_value_that_is_served_is_counted() {
    let world = World::with(|builder| builder.stale_on_error(Duration::from_secs(3600))).await;
    let watched = Watched::of(&world.here.cache);
    world.cached(1).await;
    // Its TTL has passed, and half of the hour after it.
    let half_an_hour = Ttl::After(Duration::from_secs(1800));
    assert!(world.here.cache.backend().expire(&world.row(1), half_an_hour).await.unwrap());
    world.sql("ALTER TABLE cities RENAME TO gone").await;
    watched.moved();
    assert!(world.here.get(1).await.unwrap().is_some());
    let expected = [
        "failed_loads{get} 1",
        "fills{get} 1",
        "loads{get} 1",
        "misses{get,backend} 1",
        "stale_served{get} 1",
    ];
    assert_eq!(watched.moved(), expected);
}

#[tokio::test]
async fn the_numbers_are_there_without_a_recorder() {
    let world = World::new().await;
    world.cached(1).await;
    world.here.get(1).await.unwrap();
    let all = world.here.cache.stats_by_operation();
    let get = all.iter().find(|stats| stats.operation == "get").unwrap();
    assert_eq!((get.repository.as_str(), get.stats.hits, get.stats.loads), ("Cities", 1, 1));
    assert_eq!(get.load_time.count, 1);
    assert!(get.load_time.max > Duration::ZERO);
    // Those of the repository are those of its operations.
    assert_eq!(world.here.repository().stats().hits, 1);
    assert_eq!(world.here.cache.stats(), world.here.stats());
}

#[tokio::test]
async fn a_renewal_is_a_load_and_no_miss() {
    // So large that every reader renews.
    let world = World::with(|builder| builder.refresh_ahead(1e12)).await;
    let watched = Watched::of(&world.here.cache);
    world.cached(1).await;
    watched.moved();
    world.here.get(1).await.unwrap();
    world.here.cache.drain().await;
    let expected = ["hits{get,backend} 1", "loads{get} 1", "renewals{get,done} 1"];
    assert_eq!(watched.moved(), expected);
}
