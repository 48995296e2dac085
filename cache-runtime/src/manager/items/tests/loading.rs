//! What is loaded, by whom, and how long it stays.

use super::*;

#[tokio::test]
async fn a_value_is_loaded_once_and_says_where_it_came_from() {
    let World { here, there, .. } = World::new();
    let loads = Arc::new(AtomicUsize::new(0));
    let item = |cache: &CacheManager, answer| {
        let (cache, load) = (cache.clone(), counted::<Error>(&loads, answer));
        async move { cache.item("k").ttl(HOUR).remember_with_origin(load).await.unwrap() }
    };
    assert_eq!(item(&here, 1).await, (1, Origin::Database));
    here.drain().await;
    assert_eq!(item(&there, 2).await, (1, Origin::Cache));
    assert_eq!(item(&here, 2).at(Level::Database).await, (2, Origin::Database));
    assert_eq!(item(&here, 3).await, (1, Origin::Cache), "a read of the database keeps nothing");
    assert_eq!(count(&loads), 2);
}

#[tokio::test]
async fn of_many_callers_at_once_one_loads() {
    let world = World::new();
    let loads = Arc::new(AtomicUsize::new(0));
    let load = world.stepper.park(Step::Load, &world.key("k"));
    let callers: Vec<_> = (0..100)
        .map(|_| {
            let (here, load) = (world.here.clone(), counted::<Error>(&loads, 7));
            tokio::spawn(async move { here.remember("k", HOUR, load).await })
        })
        .collect();
    load.arrived().await;
    eventually("all have missed", || async { world.here.item_stats().misses == 100 }).await;
    load.open();
    for caller in callers {
        assert_eq!(caller.await.unwrap().unwrap(), 7);
    }
    assert_eq!(count(&loads), 1);
}

/// Each decodes what a flight has loaded as its own type: a number's bytes may well be a text's.
#[tokio::test]
async fn callers_of_two_types_never_get_each_others_values() {
    let world = World::new();
    let load = world.stepper.park(Step::Load, &world.key("k"));
    let number = tokio::spawn({
        let here = world.here.clone();
        async move { here.remember("k", HOUR, || async { Ok::<_, Error>(300_u32) }).await }
    });
    load.arrived().await;
    let other = tokio::spawn({
        let here = world.here.clone();
        async move { here.item("k").read_only().get_or_set((44_u8, 2_u8)).await }
    });
    // Of one flight it would be a passenger, and wait for the first.
    eventually("the second has looked", || async { world.here.item_stats().misses == 2 }).await;
    let shared = tokio::time::timeout(SECOND * 5, other);
    assert_eq!(shared.await.expect("it waits for nobody's flight").unwrap(), (44, 2));
    load.open();
    assert_eq!(number.await.unwrap().unwrap(), 300);
}

#[tokio::test]
async fn that_there_is_none_is_kept_for_the_negative_ttl() {
    let World { here, clock, .. } = World::new();
    let loads = Arc::new(AtomicUsize::new(0));
    let ask = || async {
        let loads = Arc::clone(&loads);
        let load = move || async move {
            loads.fetch_add(1, Ordering::SeqCst);
            Ok::<_, Error>(None::<u32>)
        };
        let answer = here.remember_optional("k", HOUR, load).await.unwrap();
        here.drain().await;
        answer
    };
    assert_eq!((ask().await, ask().await, count(&loads)), (None, None, 1));
    assert_eq!(here.get::<u32>("k").await.unwrap(), Cached::Nothing(Origin::Cache));
    clock.advance(SECOND);
    assert_eq!((ask().await, count(&loads)), (None, 2));
    // Who needs a value is not served with the knowledge that there is none.
    assert_eq!(here.get_or_set_with("k", HOUR, || 7_u32).await, 7);
    here.drain().await;
    assert_eq!(ask().await, Some(7));
}

#[tokio::test]
async fn a_load_says_how_long_its_value_lives() {
    let World { here, clock, .. } = World::new();
    let ask = |value: u32, ttl: Duration| {
        let here = here.clone();
        async move {
            let load = || async move { Ok::<_, Error>(Fresh::new(value, ttl)) };
            // The call's own TTL, and its zero, do not count.
            let item = here.item("k").ttl(Duration::ZERO).negative_ttl(Duration::ZERO);
            let value = item.remember_fresh(load).await.unwrap();
            here.drain().await;
            value
        }
    };
    let moment = Duration::from_millis(1);
    assert_eq!(ask(1, SECOND * 10).await, 1);
    clock.advance(SECOND * 10 - moment);
    assert_eq!(ask(2, SECOND).await, 1, "it still lives");
    clock.advance(moment);
    assert_eq!(ask(2, SECOND).await, 2, "its time was over");
    clock.advance(SECOND);
    assert_eq!(ask(3, Duration::ZERO).await, 3);
    assert_eq!(ask(4, SECOND).await, 4, "what is good for no time is not kept");
}

