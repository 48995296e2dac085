//! Reads while Redis is there and no use.

use std::time::{Duration, Instant};

use tests::{Proxy, RedisServer, eventually, in_time};

use super::places::{
    Fault, Place, SLACK, TIMEOUT, connect, every_read_is_right, hits_come_back, set_max_memory,
};
use super::world::World;

/// The longest that a link waits before it tries a server again, and some time to connect and fill.
const SOON: Duration = Duration::from_millis(1500);

#[tokio::test]
async fn a_wrong_password_costs_no_read() {
    every_read_is_right(&Place::with(Fault::WrongPassword).await.world).await;
}

#[tokio::test]
async fn a_wrong_database_number_costs_no_read() {
    every_read_is_right(&Place::with(Fault::WrongDatabase).await.world).await;
}

#[tokio::test]
async fn a_read_only_replica_costs_no_read() {
    let place = Place::with(Fault::Replica).await;
    every_read_is_right(&place.world).await;
    every_read_is_right(&place.world).await;
    assert_eq!(place.world.here.stats().fills, 0);
}

#[tokio::test]
async fn a_redis_without_memory_costs_no_read_and_serves_what_it_has() {
    let mut place = Place::with(Fault::OutOfMemory).await;
    every_read_is_right(&place.world).await;
    set_max_memory(&place.server, 0).await;
    place.world.cached(1).await;
    set_max_memory(&place.server, 1).await;
    let loads = place.world.here.stats().loads;
    assert_eq!(place.world.here.get(1).await.unwrap().unwrap().slug, "paris");
    assert_eq!(place.world.here.stats().loads, loads, "what was cached is still served");
    place.server.kill();
}

#[tokio::test]
async fn where_nobody_listens_reads_are_answered_at_once() {
    let place = Place::with(Fault::NobodyListens).await;
    every_read_is_right(&place.world).await;
    let began = Instant::now();
    for _ in 0..100 {
        place.world.here.get(1).await.unwrap();
    }
    assert!(began.elapsed() < 100 * TIMEOUT / 10, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_redis_that_hangs_costs_a_read_no_more_than_the_operation_timeout() {
    let mut server = RedisServer::start();
    let world = World::with(|builder| builder.redis(&server.url())).await;
    world.cached(1).await;
    server.pause();
    for _ in 0..12 {
        let began = Instant::now();
        assert!(world.here.get(1).await.unwrap().is_some());
        assert!(began.elapsed() < TIMEOUT + SLACK, "{:?}", began.elapsed());
    }
    server.resume();
    assert!(hits_come_back(&world).await < SOON);
}

/// A look-up and a list ask the cache twice: for the ids, and for the rows.
#[tokio::test]
async fn a_redis_that_hangs_costs_a_look_up_or_a_list_no_more_than_the_operation_timeout() {
    let mut server = RedisServer::start();
    let world = World::with(|builder| builder.redis(&server.url())).await;
    world.cached(1).await;
    server.pause();
    let began = Instant::now();
    assert!(world.here.find_by_slug("paris").await.unwrap().is_some());
    let look_up = began.elapsed();
    let began = Instant::now();
    assert_eq!(world.here.list_by_country("FR", ..).await.unwrap().len(), 2);
    let list = began.elapsed();
    let began = Instant::now();
    world.here.largest(1).await.unwrap();
    let call = began.elapsed();
    let most = TIMEOUT + SLACK;
    assert!(look_up < most && list < most && call < most, "{look_up:?}, {list:?}, {call:?}");
}

#[tokio::test]
async fn many_readers_of_a_redis_that_hangs_wait_no_longer_than_one() {
    let mut server = RedisServer::start();
    let world = World::with(|builder| builder.redis(&server.url())).await;
    world.cached(1).await;
    server.pause();
    let began = Instant::now();
    let readers: Vec<_> = (0..50)
        .map(|_| {
            let here = world.here.clone();
            tokio::spawn(async move { here.get(1).await })
        })
        .collect();
    for reader in readers {
        assert!(in_time("a read", reader).await.unwrap().unwrap().is_some());
    }
    assert!(began.elapsed() < TIMEOUT + 2 * SLACK, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_half_open_connection_is_left_and_reads_hit_again() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.address()).await;
    let world = World::with(|builder| builder.redis(&proxy.url(&server.url()))).await;
    world.cached(1).await;
    let before = proxy.connections();
    proxy.black_hole();
    eventually("the connection is left", || async {
        let began = Instant::now();
        assert!(world.here.get(1).await.unwrap().is_some());
        assert!(began.elapsed() < TIMEOUT + SLACK, "{:?}", began.elapsed());
        proxy.connections() > before
    })
    .await;
    proxy.forward();
    assert!(hits_come_back(&world).await < SOON);
    every_read_is_right(&world).await;
}

/// The server acts, and its answers come too late: none may be taken for the answer to another question.
#[tokio::test]
async fn answers_that_come_late_are_nobodys() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.address()).await;
    let world = World::with(|builder| builder.redis(&proxy.url(&server.url()))).await;
    for id in [1, 2, 3] {
        world.cached(id).await;
    }
    proxy.hold_replies();
    assert_eq!(world.here.get(1).await.unwrap().unwrap().slug, "paris");
    assert_eq!(world.here.get(2).await.unwrap().unwrap().slug, "lyon");
    proxy.forward();
    for _ in 0..20 {
        every_read_is_right(&world).await;
    }
}

