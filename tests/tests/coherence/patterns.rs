//! Entries of a repository that are removed by pattern.

use std::sync::Arc;
use std::time::Duration;

use cache_runtime::backend::MemoryCache;
use cache_runtime::testing::{FaultyCache, ManualClock, Op};
use cache_runtime::{CacheManager, ErrorKind, Level, State, Step, Ttl, Walk};
use tests::{eventually, in_time};

use crate::world::{Cities, World, city, near, population};

async fn delete(cities: &Cities, glob: &str) -> u64 {
    let pattern = cities.cache.pattern(glob).unwrap();
    cities.cache.delete_matching(&pattern, Walk::new()).await.unwrap()
}

#[tokio::test]
async fn a_removal_by_pattern_between_hold_and_commit_leaves_the_hold() {
    let world = World::new().await;
    world.cached(1).await;
    world.cached(2).await;
    let commit = world.stepper.park(Step::Commit, &world.row(1));
    let writer = tokio::spawn({
        let here = world.here.clone();
        async move { here.update(&city(1, "paris", "FR", 1)).await }
    });
    commit.arrived().await;
    assert!(delete(&world.elsewhere, "*").await >= 1, "the other row is not held");
    assert_eq!(world.elsewhere.explain(2).await.state, State::Absent);
    assert_eq!(world.elsewhere.explain(1).await.state, State::Hold, "a hold is nobody else's");
    assert_eq!(population(&world.elsewhere, 1).await, 2100, "it is not committed yet");
    assert_eq!(world.elsewhere.explain(1).await.state, State::Hold, "nothing was filled");

    commit.open();
    in_time("the write", writer).await.unwrap().unwrap();
    assert_eq!(population(&world.elsewhere, 1).await, 1);
}

#[tokio::test]
async fn a_reader_whose_lease_is_removed_by_pattern_fills_nothing() {
    let world = World::new().await;
    let fill = world.stepper.park(Step::Fill, &world.row(1));
    assert_eq!(population(&world.here, 1).await, 2100);
    fill.arrived().await;
    assert!(delete(&world.elsewhere, "cities:id:*").await >= 1, "the lease");
    world.sql("UPDATE cities SET population = 7 WHERE id = 1").await;
    fill.open();
    eventually("the fill is turned down", || async { world.here.stats().rejected_fills >= 1 })
        .await;
    assert_eq!(population(&world.elsewhere, 1).await, 7, "what was loaded before is not served");
}

#[tokio::test]
async fn a_removal_by_pattern_is_seen_at_once_by_the_process_that_makes_it() {
    for by_repository in [false, true] {
        let cache = FaultyCache::over(Arc::new(MemoryCache::new()));
        let clock = ManualClock::new();
        // Zero means "never" to the proof of a stream.
        clock.advance(Duration::from_secs(60));
        let world = World::new().await;
        let manager = CacheManager::builder(world.fixture.namespace())
            .backend(Arc::new(cache.clone()))
            .level(Level::Bounded(Duration::from_secs(1)))
            .clock(clock.shared())
            .build()
            .unwrap();
        let here = Cities { cache: manager, ..world.here.clone() };
        near(&here, 1).await;
        world.sql("UPDATE cities SET population = 7 WHERE id = 1").await;
        // It hears nothing more of what is announced, its own announcements included.
        cache.stall(Op::Hear);
        cache.until_stalled(Op::Hear).await;
        assert_eq!(population(&here, 1).await, 2100, "nobody said a word");
        let removed = if by_repository {
            here.invalidate_matching("id:*").await.unwrap()
        } else {
            delete(&here, "cities:id:*").await
        };
        assert!(removed >= 1);
        assert_eq!(population(&here, 1).await, 7);
        cache.heal();
    }
}

