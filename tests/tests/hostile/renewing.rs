//! Values that are renewed all the time while everybody writes: no read is older than what was acknowledged before it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use cache_runtime::{DataSource, Level, ReadThrough};
use tests::{RedisServer, in_time};

use crate::world::{Cities, World, city};

/// Every reader renews what it finds, unless somebody is at it.
const ALWAYS: f64 = 1e12;
const FIRST: i64 = 10_000;
const WRITES: i64 = 60;

/// One of the ways to ask how many people live in Paris.
async fn ask(cities: &Cities, through: &ReadThrough<Cities>, way: usize) -> i64 {
    match way % 7 {
        0 => cities.get(1).await.unwrap().unwrap().population,
        1 => cities.get_many(&[2, 1]).await.unwrap()[1].as_ref().unwrap().population,
        2 => cities.find_by_slug("paris").await.unwrap().unwrap().population,
        3 => cities.list_by_country("FR", ..).await.unwrap()[0].population,
        4 => cities.largest(1).await.unwrap()[0].population,
        // Lyon and the rest of the country stay as they are.
        5 => cities.population_of("FR").await.unwrap().unwrap() - 500,
        _ => through.get(&1).await.unwrap().unwrap().population,
    }
}

async fn grow(cities: &Cities, acknowledged: &AtomicI64, number: i64) {
    let mut tx = cities.begin().await.unwrap();
    let before = cities.within(&mut tx).get_for_update(1).await.unwrap().unwrap().population;
    let next = city(1, "paris", "FR", before + 1);
    if number % 3 == 0 {
        // What was done in a part that is taken back is no change.
        let mut part = tx.savepoint().await.unwrap();
        cities.within(&mut part).update(&city(1, "lutetia", "IT", 1)).await.unwrap();
        part.rollback().await.unwrap();
    }
    cities.within(&mut tx).update(&next).await.unwrap();
    tx.commit().await.unwrap();
    acknowledged.fetch_max(before + 1, Ordering::SeqCst);
}

async fn flush(redis: &RedisServer) {
    let client = redis::Client::open(redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let _: () = redis::cmd("FLUSHALL").query_async(&mut connection).await.unwrap();
}

/// Readers and writers over one row; what `counts` is what the readers of the first process may rely on.
async fn storm(level: Level, writers: [bool; 2]) {
    let redis = RedisServer::start();
    let world = World::with(|builder| {
        builder
            .redis(&redis.url())
            .level(level)
            .refresh_ahead(ALWAYS)
            .stale_while_revalidate(Duration::from_secs(60))
    })
    .await;
    world.elsewhere.update(&city(1, "paris", "FR", FIRST)).await.unwrap();
    let acknowledged = Arc::new(AtomicI64::new(FIRST));
    let over = Arc::new(AtomicBool::new(false));
    let through = world.here.cache.read_through("cities", world.here.clone());
    let mut readers = Vec::new();
    for start in 0..4 {
        let (here, through) = (world.here.clone(), through.clone());
        let (acknowledged, over) = (Arc::clone(&acknowledged), Arc::clone(&over));
        readers.push(tokio::spawn(async move {
            let mut way = start;
            while !over.load(Ordering::SeqCst) {
                let least = acknowledged.load(Ordering::SeqCst);
                let found = ask(&here, &through, way).await;
                assert!(found >= least, "way {}: {found} after {least}", way % 7);
                way += 1;
                tokio::task::yield_now().await;
            }
        }));
    }
    let writing = [&world.here, &world.elsewhere].into_iter().zip(writers).filter(|(_, on)| *on);
    let writing: Vec<_> = writing
        .map(|(cities, _)| {
            let (cities, acknowledged) = (cities.clone(), Arc::clone(&acknowledged));
            tokio::spawn(async move {
                for number in 0..WRITES {
                    grow(&cities, &acknowledged, number).await;
                }
            })
        })
        .collect();
    let expected = FIRST + WRITES * writing.len() as i64;
    for writer in writing {
        while !writer.is_finished() {
            flush(&redis).await;
            tokio::time::sleep(Duration::from_millis(7)).await;
        }
        writer.await.unwrap();
    }
    over.store(true, Ordering::SeqCst);
    for reader in readers {
        in_time("a reader", reader).await.unwrap();
    }
    world.here.cache.drain().await;
    for way in 0..7 {
        assert_eq!(ask(&world.here, &through, way).await, expected, "way {way}");
    }
    assert!(world.here.stats().hits + world.here.stats().tier_hits > 0, "{}", world.here.stats());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn renewals_serve_nothing_that_a_write_of_any_process_has_made_old_though_the_server_forgets_all()
 {
    storm(Level::Strong, [true, true]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn renewals_through_the_tier_serve_nothing_that_a_write_of_the_process_has_made_old() {
    storm(Level::Bounded(Duration::from_secs(3600)), [true, false]).await;
}

/// A renewal of a source that answers with another number of values than it was asked for hurts nobody's keys.
#[tokio::test]
async fn a_batch_of_a_source_is_as_long_as_its_keys_whatever_the_source_answers() {
    struct Short;
    impl DataSource for Short {
        type Key = i64;
        type Value = i64;
        type Error = cache_runtime::Error;
        async fn load(&self, key: &i64) -> Result<Option<i64>, Self::Error> {
            Ok(Some(*key))
        }
        async fn load_many(&self, keys: &[i64]) -> Result<Vec<Option<i64>>, Self::Error> {
            Ok(keys.iter().take(1).map(|key| Some(*key)).collect())
        }
        async fn store(&self, value: &i64) -> Result<i64, Self::Error> {
            Ok(*value)
        }
        async fn delete(&self, _: &i64) -> Result<bool, Self::Error> {
            Ok(false)
        }
    }
    let world = World::new().await;
    let numbers = world.here.cache.read_through("short", Short);
    assert_eq!(numbers.get_many(&[1, 2, 3]).await.unwrap().len(), 3);
    world.here.cache.drain().await;
    for key in 1..4 {
        let found =
            in_time("it is not left behind under a lease", numbers.get(&key)).await.unwrap();
        assert_eq!(
            found.as_deref(),
            Some(&key),
            "that it was not answered is not cached as there being none"
        );
    }
}