#[tokio::test]
async fn a_batch_loads_what_is_missing_and_keeps_each_key_for_itself() {
    let World { here, clock, .. } = World::new();
    here.set("b", &2_u32, HOUR).await.unwrap();
    let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
    let ask = || async {
        let asked = Arc::clone(&asked);
        let load = move |missing: Vec<&'static str>| async move {
            asked.lock().unwrap().push(missing);
            let more = [("a", Fresh::new(1, SECOND)), ("c", Fresh::new(3, HOUR))];
            Ok::<_, Error>(more.into_iter().chain([("z", Fresh::new(9, HOUR))]).collect())
        };
        let keys = ["a", "b", "c", "none", "a"];
        let found: HashMap<_, u32> = here.items(keys).get_or_load_fresh(load).await.unwrap();
        here.drain().await;
        found
    };
    let all = HashMap::from([("a", 1), ("b", 2), ("c", 3)]);
    assert_eq!(ask().await, all);
    assert_eq!(ask().await, all);
    assert_eq!(*asked.lock().unwrap(), [vec!["a", "c", "none"]], "one load, of each key once");
    assert_eq!(here.get::<u32>("z").await.unwrap(), Cached::Miss, "nobody asked for it");
    clock.advance(SECOND);
    assert_eq!(ask().await, all);
    assert_eq!(asked.lock().unwrap()[1], ["a", "none"], "their time was over, and only theirs");
    let none = here.get_many_or_load(Vec::<String>::new(), |_| async {
        Err::<HashMap<String, u32>, _>("nobody asks for nothing")
    });
    assert_eq!(none.await, Ok(HashMap::new()));
}

#[tokio::test]
async fn a_read_only_call_takes_what_is_there_and_keeps_nothing() {
    let world = World::new();
    let here = &world.here;
    assert_eq!(here.item("k").read_only().get_or_set(7).await, 7);
    let fresh = || async { Ok::<_, Error>(Fresh::new(7, HOUR)) };
    assert_eq!(here.item("k").read_only().remember_fresh(fresh).await.unwrap(), 7);
    here.drain().await;
    assert_eq!(world.entry("k").await, None);
    here.set("k", &8, HOUR).await.unwrap();
    assert_eq!(here.item("k").read_only().get_or_set(7).await, 8);
}

#[tokio::test]
async fn an_expired_value_stands_in_for_a_load_that_fails_but_not_once_forgotten() {
    let World { here, there, clock, .. } = World::new();
    let ask = |answer: Result<u32, &'static str>| {
        let here = here.clone();
        async move {
            let item = here.item("k").ttl(SECOND).stale_on_error(HOUR);
            let value = item.remember(|| async move { answer }).await;
            here.drain().await;
            value
        }
    };
    assert_eq!(ask(Ok(7)).await, Ok(7));
    clock.advance(SECOND);
    assert_eq!(ask(Err("down")).await, Ok(7));
    there.forget("k").await.unwrap();
    assert_eq!(ask(Err("down")).await, Err("down"));
}

/// A service spawns its handlers.
#[tokio::test]
async fn every_call_can_be_spawned() {
    fn spawned<F: Future<Output: Send> + Send + 'static>(future: F) -> F {
        future
    }
    let cache = World::new().here;
    let all = spawned(async move {
        let load = || async { Ok::<_, Error>(7_u32) };
        cache.item(("k", 1)).remember_with_origin(load).await?;
        cache.item("k").remember_shared(load).await?;
        cache
            .item("k")
            .remember_fresh(|| async { Ok::<_, Error>(Fresh::new(7_u32, HOUR)) })
            .await?;
        cache.remember_forever("k", load).await?;
        cache.remember_optional("k", HOUR, || async { Ok::<_, Error>(Some(7_u32)) }).await?;
        cache.get_or_set_with("k", HOUR, || 7_u32).await;
        cache
            .get_many_or_load(["k"], |_| async { Ok::<_, Error>(HashMap::from([("k", 7_u32)])) })
            .await?;
        cache.set("k", &7_u32, HOUR).await?;
        cache.set_nothing::<u32>(&cache.item_key("k")).await?;
        let _ = cache.item("k").get_shared::<u32>().await?;
        cache.pull::<u32>("k").await?;
        cache.forget_many(vec!["k".to_owned()]).await?;
        cache.flush().await?;
        cache.changing(["k"], || async { Ok::<_, Error>(()) }).await?;
        let mut guard = cache.hold(["k"]).tags(["users"]).await?;
        guard.during(async {}).await;
        guard.release().await;
        Ok::<_, Error>(())
    });
    tokio::spawn(all).await.unwrap().unwrap();
}
