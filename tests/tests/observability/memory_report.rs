//! What the keys take, against keys that are known.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use cache_runtime::entry::Token;
use cache_runtime::testing::ManualClock;
use cache_runtime::{CacheManager, Clock, ErrorKind, Key, LeaseRequest, MemoryReport, Ttl};
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use tests::{RedisServer, eventually};

use super::world::World;

async fn connect(url: &str) -> MultiplexedConnection {
    redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap()
}

/// Three rows, two look-ups, an answer under a tag, two keys without expiry, a hold and a lease.
async fn fill(world: &World) {
    let here = &world.here;
    here.get_many(&[1, 2, 3]).await.unwrap();
    here.find_by_slug("paris").await.unwrap();
    here.find_by_slug("rome").await.unwrap();
    here.largest(2).await.unwrap();
    here.cache.drain().await;
    let backend = here.cache.backend();
    for name in ["flag", "theirs"] {
        let key = here.cache.key().text(name).finish().unwrap();
        backend.set(&key, Bytes::from(vec![b'x'; 5000]), Ttl::Forever).await.unwrap();
    }
    let time = Duration::from_secs(20);
    backend.hold(&[world.row(50)], Token::new(), time).await.unwrap();
    let request = LeaseRequest { key: world.row(51), token: Token::new(), over: None };
    backend.lease(&[request], time).await.unwrap();
}

fn names(report: &MemoryReport) -> Vec<(String, u64)> {
    let mut names: Vec<_> =
        report.groups.iter().map(|group| (group.prefix.clone(), group.keys)).collect();
    names.sort();
    names
}

fn is_right(report: &MemoryReport) {
    let expected = [
        ("cities:by:slug", 2),
        ("cities:call:largest", 1),
        ("cities:id", 5),
        ("flag", 1),
        ("tag", 1),
        ("theirs", 1),
    ];
    assert_eq!(names(report), expected.map(|(prefix, keys)| (prefix.to_owned(), keys)));
    assert_eq!((report.keys, report.holds, report.leases), (11, 1, 1));
    assert_eq!(report.without_expiry, 2);
    let mut named: Vec<&str> =
        report.named.iter().map(|key| key.as_str().rsplit(':').next().unwrap()).collect();
    named.sort_unstable();
    assert_eq!(named, ["flag", "theirs"]);
    // The two of five kilobytes are the largest.
    assert!(report.groups[..2].iter().all(|group| group.largest > 5000), "{report}");
    assert_eq!(report.bytes, report.groups.iter().map(|group| group.bytes).sum::<u64>());
    let rows = report.groups.iter().find(|group| group.prefix == "cities:id").unwrap();
    assert_eq!((rows.table.as_deref(), rows.operation.as_deref()), (Some("cities"), Some("get")));
}

#[tokio::test]
async fn in_redis_the_report_is_of_the_namespaces_keys_alone() {
    let world = World::new().await;
    fill(&world).await;
    let stranger = CacheManager::builder(&format!("{}x", world.fixture.namespace()))
        .redis(world.fixture.redis_url())
        .build()
        .unwrap();
    let key = stranger.key().text("other").finish().unwrap();
    stranger.backend().set(&key, Bytes::from_static(b"x"), Ttl::Forever).await.unwrap();
    let report = world.here.cache.memory_report().run().await.unwrap();
    is_right(&report);
    let mut connection = connect(world.fixture.redis_url()).await;
    let keys: Vec<String> =
        connection.keys(format!("{}:*", world.fixture.namespace())).await.unwrap();
    let mut bytes = 0;
    for key in keys {
        let mut usage = redis::cmd("MEMORY");
        bytes += usage.arg("USAGE").arg(key).query_async::<u64>(&mut connection).await.unwrap();
    }
    assert_eq!(report.bytes, bytes);
    stranger.clear().await.unwrap();
}

#[tokio::test]
async fn in_memory_the_report_is_the_same() {
    let world = World::with(CacheManagerBuilderExt::in_memory).await;
    fill(&world).await;
    is_right(&world.here.cache.memory_report().run().await.unwrap());
}

/// So that a function can be named.
trait CacheManagerBuilderExt {
    fn in_memory(self) -> Self;
}

impl CacheManagerBuilderExt for cache_runtime::CacheManagerBuilder {
    fn in_memory(self) -> Self {
        self.memory()
    }
}

