//! The tier in the process, and the stream that keeps it true.

use cache_runtime::testing::ManualClock;
use cache_runtime::{Cached, Error, Fresh, Level, Origin, ReadAt, State, Step, Tiers};
use tests::eventually;

use crate::world::{HOUR, SECOND, World};

/// Bounded by a second, on a clock that stands still.
async fn world() -> (World, ManualClock) {
    let clock = ManualClock::new();
    // Zero means "never" to the proof of a stream.
    clock.advance(HOUR);
    let shared = clock.shared();
    let options = |builder: cache_runtime::CacheManagerBuilder| {
        builder.level(Level::Bounded(SECOND)).clock(shared.clone()).jitter(0.0)
    };
    (World::with(options).await, clock)
}

/// Asks until the tier in the process has the item.
async fn near(world: &World, name: &'static str) {
    eventually("the tier has the item", || async {
        world.here.get::<u64>(name).await.unwrap().origin() == Some(Origin::Process)
    })
    .await;
}

#[tokio::test]
async fn an_item_is_answered_by_the_process_until_a_change_elsewhere_is_heard_of() {
    let (world, _) = world().await;
    world.elsewhere.set("k", &1_u64, HOUR).await.unwrap();
    near(&world, "k").await;
    let reads = || world.stepper.seen().iter().filter(|(step, _)| *step == Step::Read).count();
    let before = reads();
    assert_eq!(world.here.get_or_set("k", HOUR, 9_u64).await, 1);
    assert_eq!(reads(), before, "nobody was asked");
    let strong = world.here.get::<u64>("k").at(Level::Strong).await.unwrap();
    assert_eq!(strong, Cached::Hit(1, Origin::Cache));
    world.elsewhere.set("k", &2_u64, HOUR).await.unwrap();
    eventually("the set was heard of", || async {
        world.here.get::<u64>("k").await.unwrap().value() == Some(2)
    })
    .await;
    near(&world, "k").await;
    assert_eq!(world.elsewhere.pull::<u64>("k").await.unwrap(), Some(2));
    eventually("the pull was heard of", || async {
        world.here.get::<u64>("k").await.unwrap().is_miss()
    })
    .await;
}

#[tokio::test]
async fn a_flush_elsewhere_empties_the_tier() {
    let (world, _) = world().await;
    world.elsewhere.set("k", &1_u64, HOUR).await.unwrap();
    near(&world, "k").await;
    world.elsewhere.flush().await.unwrap();
    eventually("the flush was heard of", || async {
        world.here.get::<u64>("k").await.unwrap().is_miss()
    })
    .await;
}

#[tokio::test]
async fn a_loads_own_lifetime_counts_in_the_process_too() {
    let (world, clock) = world().await;
    let ask = |value: u64| {
        let here = world.here.clone();
        async move {
            let load = || async move { Ok::<_, Error>(Fresh::new(value, SECOND * 600)) };
            here.item("k").remember_fresh(load).await.unwrap()
        }
    };
    assert_eq!(ask(1).await, 1);
    near(&world, "k").await;
    clock.advance(SECOND * 601);
    // The server's time has not passed.
    eventually("beats go on", || async {
        ask(2).await;
        world.here.get::<u64>("k").await.unwrap().origin() == Some(Origin::Process)
    })
    .await;
    assert_eq!(world.loads(), 0);
    assert!(world.here.item_stats().hits > 0, "Redis was asked again");
}

#[tokio::test]
async fn an_item_of_the_process_alone_never_reaches_redis_and_hears_of_changes() {
    let (world, _) = world().await;
    world.elsewhere.set("other", &1_u64, HOUR).await.unwrap();
    near(&world, "other").await;
    let item = || world.here.item("secret").tiers(Tiers::Process).ttl(HOUR);
    assert_eq!(item().get_or_set(7_u64).await, 7);
    world.here.drain().await;
    assert_eq!(world.state("secret").await, State::Absent);
    let found = item().remember_with_origin(|| async { Ok::<_, Error>(8_u64) }).await.unwrap();
    assert_eq!(found, (7, Origin::Process));
    world.elsewhere.forget("secret").await.unwrap();
    eventually("the change was heard of", || async {
        item().get::<u64>().await.unwrap().is_miss()
    })
    .await;
}
