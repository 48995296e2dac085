//! Where an item is kept.

use super::*;

/// Asks until the tier in the process has the answer.
async fn near(world: &World, name: &'static str) {
    eventually("the tier has the item", || async {
        let found = world.here.item(name).level(BOUNDED).get::<u32>().await.unwrap();
        found.origin() == Some(Origin::Process)
    })
    .await;
}

fn reads(world: &World) -> usize {
    world.stepper.seen().iter().filter(|(step, _)| *step == Step::Read).count()
}

#[tokio::test]
async fn a_bounded_read_is_answered_by_the_process_and_a_strong_one_is_not() {
    let world = World::new();
    world.there.set("k", &7_u32, HOUR).await.unwrap();
    near(&world, "k").await;
    let before = reads(&world);
    let bounded = || world.here.item("k").level(BOUNDED);
    assert_eq!(bounded().get_or_set(1_u32).await, 7);
    assert_eq!(
        bounded().remember_with_origin(|| async { Ok::<_, Error>(1_u32) }).await.unwrap(),
        (7, Origin::Process)
    );
    assert_eq!(
        world
            .here
            .items(["k"])
            .level(BOUNDED)
            .get_or_load(|_| async { Err::<HashMap<_, u32>, _>("no") })
            .await
            .unwrap()["k"],
        7
    );
    assert_eq!(reads(&world), before, "nobody was asked");
    let strong = world.here.item("k").get::<u32>().await.unwrap();
    assert_eq!(strong, Cached::Hit(7, Origin::Cache));
    let passed = bounded().tiers(Tiers::Cache).get::<u32>().await.unwrap();
    assert_eq!(passed, Cached::Hit(7, Origin::Cache));
    assert_eq!(bounded().get::<u32>().at(Level::Database).await.unwrap(), Cached::Miss);
}

#[tokio::test]
async fn an_item_that_skips_the_process_is_not_kept_there() {
    let world = World::new();
    world.there.set("other", &1_u32, HOUR).await.unwrap();
    near(&world, "other").await;
    let item = || world.here.item("k").level(BOUNDED).tiers(Tiers::Cache);
    item().set(&7_u32).await.unwrap();
    item().get::<u32>().await.unwrap().value().unwrap();
    let before = reads(&world);
    let plain = world.here.item("k").level(BOUNDED).get::<u32>().await.unwrap();
    assert_eq!((plain, reads(&world)), (Cached::Hit(7, Origin::Cache), before + 1));
}

#[tokio::test]
async fn an_item_of_the_process_alone_never_stands_in_the_cache() {
    let world = World::new();
    world.there.set("other", &1_u32, HOUR).await.unwrap();
    near(&world, "other").await;
    let loads = Arc::new(AtomicUsize::new(0));
    let item = || world.here.item("k").level(BOUNDED).tiers(Tiers::Process).ttl(HOUR);
    for _ in 0..3 {
        assert_eq!(item().remember(counted::<Error>(&loads, 7)).await.unwrap(), 7);
        world.here.drain().await;
        assert_eq!(world.entry("k").await, None);
    }
    assert_eq!(count(&loads), 1);
    assert_eq!(item().get::<u32>().await.unwrap(), Cached::Hit(7, Origin::Process));
    // It hears of changes as ever, though there is nothing in the cache to be changed.
    world.there.forget("k").await.unwrap();
    eventually("it has heard of the change", || async {
        item().get::<u32>().await.unwrap().is_miss()
    })
    .await;
    assert!(item().set(&8_u32).await.unwrap());
    assert_eq!(world.entry("k").await, None);
    // Setting it was announced as well, and its own announcement may come after it.
    assert!(matches!(
        item().get::<u32>().await.unwrap(),
        Cached::Hit(8, Origin::Process) | Cached::Miss
    ));
}

