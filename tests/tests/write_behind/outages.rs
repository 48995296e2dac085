//! Servers that go away and come back, with their data or without.

use std::time::Duration;

use cache_runtime::{ErrorKind, Pending, Trouble, WriteBehind, WriteBehindError};
use tests::{Proxy, RedisServer, eventually, in_time};

use crate::world::{Notes, World, behind, manager, note, some, text};

async fn raw(server: &RedisServer) -> redis::aio::MultiplexedConnection {
    let client = redis::Client::open(server.url()).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

#[tokio::test]
async fn what_was_acknowledged_outlives_a_redis_that_writes_a_log() {
    let world = World::new().await;
    let mut redis = RedisServer::options().durable().start();
    let notes = world.process_at(&redis.url());
    let writer = behind(&notes).build().unwrap();
    for id in 0..50 {
        writer.put(&id, &note(id, "a")).await.unwrap();
    }
    writer.delete(&7).await.unwrap();
    redis.restart();
    let seen = || async { matches!(writer.get(&3).await, Ok(Some(_))) };
    eventually("a connection to the new server", seen).await;
    assert_eq!(text(&writer, 7).await, None);
    assert_eq!(writer.backlog().await.unwrap().waiting, 51);
    let worker = behind(&notes).spawn().unwrap();
    in_time("the flush", worker.flush()).await.unwrap();
    let rows: i64 =
        sqlx::query_scalar("SELECT count(*) FROM notes").fetch_one(world.pool()).await.unwrap();
    assert_eq!(rows, 49);
}

/// A worker that was at work goes on when the server is back.
#[tokio::test]
async fn a_worker_outlives_a_redis_that_is_killed_under_it() {
    let world = World::new().await;
    let mut redis = RedisServer::options().durable().start();
    let notes = world.process_at(&redis.url());
    let writer = behind(&notes).spawn().unwrap();
    for round in 0..3 {
        for id in 0..40 {
            writer.put(&id, &note(id, &format!("{round}"))).await.unwrap();
        }
        redis.kill();
        let troubled = || async { matches!(writer.stats().trouble, Some(Trouble::Queue(_))) };
        eventually("the worker to notice", troubled).await;
        let error = writer.get(&1).await.unwrap_err();
        assert!(matches!(error, WriteBehindError::Queue(_)), "{error:?}");
        redis.restart();
        let flushed = || async { writer.flush().await.is_ok() };
        in_time("the flush", async { eventually("the server to answer", flushed).await }).await;
        for id in 0..40 {
            assert_eq!(world.text(id).await, some(&format!("{round}")));
        }
    }
    assert_eq!(writer.stats().dead, 0);
}

#[tokio::test]
async fn a_redis_that_loses_its_data_loses_what_waited_and_the_queue_goes_on() {
    let world = World::new().await;
    let redis = RedisServer::start();
    let notes = world.process_at(&redis.url());
    let writer = behind(&notes).build().unwrap();
    writer.put(&1, &note(1, "lost")).await.unwrap();
    let () = redis::cmd("FLUSHALL").query_async(&mut raw(&redis).await).await.unwrap();
    assert_eq!(text(&writer, 1).await, None);
    let worker = behind(&notes).spawn().unwrap();
    writer.put(&1, &note(1, "kept")).await.unwrap();
    in_time("the flush", worker.flush()).await.unwrap();
    let () = redis::cmd("FLUSHALL").query_async(&mut raw(&redis).await).await.unwrap();
    // Its group is gone under a worker at work; and versions go on from the clock, above what was applied.
    writer.put(&1, &note(1, "and on")).await.unwrap();
    in_time("the flush", worker.flush()).await.unwrap();
    assert_eq!(world.text(1).await, some("and on"));
}

#[tokio::test]
async fn a_queue_of_which_a_part_was_evicted_says_so() {
    let world = World::new().await;
    let redis = RedisServer::start();
    let notes = world.process_at(&redis.url());
    let writer = behind(&notes).build().unwrap();
    writer.put(&1, &note(1, "evicted")).await.unwrap();
    let stream = format!("{{{}}}:writes", world.queue_name());
    let () = redis::cmd("DEL").arg(&stream).query_async(&mut raw(&redis).await).await.unwrap();
    assert_eq!((text(&writer, 1).await, writer.stats().lost), (None, 1));
    assert_eq!((text(&writer, 1).await, writer.stats().lost), (None, 1), "it is said once");
}

#[tokio::test]
async fn a_cache_that_is_cleared_keeps_what_was_acknowledged() {
    let world = World::new().await;
    let notes = world.process();
    let writer = behind(&notes).build().unwrap();
    writer.put(&1, &note(1, "kept")).await.unwrap();
    notes.cache.clear().await.unwrap();
    assert_eq!(text(&writer, 1).await, some("kept"));
}

#[tokio::test]
async fn a_server_says_how_little_its_word_is_worth() {
    let world = World::new().await;
    let plain = RedisServer::options().set("maxmemory-policy", &["allkeys-lru"]).start();
    let caveats = world.queue_at(&plain.url()).caveats().await.unwrap();
    assert!(caveats.len() == 2, "{caveats:?}");
    let durable = RedisServer::options().durable().start();
    assert!(world.queue_at(&durable.url()).caveats().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_redis_without_memory_refuses_before_it_acknowledges() {
    let world = World::new().await;
    let redis = RedisServer::options().max_memory(3 << 20).start();
    let notes = world.process_at(&redis.url());
    let writer = behind(&notes).build().unwrap();
    let (mut acknowledged, long) = (0, "x".repeat(10_000));
    let error = loop {
        match writer.put(&acknowledged, &note(acknowledged, &long)).await {
            Ok(_) => acknowledged += 1,
            Err(error) => break error,
        }
        assert!(acknowledged < 10_000, "it has no bound");
    };
    assert_eq!(error.kind(), ErrorKind::OutOfMemory);
    let backlog = writer.backlog().await.unwrap();
    assert_eq!(i64::try_from(backlog.waiting).unwrap(), acknowledged, "half a write is none");
    let last = world.queue_at(&redis.url());
    let key = notes.cache.key().text("behind").value("notes").value(&acknowledged);
    let found = last.pending(&[key.finish().unwrap()]).await.unwrap();
    assert_eq!(found, [Pending::Nothing]);
}

#[tokio::test]
async fn writes_wait_while_the_database_is_away() {
    let world = World::new().await;
    let (_, address) = world.fixture.database().url().rsplit_once('@').unwrap();
    let way = Proxy::start(address.split('/').next().unwrap()).await;
    let pool = sqlx::postgres::PgPoolOptions::new()
        .max_connections(3)
        .acquire_timeout(Duration::from_millis(500))
        .connect(&way.url(world.fixture.database().url()))
        .await
        .unwrap();
    let cache = manager(world.fixture.namespace(), world.fixture.redis_url());
    let notes = Notes { db: pool, cache };
    let writer: WriteBehind<Notes> = behind(&notes).tries(1).spawn().unwrap();
    writer.put(&1, &note(1, "before")).await.unwrap();
    in_time("the flush", writer.flush()).await.unwrap();
    for hole in [false, true] {
        if hole {
            way.black_hole()
        } else {
            way.refuse()
        }
        way.cut();
        for id in 1..30 {
            writer.put(&id, &note(id, &format!("during {hole}"))).await.unwrap();
            assert_eq!(text(&writer, id).await, some(&format!("during {hole}")));
        }
        let troubled = || async { writer.stats().trouble == Some(Trouble::Source) };
        eventually("the worker to notice", troubled).await;
        way.forward();
        way.cut();
        in_time("the flush", writer.flush()).await.unwrap();
        for id in 1..30 {
            assert_eq!(world.text(id).await, some(&format!("during {hole}")));
        }
    }
    assert_eq!((writer.stats().dead, writer.stats().trouble), (0, None));
}