#[tokio::test]
async fn a_removal_by_pattern_empties_the_tier_of_every_process() {
    let (world, _clock) = World::bounded(Duration::from_secs(1)).await;
    for cities in [&world.here, &world.elsewhere] {
        near(cities, 1).await;
    }
    world.sql("UPDATE cities SET population = 7 WHERE id = 1").await;
    assert_eq!(population(&world.here, 1).await, 2100, "nobody said a word");
    // Redis has lost the row; the tiers have not heard of it.
    let client = redis::Client::open(world.fixture.redis_url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let () =
        redis::cmd("DEL").arg(world.row(1).as_str()).query_async(&mut connection).await.unwrap();
    delete(&world.here, "cities:id:*").await;
    assert_eq!(population(&world.here, 1).await, 7, "its own process at once");
    eventually("the other one hears of it", || async {
        population(&world.elsewhere, 1).await == 7
    })
    .await;
}

#[tokio::test]
async fn a_repository_forgets_its_own_entries_by_pattern_and_nobody_elses() {
    let world = World::new().await;
    for id in [1, 2, 3] {
        world.cached(id).await;
    }
    world.here.largest(1).await.unwrap();
    world.here.cache.drain().await;
    let other = world.here.cache.key().text("citizens:id").value(&1).finish().unwrap();
    world.here.cache.backend().set(&other, "…".into(), Ttl::Forever).await.unwrap();

    assert_eq!(world.elsewhere.invalidate_matching("id:=[12]").await.unwrap(), 2);
    assert_eq!(world.elsewhere.explain(1).await.state, State::Absent);
    assert_eq!(world.elsewhere.explain(3).await.state, State::Value);
    assert_eq!(world.elsewhere.invalidate_matching("call:*").await.unwrap(), 1);
    world.elsewhere.invalidate_matching("*").await.unwrap();
    assert_eq!(world.elsewhere.explain(3).await.state, State::Absent);
    assert!(world.here.cache.backend().exists(&other).await.unwrap(), "another table's");

    let error = world.elsewhere.invalidate_matching("id:=[1").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("\"id:=[1\""), "{error}");
}

/// A load that began before the invalidation, of each kind of entry: what it found is not served after it.
#[tokio::test]
async fn a_load_in_flight_fills_nothing_after_an_invalidation_by_pattern() {
    for bounded in [false, true] {
        for (key, glob) in [("id", "id:*"), ("list", "list:*"), ("call", "call:*")] {
            let clock = ManualClock::new();
            clock.advance(Duration::from_secs(60));
            let shared = clock.shared();
            let world = World::with(|builder| {
                let level = Level::Bounded(Duration::from_secs(1));
                if bounded { builder.level(level).clock(shared.clone()) } else { builder }
            })
            .await;
            let read = async |cities: &Cities| match key {
                "id" => cities.get(2).await.unwrap().is_some(),
                "list" => cities.list_by_country("FR", ..).await.unwrap().len() == 2,
                _ => cities.population_of("FR").await.unwrap() == Some(2600),
            };
            let entry = match key {
                "id" => world.row(2),
                "list" => world.list("FR"),
                _ => world.here.cache.key().text("cities:call:in").value("FR").finish().unwrap(),
            };
            let fill = world.stepper.park(Step::Fill, &entry);
            assert!(read(&world.here).await);
            fill.arrived().await;
            world.sql("DELETE FROM cities WHERE id = 2").await;
            world.here.invalidate_matching(glob).await.unwrap();
            world.here.invalidate_matching("id:*").await.unwrap();
            let joiner = tokio::spawn({
                let here = world.here.clone();
                async move {
                    match key {
                        "id" => here.get(2).await.unwrap().is_none(),
                        "list" => here.list_by_country("FR", ..).await.unwrap().len() == 1,
                        _ => here.population_of("FR").await.unwrap() == Some(2100),
                    }
                }
            });
            fill.open();
            assert!(in_time("the joiner", joiner).await.unwrap(), "{key} joined, {bounded}");
            world.here.cache.drain().await;
            assert!(!read(&world.here).await, "{key}, {bounded}");
            assert!(!read(&world.elsewhere).await, "{key} elsewhere, {bounded}");
        }
    }
}