/// A hold that is placed during the load: what is loaded may be old once it is released, which is not announced.
#[tokio::test]
async fn an_item_of_the_process_alone_is_not_kept_where_a_writer_came_between() {
    let world = World::new();
    world.there.set("other", &1_u32, HOUR).await.unwrap();
    near(&world, "other").await;
    let users = world.here.tag_key("users").unwrap();
    for (name, held) in [("k", world.key("k")), ("tagged", users)] {
        let item = |cache: &CacheManager| {
            let cache = cache.clone();
            async move {
                let item = cache.item(name).level(BOUNDED).tiers(Tiers::Process);
                let item = item.tags(["users"]).ttl(HOUR);
                item.remember_with_origin(|| async { Ok::<_, Error>(7_u32) }).await.unwrap()
            }
        };
        let load = world.stepper.park(Step::Load, &world.key(name));
        let reader = tokio::spawn(item(&world.here));
        load.arrived().await;
        let guard = match name {
            "k" => world.there.hold(["k"]).await.unwrap(),
            _ => world.there.hold(["none"]).tags(["users"]).await.unwrap(),
        };
        eventually("the hold was heard of", || async {
            world.stepper.seen().contains(&(Step::Evict, held.clone()))
        })
        .await;
        load.open();
        reader.await.unwrap();
        world.here.drain().await;
        guard.release().await;
        assert_eq!(item(&world.here).await.1, Origin::Database, "{name}: it was not kept");
        world.here.drain().await;
        assert_eq!(item(&world.here).await.1, Origin::Process, "{name}: now it is");
    }
    assert_eq!(world.here.item_stats().rejected_fills, 2);
}

#[tokio::test]
async fn an_item_of_the_process_alone_keeps_to_its_tags() {
    let world = World::new();
    world.there.set("other", &1_u32, HOUR).await.unwrap();
    near(&world, "other").await;
    let loads = Arc::new(AtomicUsize::new(0));
    let ask = |answer| {
        let (here, load) = (world.here.clone(), counted::<Error>(&loads, answer));
        async move {
            let item =
                here.item("k").level(BOUNDED).tiers(Tiers::Process).tags(["users"]).ttl(HOUR);
            let value = item.remember(load).await.unwrap();
            here.drain().await;
            value
        }
    };
    assert_eq!((ask(1).await, ask(2).await, count(&loads)), (1, 1, 1));
    world.here.invalidate_tags(&["users"]).await.unwrap();
    assert_eq!((ask(3).await, count(&loads)), (3, 2));
}

/// Redis may have lost what a tier elsewhere still has: who sets must be heard of all the same.
#[tokio::test]
async fn a_set_is_heard_of_where_the_cache_has_lost_the_old_value() {
    let world = World::new();
    world.there.set("k", &7_u32, HOUR).await.unwrap();
    near(&world, "k").await;
    world.memory.delete(&world.key("k")).await.unwrap();
    world.there.set("k", &8_u32, HOUR).await.unwrap();
    eventually("the tier has heard of it", || async {
        world.here.item("k").level(BOUNDED).get::<u32>().await.unwrap().value() == Some(8)
    })
    .await;
}

#[tokio::test]
async fn a_shared_value_is_handed_out_as_it_is() {
    let world = World::new();
    world.there.set("other", &1_u32, HOUR).await.unwrap();
    near(&world, "other").await;
    let item = || world.here.item("k").level(BOUNDED).ttl(HOUR);
    let value = item().remember_shared(|| async { Ok::<_, Error>(7_u32) }).await.unwrap();
    world.here.drain().await;
    let again = item().get_shared::<u32>().await.unwrap();
    assert_eq!(again.origin(), Some(Origin::Process));
    assert!(Arc::ptr_eq(&value, &again.value().unwrap()));
    assert_eq!(item().get::<u32>().await.unwrap().value(), Some(7), "the other way asks the cache");
}

#[tokio::test]
async fn a_process_sees_its_own_set_forget_and_pull_at_once() {
    let world = World::new();
    let bounded = || world.here.item("k").level(BOUNDED);
    world.there.set("k", &7_u32, HOUR).await.unwrap();
    near(&world, "k").await;
    let _evict = world.stepper.park(Step::Evict, &world.key("k"));
    world.here.set("k", &8_u32, HOUR).await.unwrap();
    assert_eq!(bounded().get::<u32>().await.unwrap().value(), Some(8));
    world.here.forget("k").await.unwrap();
    assert_eq!(bounded().get::<u32>().await.unwrap(), Cached::Miss);
    world.here.set("k", &9_u32, HOUR).await.unwrap();
    bounded().get::<u32>().await.unwrap().value().unwrap();
    assert_eq!(world.here.pull::<u32>("k").await.unwrap(), Some(9));
    assert_eq!(bounded().get::<u32>().await.unwrap(), Cached::Miss);
}
