//! Entries of a repository that are removed by pattern.

use std::sync::Arc;
use std::time::Duration;

use cache_runtime::backend::MemoryCache;
use cache_runtime::testing::{FaultyCache, ManualClock, Op};
use cache_runtime::{CacheManager, Level, State, Step, Walk};
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
    assert!(delete(&here, "cities:id:*").await >= 1);
    assert_eq!(population(&here, 1).await, 7);
    cache.heal();
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
