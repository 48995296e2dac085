//! Events that a process handles itself.

use std::time::Duration;

use cache_runtime::{CacheManager, Cached, ErrorKind, Event, Step};
use serde::{Deserialize, Serialize};
use tests::{eventually, in_time};

use super::world::{Counted, Moved, Unknown, World, bus};

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn what_an_event_makes_wrong_is_gone_once_it_was_published() {
    let world = World::new().await;
    let events = bus(&world.elsewhere).build().unwrap();
    world.here.cache.set("summary", &1, HOUR).await.unwrap();
    assert_eq!(world.here.count().await.unwrap(), 3);
    assert!(world.here.get(2).await.unwrap().is_some());
    assert_eq!(world.french().await, (2, 2));
    world.sql("DELETE FROM cities WHERE id = 2").await;
    assert_eq!((world.here.count().await.unwrap(), world.french().await), (3, (2, 2)));

    events.publish(&Moved { ids: vec![2] }).await.unwrap();
    assert_eq!(world.here.get(2).await.unwrap(), None);
    assert_eq!(world.french().await, (1, 1), "the row was cached, so its lists are known");
    assert_eq!(world.here.count().await.unwrap(), 3, "nobody has said so");

    events.publish(&Counted).await.unwrap();
    assert_eq!(world.here.count().await.unwrap(), 2);
    let summary = world.here.cache.get::<i32>("summary").await.unwrap();
    assert_eq!(summary, Cached::Miss, "both handlers were asked");
    assert_eq!(events.stats().published, 2);
}

/// A load that began before the event ends after it.
#[tokio::test]
async fn a_fill_that_an_event_overtook_is_not_served() {
    let world = World::new().await;
    let events = bus(&world.elsewhere).build().unwrap();
    let fill = world.stepper.park(Step::Fill, &world.key("cities:by:slug", "lyon"));
    assert!(world.here.find_by_slug("lyon").await.unwrap().is_some());
    fill.arrived().await;
    world.sql("UPDATE cities SET slug = 'lugdunum' WHERE id = 2").await;
    // The row itself is cached, and leads to the look-up.
    events.publish(&Moved { ids: vec![2] }).await.unwrap();
    fill.open();
    eventually("the fill is decided", || async { world.here.stats().rejected_fills >= 1 }).await;
    assert_eq!(world.here.find_by_slug("lyon").await.unwrap(), None);
}

#[tokio::test]
async fn an_event_without_a_handler_is_an_error_and_not_lost_in_silence() {
    let world = World::new().await;
    let events = bus(&world.here).build().unwrap();
    let error = events.publish(&Unknown).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("city.twinned"), "{error}");
    let error = events.send(&Counted).await.unwrap_err();
    assert!(error.to_string().contains("no stream"), "{error}");
}

#[tokio::test]
async fn a_bus_that_cannot_work_is_not_built() {
    #[derive(Serialize, Deserialize)]
    struct Impostor;
    impl Event for Impostor {
        const NAME: &'static str = Counted::NAME;
    }
    let cache = CacheManager::builder("shop").memory().build().unwrap();
    let refused = |outcome: cache_runtime::Result<cache_runtime::EventBus>, says: &str| {
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(says), "{error}");
    };
    let twice = cache.events().on::<Counted>(|_, it| it).on::<Impostor>(|_, it| it);
    refused(twice.build(), "two types of events are called cities.counted");
    refused(cache.events().spawn(), "no stream");
    refused(cache.events().stream("").build(), "needs a name");
    refused(cache.events().stream("a").consumer("").spawn(), "needs a name");
}

#[tokio::test]
async fn what_keeps_a_part_from_being_invalidated_keeps_nothing_else() {
    let world = World::new().await;
    let here = world.here.clone();
    let events = here
        .cache
        .clone()
        .events()
        .on::<Counted>(move |_, it| it.matching(&here, "[").tag("counts").rows(&here, [1]))
        .build()
        .unwrap();
    world.here.count().await.unwrap();
    world.here.get(1).await.unwrap();
    world.here.cache.drain().await;
    world.sql("DELETE FROM cities").await;
    let error = events.publish(&Counted).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(world.here.count().await.unwrap(), 0);
    assert_eq!(world.here.get(1).await.unwrap(), None);
    assert_eq!(events.stats().published, 0);
}

#[tokio::test]
async fn a_pattern_of_a_repository_is_invalidated_by_an_event() {
    let world = World::new().await;
    let cities = world.elsewhere.clone();
    let events = cities
        .cache
        .clone()
        .events()
        .on::<Counted>(move |_, it| it.matching(&cities, "call:*"))
        .build()
        .unwrap();
    assert_eq!(world.here.count().await.unwrap(), 3);
    world.here.cache.drain().await;
    world.sql("DELETE FROM cities").await;
    in_time("the event", events.publish(&Counted)).await.unwrap();
    assert_eq!(world.here.count().await.unwrap(), 0);
}
