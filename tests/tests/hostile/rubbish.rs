//! What nobody wrote, where entries are expected; and what was lost, where somebody waits for it.

use std::sync::Arc;
use std::time::Duration;

use cache_runtime::{CacheManager, Codec, Compression, Event, Key};
use redis::aio::MultiplexedConnection;
use serde::{Deserialize, Serialize};
use tests::{RedisServer, in_time};

use crate::world::{Cities, City, World, city};

async fn connection(url: &str) -> MultiplexedConnection {
    let client = redis::Client::open(url).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

async fn all_answer(cities: &Cities, what: &str) {
    let paris = cities.get(1).await.unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(paris.is_some(), "{what}");
    cities.get_many(&[1, 2]).await.unwrap_or_else(|error| panic!("{what}: {error}"));
    cities.find_by_slug("paris").await.unwrap_or_else(|error| panic!("{what}: {error}"));
    cities.list_by_country("FR", ..).await.unwrap_or_else(|error| panic!("{what}: {error}"));
    cities.largest(1).await.unwrap_or_else(|error| panic!("{what}: {error}"));
}

/// Each byte of each kind of entry, in turn, is another; and each is cut off at each place.
#[tokio::test]
async fn rubbish_in_the_cache_is_no_error_of_a_read_nor_of_a_write() {
    let world =
        World::with(|builder| builder.compression(Compression::Lz4).compress_above(16)).await;
    world.here.update(&city(2, &"lyon ".repeat(100), "FR", 500)).await.unwrap();
    let here = &world.here;
    let mut redis = connection(world.fixture.redis_url()).await;
    let keys =
        [world.row(1), world.row(2), world.slug("paris"), world.list("FR"), world.largest(1)];
    for key in keys {
        all_answer(here, "before").await;
        here.cache.drain().await;
        let whole: Vec<u8> =
            redis::cmd("GET").arg(key.as_str()).query_async(&mut redis).await.unwrap();
        assert!(!whole.is_empty(), "{key} is cached");
        for at in 0..whole.len() {
            let mut other = whole.clone();
            other[at] ^= 0xFF;
            for bytes in [&other[..], &whole[..at]] {
                let _: () = redis::cmd("SET")
                    .arg(key.as_str())
                    .arg(bytes)
                    .query_async(&mut redis)
                    .await
                    .unwrap();
                let what = format!("{key} with another byte at {at}, or cut off there");
                all_answer(here, &what).await;
                here.cache.drain().await;
            }
        }
        let _: () = redis::cmd("DEL").arg(key.as_str()).query_async(&mut redis).await.unwrap();
        let _: () =
            redis::cmd("LPUSH").arg(key.as_str()).arg("x").query_async(&mut redis).await.unwrap();
        all_answer(here, "a list of the server").await;
        let _: () = redis::cmd("SET")
            .arg(key.as_str())
            .arg(&[0xFF_u8; 70][..])
            .query_async(&mut redis)
            .await
            .unwrap();
        here.update(&city(1, "paris", "FR", 2100 + at_of(&key))).await.unwrap();
        let _: () = redis::cmd("DEL").arg(key.as_str()).query_async(&mut redis).await.unwrap();
    }
}

fn at_of(key: &cache_runtime::Key) -> i64 {
    i64::try_from(key.as_str().len()).unwrap()
}

/// One that unpacks to more than is allowed is a miss, whoever has written it.
#[tokio::test]
async fn a_value_that_unpacks_to_more_than_is_allowed_is_a_miss() {
    let world = World::new().await;
    for compression in [Compression::Lz4, Compression::Zstd] {
        for codec in [Codec::Postcard, Codec::Json, Codec::MessagePack] {
            let manager = |most: usize| {
                let builder = CacheManager::builder(world.fixture.namespace());
                let builder = builder.redis(world.fixture.redis_url()).codec(codec);
                let builder = builder.compression(compression).max_unpacked_bytes(most);
                builder.max_value_bytes(1 << 16).build().unwrap()
            };
            let (generous, careful) = (manager(1 << 26), manager(1 << 16));
            let bomb = "0".repeat(1 << 20);
            let hour = Duration::from_secs(3600);
            assert!(generous.set("bomb", &bomb, hour).await.unwrap(), "{compression:?} {codec:?}");
            assert_eq!(generous.get::<String>("bomb").await.unwrap().value(), Some(bomb));
            assert!(
                careful.get::<String>("bomb").await.unwrap().is_miss(),
                "{compression:?} {codec:?}"
            );
            let loaded =
                careful.remember("bomb", hour, || async { Ok::<_, ()>("small".to_owned()) }).await;
            assert_eq!(loaded.as_deref(), Ok("small"));
            careful.drain().await;
            assert_eq!(
                generous.get::<String>("bomb").await.unwrap().value().as_deref(),
                Some("small")
            );
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Moved;

impl Event for Moved {
    const NAME: &'static str = "lost.moved";
}

/// Who waits for events that the server has lost does not wait for ever, and the stream goes on.
#[tokio::test]
async fn events_that_the_server_has_lost_keep_nobody_waiting() {
    let redis = RedisServer::start();
    let world = World::with(|builder| builder.redis(&redis.url())).await;
    let bus = || {
        let bus = world.here.cache.clone().events();
        bus.on::<Moved>(|_, it| it.tag("cities")).stream("lost")
    };
    // Nobody works on them.
    let sender = bus().build().unwrap();
    sender.send(&Moved).await.unwrap();
    let waits = tokio::spawn({
        let sender = sender.clone();
        async move { sender.flush().await }
    });
    let mut server = connection(&redis.url()).await;
    for _ in 0..3 {
        let _: () = redis::cmd("FLUSHALL").query_async(&mut server).await.unwrap();
    }
    in_time("the flush", waits).await.unwrap().unwrap();
    let worker = bus().spawn().unwrap();
    worker.send(&Moved).await.unwrap();
    in_time("an event after it", worker.flush()).await.unwrap();
    let _: () = redis::cmd("FLUSHALL").query_async(&mut server).await.unwrap();
    sender.send(&Moved).await.unwrap();
    in_time("and one after another", worker.flush()).await.unwrap();
    assert_eq!(worker.stats().handled, 2);
    worker.stop().await;
}

fn of_paris(rows: &[Arc<City>]) -> i64 {
    rows.iter().find(|row| row.id == 1).unwrap().population
}

/// Whatever stands where an entry is expected: reads give what the database has, writes go through, and are seen.
#[tokio::test]
async fn what_another_version_may_have_written_is_never_an_answer_nor_in_the_way_of_a_write() {
    let world = World::new().await;
    let here = &world.here;
    let mut redis = connection(world.fixture.redis_url()).await;
    here.get(1).await.unwrap();
    here.largest(1).await.unwrap();
    here.cache.drain().await;
    let value: Vec<u8> =
        redis::cmd("GET").arg(world.row(1).as_str()).query_async(&mut redis).await.unwrap();
    let tag = here.cache.namespace().tag().text("cities").finish().unwrap();
    let mut entries: Vec<Vec<u8>> = vec![
        Vec::new(),
        b"V".to_vec(),
        b"L".to_vec(),
        b"H".to_vec(),
        [b"L".to_vec(), vec![7; 15]].concat(),
        [b"L".to_vec(), vec![7; 17]].concat(),
        [b"H".to_vec(), vec![7; 23]].concat(),
        [b"H".to_vec(), vec![0; 24]].concat(),
        [b"H".to_vec(), vec![0; 31]].concat(),
        [b"H".to_vec(), vec![0xFF; 24]].concat(),
        [b"H".to_vec(), vec![0xFF; 23], vec![0x7F]].concat(),
        value.clone(),
    ];
    // Another version; more stamps than there are; no value, and a payload all the same.
    for (at, byte) in [(1, 1), (1, 3), (4, 1), (4, 255), (3, 1), (3, 2), (2, 0x0F), (2, 0xF1)] {
        let mut other = value.clone();
        other[at] = byte;
        entries.push(other);
    }
    let keys = [world.row(1), world.slug("paris"), world.list("FR"), world.largest(1), tag];
    let mut population = 10_000;
    for key in &keys {
        for entry in &entries {
            // The row's own value is an answer at its own key.
            if entry == &value && *key == world.row(1) {
                continue;
            }
            let what = format!("{key} with {entry:?}");
            population += 1;
            for warm in [true, false] {
                if !warm {
                    here.cache.clear().await.unwrap();
                }
                put(&mut redis, key, entry).await;
                let before = population - i64::from(warm);
                let before = if before == 10_000 { 2100 } else { before };
                let each = [
                    here.get(1).await.unwrap().unwrap().population,
                    here.get_many(&[1, 2]).await.unwrap()[0].as_ref().unwrap().population,
                    here.find_by_slug("paris").await.unwrap().unwrap().population,
                    of_paris(&here.list_by_country("FR", ..).await.unwrap()),
                    here.largest(1).await.unwrap()[0].population.min(before),
                ];
                assert_eq!(each, [before; 5], "{what}");
                here.cache.drain().await;
                if warm {
                    put(&mut redis, key, entry).await;
                    let row = city(1, "paris", "FR", population);
                    let written = in_time("a write", here.update(&row)).await;
                    written.unwrap_or_else(|error| panic!("{what}: {error}"));
                    let seen = world.elsewhere.get(1).await.unwrap().unwrap().population;
                    assert_eq!(seen, population, "{what}");
                }
            }
            let _: () = redis::cmd("DEL").arg(key.as_str()).query_async(&mut redis).await.unwrap();
        }
    }
}

async fn put(redis: &mut MultiplexedConnection, key: &Key, entry: &[u8]) {
    let mut set = redis::cmd("SET");
    let _: () = set.arg(key.as_str()).arg(entry).query_async(redis).await.unwrap();
}
