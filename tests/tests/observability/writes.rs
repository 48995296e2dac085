//! What writes move, and reads that meet them.

use cache_runtime::{Error, ErrorKind, OnUnreachable, migrate};
use tests::{RedisServer, eventually};

use super::journal::Journal;
use super::watched::Watched;
use super::world::{World, city};

#[tokio::test]
async fn a_write_counts_the_keys_that_it_holds() {
    let world = World::new().await;
    let watched = Watched::of(&world.here.cache);
    world.here.update(&city(1, "paris", "FR", 7)).await.unwrap();
    // The row, its country's tag, and the table's.
    assert_eq!(watched.moved(), ["invalidated_keys{Cities} 3"]);
    world.here.update(&city(1, "paris", "FR", 7)).await.unwrap();
    assert_eq!(watched.moved(), [""; 0], "a write that changes nothing holds nothing");
}

#[tokio::test]
async fn a_read_that_meets_a_hold_is_counted_where_it_was_read() {
    let world = World::new().await;
    let release = world.unreleased(city(1, "paris", "FR", 7)).await;
    let watched = Watched::of(&world.elsewhere.cache);
    world.elsewhere.get(1).await.unwrap();
    assert_eq!(watched.moved(), ["held_reads{get} 1", "loads{get} 1", "misses{get,backend} 1"]);
    release.open();
    world.released(1).await;
}

/// A world whose Redis has died, and what is seen of it.
async fn without_redis(policy: OnUnreachable) -> (World, Watched, RedisServer) {
    let mut server = RedisServer::start();
    let world = World::with(|builder| builder.redis(&server.url()).on_unreachable(policy)).await;
    world.cached(1).await;
    server.kill();
    eventually("nothing answers", || async { world.here.cache.ping().await.is_err() }).await;
    let watched = Watched::of(&world.here.cache);
    watched.moved();
    (world, watched, server)
}

fn count(moved: &[String], name: &str) -> u64 {
    let line = moved.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map_or(0, |count| count.parse().unwrap())
}

#[tokio::test]
async fn a_write_whose_keys_go_by_the_outbox_is_counted() {
    let (world, watched, mut server) = without_redis(OnUnreachable::Outbox).await;
    migrate(world.fixture.pool()).await.unwrap();
    let _relay = world.here.cache.relay(world.fixture.pool()).spawn().unwrap();
    world.here.update(&city(1, "paris", "FR", 7)).await.unwrap();
    let moved = watched.moved();
    assert_eq!(count(&moved, "outboxed_writes{Cities}"), 1, "{moved:?}");
    assert_eq!(count(&moved, "invalidated_keys{Cities}"), 3, "{moved:?}");
    assert!(count(&moved, "errors{write}") > 0, "{moved:?}");
    let stats = world.here.stats();
    assert_eq!((stats.outboxed, stats.refused, stats.proceeded), (1, 0, 0), "{stats}");
    // A row that is invalidated by hand goes the same way, as far as its keys are known.
    world.here.invalidate(2).await.unwrap_err();
    assert_eq!(count(&watched.moved(), "outboxed_writes{Cities}"), 1);
    server.restart();
    eventually("the outbox is drained", || async { watched.gauge("cache_believed") == Some(1.0) })
        .await;
    watched.moved();
    world.here.update(&city(1, "paris", "FR", 8)).await.unwrap();
    let moved = watched.moved();
    assert_eq!(count(&moved, "outboxed_writes{Cities}"), 0, "{moved:?}");
}

#[tokio::test]
async fn a_write_that_is_refused_is_counted() {
    let (world, watched, _server) = without_redis(OnUnreachable::Reject).await;
    let refused = world.here.update(&city(1, "paris", "FR", 7)).await.unwrap_err();
    assert_eq!(Error::of(&refused).unwrap().kind(), ErrorKind::HoldNotPlaced);
    world.here.invalidate(2).await.unwrap_err();
    let moved = watched.moved();
    assert_eq!(count(&moved, "refused_writes{Cities}"), 2, "{moved:?}");
    assert_eq!(count(&moved, "invalidated_keys{Cities}"), 0, "{moved:?}");
    assert!(count(&moved, "errors{write}") > 0, "{moved:?}");
    let held = world.here.cache.hold(["user:5"]).await.unwrap_err();
    assert_eq!(held.kind(), ErrorKind::HoldNotPlaced);
    let moved = watched.moved();
    assert_eq!(count(&moved, "refused_writes{items}"), 1, "{moved:?}");
}

#[tokio::test]
async fn a_write_that_goes_on_without_the_cache_is_counted() {
    let (world, watched, _server) = without_redis(OnUnreachable::Proceed).await;
    world.here.update(&city(1, "paris", "FR", 7)).await.unwrap();
    let moved = watched.moved();
    assert_eq!(count(&moved, "proceeded_writes{Cities}"), 1, "{moved:?}");
    assert_eq!(count(&moved, "refused_writes{Cities}"), 0, "{moved:?}");
    assert!(count(&moved, "errors{write}") > 0, "{moved:?}");
}

#[tokio::test]
async fn the_end_of_an_outage_is_one_line_that_says_how_much_went_around() {
    let journal = Journal::begin();
    let over = |journal: &Journal| {
        let lines = journal.warnings().into_iter();
        lines.filter(|line| line.contains("Redis answers again")).collect::<Vec<_>>()
    };
    let (world, _, mut server) = without_redis(OnUnreachable::Outbox).await;
    for _ in 0..10 {
        world.here.get(1).await.unwrap();
    }
    assert_eq!(over(&journal), [""; 0]);
    server.restart();
    eventually("it is back", || async { world.here.cache.ping().await.is_ok() }).await;
    let lines = over(&journal);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains("lasted="), "{lines:#?}");
    let refused = lines[0].split("refused=").nth(1).unwrap().split_whitespace().next().unwrap();
    assert!(refused.parse::<u64>().unwrap() >= 10, "{lines:#?}");
}
