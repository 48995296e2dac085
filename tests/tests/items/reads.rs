//! What a read finds, and who loads.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cache_runtime::{Cached, Error, Fresh, Origin, Remaining, State, Step, Ttl};
use tests::{eventually, in_time};

use crate::world::{HOUR, SECOND, World};

#[tokio::test]
async fn an_item_has_three_states_in_every_process() {
    let world = World::new().await;
    let (here, elsewhere) = (&world.here, &world.elsewhere);
    assert_eq!(here.get::<String>("user:5").await.unwrap(), Cached::Miss);
    assert!(here.set("user:5", &"Ada".to_owned(), HOUR).await.unwrap());
    let hit = Cached::Hit("Ada".to_owned(), Origin::Cache);
    assert_eq!(elsewhere.get::<String>("user:5").await.unwrap(), hit);
    assert!(elsewhere.set_nothing::<String>("user:5").await.unwrap());
    assert_eq!(here.get::<String>("user:5").await.unwrap(), Cached::Nothing(Origin::Cache));
    assert_eq!(world.state("user:5").await, State::Negative);
    let key = format!("{}:item:=user%3A5", here.namespace().as_str());
    assert_eq!(world.key("user:5").as_str(), key);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_thousand_callers_in_two_processes_one_loads() {
    let world = World::new().await;
    let load = world.stepper.park(Step::Load, &world.key("k"));
    let first = world.remember(&world.here, "k", 7);
    load.arrived().await;
    let callers: Vec<_> = (1..1000)
        .map(|number| {
            let cache = if number % 2 == 0 { &world.here } else { &world.elsewhere };
            world.remember(cache, "k", 8)
        })
        .collect();
    eventually("all have missed", || async {
        world.here.item_stats().misses + world.elsewhere.item_stats().misses == 1000
    })
    .await;
    load.open();
    for caller in callers.into_iter().chain([first]) {
        assert_eq!(in_time("an answer", caller).await.unwrap(), 7);
    }
    assert_eq!(world.loads(), 1);
    assert_eq!(world.state("k").await, State::Value);
}

/// The same for a load that fails: there is one failure, and everyone of the process gets it.
#[tokio::test]
async fn one_failure_is_given_to_all_who_waited_for_the_load() {
    let world = World::new().await;
    let load = world.stepper.park(Step::Load, &world.key("k"));
    let callers: Vec<_> = (0..100)
        .map(|_| {
            let (here, loads) = (world.here.clone(), Arc::clone(&world.loads));
            tokio::spawn(async move {
                let load = || async {
                    loads.fetch_add(1, Ordering::SeqCst);
                    Err::<u64, _>(sqlx::Error::PoolTimedOut)
                };
                here.remember("k", HOUR, load).await
            })
        })
        .collect();
    load.arrived().await;
    eventually("all have missed", || async { world.here.item_stats().misses == 100 }).await;
    load.open();
    for caller in callers {
        let failure = in_time("a failure", caller).await.unwrap().unwrap_err();
        assert!(matches!(failure, sqlx::Error::PoolTimedOut), "{failure:?}");
    }
    assert_eq!(world.loads(), 1);
    eventually("no lease is left", || async { world.state("k").await == State::Absent }).await;
}

#[tokio::test]
async fn a_loads_own_lifetime_is_the_entrys() {
    let world = World::with(|builder| builder.jitter(0.0)).await;
    let load = || async { Ok::<_, Error>(Fresh::new(7_u64, SECOND * 600)) };
    assert_eq!(world.here.item("k").ttl(HOUR).remember_fresh(load).await.unwrap(), 7);
    world.here.drain().await;
    let left = world.elsewhere.backend().ttl(&world.key("k")).await.unwrap();
    let right =
        matches!(left, Remaining::Left(left) if left <= SECOND * 600 && left > SECOND * 500);
    assert!(right, "{left:?}");
    let load = || async { Ok::<_, Error>(Fresh::new(7_u64, Ttl::Forever)) };
    assert_eq!(world.here.item("forever").remember_fresh(load).await.unwrap(), 7);
    world.here.drain().await;
    let left = world.elsewhere.backend().ttl(&world.key("forever")).await.unwrap();
    assert_eq!(left, Remaining::Forever);
}

#[tokio::test]
async fn a_batch_is_one_read_one_load_and_a_fill_for_each_key() {
    let world = World::new().await;
    let keys: Vec<String> = (0..1200).map(|number| format!("item {number}")).collect();
    world.elsewhere.set(&keys[7], &70_u64, HOUR).await.unwrap();
    let asked = AtomicUsize::new(0);
    let ask = || async {
        let load = |missing: Vec<String>| async {
            world.loads.fetch_add(1, Ordering::SeqCst);
            asked.fetch_add(missing.len(), Ordering::SeqCst);
            let even = missing.into_iter().filter(|key| key.ends_with('0'));
            Ok::<HashMap<String, u64>, Error>(even.map(|key| (key, 1)).collect())
        };
        let found = world.here.get_many_or_load(keys.clone(), load).await.unwrap();
        world.here.drain().await;
        found
    };
    let found = ask().await;
    assert_eq!((found.len(), found["item 7"], found["item 10"]), (121, 70, 1));
    assert_eq!((world.loads(), asked.load(Ordering::SeqCst)), (1, 1199));
    assert_eq!(ask().await, found);
    assert_eq!(world.loads(), 1, "that there is none is kept as well");
    world.elsewhere.forget_many([&keys[0], &keys[1]]).await.unwrap();
    assert_eq!(ask().await, found);
    assert_eq!((world.loads(), asked.load(Ordering::SeqCst)), (2, 1201));
}
