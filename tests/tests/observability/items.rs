//! What is cached by hand counts by what was done with it.

use std::collections::HashMap;
use std::time::Duration;

use cache_runtime::{Cached, Error, Level};
use tests::eventually;

use super::watched::Watched;
use super::world::World;

const MINUTE: Duration = Duration::from_secs(60);

async fn five() -> Result<u64, Error> {
    Ok(5)
}

#[tokio::test]
async fn each_thing_that_is_done_with_items_counts_under_its_name() {
    let world = World::new().await;
    let cache = &world.here.cache;
    let watched = Watched::of(cache);
    assert_eq!(watched.moved(), [""; 0]);
    assert!(
        watched.recorder.counters().keys().all(|name| !name.contains("items")),
        "items that nobody uses are nobody's series"
    );
    assert_eq!(cache.remember("a", MINUTE, five).await.unwrap(), 5);
    cache.drain().await;
    let expected =
        ["fills{items,remember} 1", "loads{items,remember} 1", "misses{items,remember,backend} 1"];
    assert_eq!(watched.moved(), expected);
    assert_eq!(watched.values("cache_load_seconds{items,remember}").len(), 1);
    assert_eq!(cache.get::<u64>("a").await.unwrap().value(), Some(5));
    assert_eq!(watched.moved(), ["hits{items,get,backend} 1"]);
    let load = |_: Vec<&str>| async { Ok::<_, Error>(HashMap::from([("b", 6_u64)])) };
    cache.items(["a", "b"]).get_or_load(load).await.unwrap();
    cache.drain().await;
    let expected = [
        "fills{items,get_many_or_load} 1",
        "hits{items,get_many_or_load,backend} 1",
        "loads{items,get_many_or_load} 1",
        "misses{items,get_many_or_load,backend} 1",
    ];
    assert_eq!(watched.moved(), expected);
    assert!(cache.set("a", &7_u64, MINUTE).await.unwrap());
    assert_eq!(watched.moved(), ["fills{items,set} 1"]);
    assert_eq!(cache.pull::<u64>("a").await.unwrap(), Some(7));
    assert_eq!(watched.moved(), ["hits{items,pull,backend} 1"]);
    cache.forget("b").await.unwrap();
    assert_eq!(watched.moved(), ["invalidated_keys{items} 1"]);
    assert_eq!(cache.get::<u64>("b").await.unwrap(), Cached::Miss);
    let all = cache.stats_by_operation();
    let remember = all.iter().find(|stats| stats.operation == "remember").unwrap();
    assert_eq!((remember.repository.as_str(), remember.stats.loads), ("items", 1));
    // They are the operations' sum, and part of the manager's.
    assert_eq!(cache.item_stats().loads, 2);
    assert_eq!(cache.stats().loads, 2);
}

#[tokio::test]
async fn the_tier_in_the_process_has_hits_and_misses_of_items_too() {
    let world = World::with(|builder| builder.level(Level::Bounded(MINUTE))).await;
    let cache = &world.here.cache;
    let watched = Watched::of(cache);
    eventually("the tier answers", || async {
        cache.remember("a", MINUTE, five).await.unwrap();
        cache.item_stats().tier_hits > 0
    })
    .await;
    let moved = watched.moved();
    assert!(
        moved.iter().any(|line| line.starts_with("misses{items,remember,process} ")),
        "{moved:?}"
    );
    cache.remember("a", MINUTE, five).await.unwrap();
    assert_eq!(watched.moved(), ["hits{items,remember,process} 1"]);
}

#[tokio::test]
async fn what_compression_saves_is_counted() {
    let world = World::new().await;
    let cache = &world.here.cache;
    let watched = Watched::of(cache);
    let long = "to be or not to be, ".repeat(1000);
    assert!(cache.set("a", &long, MINUTE).await.unwrap());
    let moved = watched.moved();
    assert!(moved.contains(&"compressed_values{items,set} 1".to_owned()), "{moved:?}");
    let saved = cache.item_stats().compression_saved_bytes;
    assert!((10_000..20_003).contains(&saved), "{saved}");
    assert!(cache.set("b", &"short".to_owned(), MINUTE).await.unwrap());
    assert_eq!(watched.moved(), ["fills{items,set} 1"]);
}
