//! The proxy, in front of a real Redis and a real Postgres.

use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, AsyncConnectionConfig, RedisResult};
use sqlx::PgPool;
use tests::{PostgresServer, Proxy, RedisServer, eventually, in_time};

/// Long enough for a healthy reply, short enough to wait for in a test.
const IMPATIENT: Duration = Duration::from_millis(150);

#[tokio::test]
async fn it_forwards_and_counts() {
    let (server, proxy) = redis_behind_a_proxy().await;
    let mut connection = connect(&server, &proxy).await;
    let _: () = connection.set("key", "value").await.unwrap();
    assert_eq!(connection.get::<_, String>("key").await.unwrap(), "value");
    let _second = connect(&server, &proxy).await;
    assert_eq!((proxy.connections(), proxy.open_connections()), (2, 2));

    drop(connection);
    eventually("one connection is left", || async { proxy.open_connections() == 1 }).await;
}

#[tokio::test]
async fn a_pool_lives_behind_it_and_survives_a_cut() {
    let server = PostgresServer::start();
    let proxy = Proxy::start(server.address()).await;
    let pool = PgPool::connect(&proxy.url(&server.url("postgres"))).await.unwrap();
    let one: i32 = sqlx::query_scalar("SELECT 1").fetch_one(&pool).await.unwrap();

    proxy.cut();
    eventually("all connections are cut", || async { proxy.open_connections() == 0 }).await;
    let again: i32 = sqlx::query_scalar("SELECT 1").fetch_one(&pool).await.unwrap();
    assert_eq!((one, again), (1, 1));
    assert_eq!(proxy.connections(), 2);
}

#[tokio::test]
async fn a_black_hole_keeps_connections_open_and_delivers_late() {
    let (server, proxy) = redis_behind_a_proxy().await;
    let mut connection = connect(&server, &proxy).await;

    proxy.black_hole();
    let lost: RedisResult<()> = connection.set("key", "value").await;
    assert!(lost.unwrap_err().is_timeout());
    assert_eq!(proxy.open_connections(), 1);
    assert!(!exists(&server).await);

    proxy.forward();
    eventually("the request arrives after all", || exists(&server)).await;
}

#[tokio::test]
async fn a_cut_loses_what_a_black_hole_held() {
    let (server, proxy) = redis_behind_a_proxy().await;
    let mut connection = connect(&server, &proxy).await;
    proxy.black_hole();
    let lost: RedisResult<()> = connection.set("key", "value").await;
    assert!(lost.is_err());

    proxy.cut();
    eventually("the connection is cut", || async { proxy.open_connections() == 0 }).await;
    proxy.forward();
    assert!(!exists(&server).await);
}

#[tokio::test]
async fn held_replies_leave_the_client_in_the_dark_about_what_was_done() {
    let (server, proxy) = redis_behind_a_proxy().await;
    let mut connection = connect(&server, &proxy).await;

    proxy.hold_replies();
    let unheard: RedisResult<()> = connection.set("key", "value").await;
    assert!(unheard.unwrap_err().is_timeout());
    assert!(exists(&server).await);
}

#[tokio::test]
async fn held_requests_do_not_reach_the_server_and_replies_still_arrive() {
    let (server, proxy) = redis_behind_a_proxy().await;
    let mut connection = connect(&server, &proxy).await;

    proxy.hold_requests();
    let unheard: RedisResult<()> = connection.set("key", "value").await;
    assert!(unheard.unwrap_err().is_timeout());
    assert!(!exists(&server).await);

    proxy.forward();
    eventually("the request arrives after all", || exists(&server)).await;
}

#[tokio::test]
async fn it_leads_to_another_server_and_leaves_nobody_at_the_old_one() {
    let (old, proxy) = redis_behind_a_proxy().await;
    let mut before = connect(&old, &proxy).await;
    let new = RedisServer::start();

    proxy.retarget(new.address());
    let cut: RedisResult<()> = before.set("key", "value").await;
    assert!(cut.is_err());
    let _: () = connect(&old, &proxy).await.set("key", "value").await.unwrap();
    assert!(exists(&new).await);
    assert!(!exists(&old).await);
}

#[tokio::test]
async fn a_delay_is_added_to_each_round_trip() {
    let (server, proxy) = redis_behind_a_proxy().await;
    let mut connection = connect(&server, &proxy).await;

    let delay = Duration::from_millis(50);
    proxy.delay(delay);
    let asked = Instant::now();
    let _: () = connection.set("key", "value").await.unwrap();
    assert!(asked.elapsed() >= delay, "{:?}", asked.elapsed());
}

#[tokio::test]
async fn refused_connections_close_at_once_until_it_forwards_again() {
    let (server, proxy) = redis_behind_a_proxy().await;
    let mut before = connect(&server, &proxy).await;

    proxy.refuse();
    let cut: RedisResult<()> = before.set("key", "value").await;
    assert!(cut.is_err());
    assert!(try_connect(&server, &proxy).await.is_err());

    proxy.forward();
    let _: () = connect(&server, &proxy).await.set("key", "value").await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_away_closes_the_connection_and_may_come_back() {
    let (mut server, proxy) = redis_behind_a_proxy().await;
    server.kill();
    assert!(try_connect(&server, &proxy).await.is_err());
    server.restart();
    connect(&server, &proxy).await;
}

async fn redis_behind_a_proxy() -> (RedisServer, Proxy) {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.address()).await;
    (server, proxy)
}

async fn connect(server: &RedisServer, proxy: &Proxy) -> MultiplexedConnection {
    in_time("a connection", try_connect(server, proxy)).await.unwrap()
}

async fn try_connect(server: &RedisServer, proxy: &Proxy) -> RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(IMPATIENT))
        .set_response_timeout(Some(IMPATIENT));
    let client = redis::Client::open(proxy.url(&server.url()))?;
    client.get_multiplexed_async_connection_with_config(&config).await
}

/// Asks the server itself, beside the proxy.
async fn exists(server: &RedisServer) -> bool {
    let client = redis::Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    connection.exists("key").await.unwrap()
}