async fn many(world: &World, keys: u64) {
    let key = |number: u64| world.here.cache.key().text("many").value(&number).finish().unwrap();
    let entries: Vec<(Key, Bytes)> =
        (0..keys).map(|number| (key(number), Bytes::from(vec![b'x'; 100]))).collect();
    let hour = Ttl::After(Duration::from_secs(3600));
    world.here.cache.backend().set_many(&entries, hour).await.unwrap();
}

#[tokio::test]
async fn a_sample_is_multiplied_and_who_is_told_sees_it_grow() {
    let world = World::new().await;
    many(&world, 3000).await;
    let whole = world.here.cache.memory_report().run().await.unwrap();
    assert_eq!((whole.keys, whole.progress.sampled), (3000, 3000));
    let heard = Arc::new(Mutex::new(Vec::new()));
    let told = {
        let heard = Arc::clone(&heard);
        move |progress: &cache_runtime::MemoryReportProgress| {
            heard.lock().unwrap().push((progress.seen, progress.sampled));
        }
    };
    let report = world.here.cache.memory_report().sample(10).progress(told).run().await.unwrap();
    assert_eq!((report.progress.seen, report.progress.sampled), (3000, 300));
    assert_eq!((report.keys, report.groups[0].keys), (3000, 3000));
    let off = report.bytes.abs_diff(whole.bytes);
    assert!(off * 10 < whole.bytes, "{} in place of {}", report.bytes, whole.bytes);
    let heard = heard.lock().unwrap();
    assert!(heard.len() > 1 && heard.is_sorted(), "{heard:?}");
    assert_eq!(heard.last(), Some(&(3000, 300)));
    assert!(report.to_string().contains("estimated from 300 of 3000 keys"), "{report}");
}

/// A server that evicts what is used least must not take a look for a use.
#[tokio::test]
async fn what_is_looked_at_does_not_count_as_used() {
    let server = RedisServer::options().set("maxmemory-policy", &["allkeys-lfu"]).start();
    let world = World::with(|builder| builder.redis(&server.url())).await;
    world.cached(1).await;
    let mut connection = connect(&server.url()).await;
    let uses = async |connection: &mut MultiplexedConnection| {
        let mut command = redis::cmd("OBJECT");
        let command = command.arg("FREQ").arg(world.row(1).as_str());
        command.query_async::<u64>(connection).await.unwrap()
    };
    let before = uses(&mut connection).await;
    for _ in 0..20 {
        world.here.cache.memory_report().run().await.unwrap();
    }
    assert_eq!(uses(&mut connection).await, before);
    for _ in 0..200 {
        world.here.get(1).await.unwrap();
    }
    assert!(uses(&mut connection).await > before, "a read does count");
}

#[tokio::test]
async fn no_more_keys_are_passed_in_a_second_than_the_rate_says() {
    let clock = ManualClock::new();
    let world = World::with(|builder| builder.clock(clock.shared())).await;
    many(&world, 2000).await;
    let heard = Arc::new(Mutex::new(vec![(0, Duration::ZERO)]));
    let told = {
        let (heard, clock) = (Arc::clone(&heard), clock.clone());
        move |progress: &cache_runtime::MemoryReportProgress| {
            heard.lock().unwrap().push((progress.seen, clock.elapsed()));
        }
    };
    let report = world.here.cache.memory_report().rate(1000.0).progress(told);
    let report = tokio::spawn(report.run());
    eventually("the report is made", || async {
        clock.advance(Duration::from_millis(50));
        report.is_finished()
    })
    .await;
    assert_eq!(report.await.unwrap().unwrap().keys, 2000);
    let heard = heard.lock().unwrap();
    assert!(heard.len() > 3, "{heard:?}");
    for pieces in heard.windows(2) {
        let ((before, _), (_, at)) = (pieces[0], pieces[1]);
        assert!(at >= Duration::from_millis(before), "{before} keys were passed by {at:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_away_is_an_error() {
    let mut server = RedisServer::start();
    let world = World::with(|builder| builder.redis(&server.url())).await;
    assert_eq!(world.here.cache.memory_report().run().await.unwrap().keys, 0);
    server.kill();
    let error = world.here.cache.memory_report().run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
}