#[tokio::test]
async fn a_redis_that_is_killed_and_comes_back_empty_is_used_again() {
    let mut server = RedisServer::start();
    let world = World::with(|builder| builder.redis(&server.url())).await;
    world.cached(1).await;
    server.kill();
    for _ in 0..20 {
        every_read_is_right(&world).await;
    }
    server.restart_empty();
    assert!(hits_come_back(&world).await < SOON);
    every_read_is_right(&world).await;
}

#[tokio::test]
async fn a_redis_that_is_killed_and_comes_back_with_its_data_is_used_again() {
    let mut server = RedisServer::options().durable().start();
    let world = World::with(|builder| builder.redis(&server.url())).await;
    world.cached(1).await;
    let loads = world.here.stats().loads;
    server.kill();
    every_read_is_right(&world).await;
    assert!(world.here.stats().loads > loads);
    server.restart();
    assert!(hits_come_back(&world).await < SOON);
    every_read_is_right(&world).await;
}

/// Reads go on while the server goes and comes, and none of them fails or is wrong.
#[tokio::test]
async fn reads_go_on_while_redis_comes_and_goes() {
    let mut server = RedisServer::start();
    let world = World::with(|builder| builder.redis(&server.url())).await;
    let reading = tokio::spawn({
        let here = world.here.clone();
        async move {
            loop {
                assert_eq!(here.get(1).await.unwrap().unwrap().slug, "paris");
                assert_eq!(here.find_by_slug("rome").await.unwrap().unwrap().id, 3);
                assert_eq!(here.list_by_country("FR", ..).await.unwrap().len(), 2);
                tokio::task::yield_now().await;
            }
        }
    });
    for _ in 0..3 {
        world.cached(1).await;
        server.kill();
        hits_stop(&world).await;
        server.restart_empty();
        assert!(hits_come_back(&world).await < SOON);
    }
    reading.abort();
    assert!(reading.await.unwrap_err().is_cancelled());
}

async fn hits_stop(world: &World) {
    let errors = world.here.stats().errors;
    eventually("the server is missed", || async { world.here.stats().errors > errors }).await;
}

#[tokio::test]
async fn another_data_type_at_a_key_costs_no_read() {
    let world = World::new().await;
    let mut connection = connect(world.fixture.redis_url()).await;
    let tag = |name| world.here.cache.namespace().tag().text(name).finish().unwrap();
    let keys = [
        world.row(1),
        world.row(3),
        world.slug("lyon"),
        world.slug("nowhere"),
        world.list("FR"),
        world.largest(1),
        tag("cities"),
        tag("country:FR"),
    ];
    for (at, key) in keys.iter().enumerate() {
        let mut command = redis::cmd(if at % 2 == 0 { "RPUSH" } else { "HSET" });
        command.arg(key.as_str()).arg("a").arg("b");
        if at % 2 == 0 {
            command.arg("c");
        }
        let _: i64 = command.query_async(&mut connection).await.unwrap();
    }
    for _ in 0..3 {
        every_read_is_right(&world).await;
    }
    for (at, key) in keys.iter().enumerate() {
        let kind: String =
            redis::cmd("TYPE").arg(key.as_str()).query_async(&mut connection).await.unwrap();
        assert_eq!(kind, ["list", "hash"][at % 2], "it is not ours to remove: {key}");
    }
}

#[tokio::test]
async fn garbage_at_a_key_is_replaced() {
    let world = World::new().await;
    let mut connection = connect(world.fixture.redis_url()).await;
    let garbage: [&[u8]; 7] =
        [b"", b"V", b"H", b"L", b"Vxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", b"{}", b"\0\xff\n"];
    for bytes in garbage {
        for key in [world.row(1), world.slug("paris"), world.list("FR"), world.largest(1)] {
            let mut command = redis::cmd("SET");
            command.arg(key.as_str()).arg(bytes);
            let _: () = command.query_async(&mut connection).await.unwrap();
        }
        every_read_is_right(&world).await;
        if bytes.first() == Some(&b'H') {
            continue;
        }
        world.cached(1).await;
    }
}
