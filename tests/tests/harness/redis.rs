//! A Redis of a test's own.

use std::time::Duration;

use redis::{Commands, Connection, RedisResult};
use tests::{RedisServer, eventually, is_running};

#[test]
fn a_killed_redis_refuses_and_comes_back_empty_on_its_port() {
    let mut server = RedisServer::start();
    let (url, pid) = (server.url(), server.pid().unwrap());
    let _: () = connect(&server).set("key", "value").unwrap();

    server.kill();
    assert!(!is_running(pid));
    assert!(redis::Client::open(url.as_str()).unwrap().get_connection().is_err());

    server.restart();
    assert_eq!(server.url(), url);
    assert_eq!(connect(&server).get::<_, Option<String>>("key").unwrap(), None);
}

#[test]
fn a_durable_redis_keeps_its_data_over_a_kill_until_told_not_to() {
    let mut server = RedisServer::options().durable().start();
    let _: () = connect(&server).set("key", "value").unwrap();

    server.restart();
    assert_eq!(connect(&server).get::<_, Option<String>>("key").unwrap().unwrap(), "value");

    server.restart_empty();
    assert_eq!(connect(&server).get::<_, Option<String>>("key").unwrap(), None);
}

#[test]
fn a_paused_redis_is_silent_until_it_goes_on() {
    let mut server = RedisServer::start();
    let mut connection = connect(&server);
    connection.set_read_timeout(Some(Duration::from_millis(100))).unwrap();

    server.pause();
    let silent: RedisResult<()> = connection.set("key", "value");
    assert!(silent.unwrap_err().is_timeout());

    server.resume();
    assert!(connect(&server).exists::<_, bool>("key").unwrap());
}

#[test]
fn a_paused_redis_ends_with_its_test() {
    let mut server = RedisServer::start();
    let pid = server.pid().unwrap();
    server.pause();
    drop(server);
    assert!(!is_running(pid));
}

#[test]
fn a_password_is_asked_for() {
    let server = RedisServer::options().password("secret").start();
    let _: () = connect(&server).set("key", "value").unwrap();

    let stranger = format!("redis://{}", server.address());
    assert!(
        redis::Client::open(stranger)
            .unwrap()
            .get_connection()
            .and_then(|mut it| it.get::<_, Option<String>>("key"))
            .is_err()
    );
}

#[test]
fn a_full_redis_refuses_writes() {
    let server = RedisServer::options().max_memory(1).start();
    let refused: RedisResult<()> = connect(&server).set("key", "value");
    assert_eq!(refused.unwrap_err().code(), Some("OOM"));
}

#[tokio::test]
async fn a_replica_follows_its_primary_and_refuses_writes() {
    let primary = RedisServer::options().password("secret").start();
    let replica = RedisServer::options().replica_of(&primary).start();
    let _: () = connect(&primary).set("key", "value").unwrap();

    eventually("the replica has the key", || {
        let found = connect(&replica).exists("key");
        async move { matches!(found, Ok(true)) }
    })
    .await;
    let refused: RedisResult<()> = connect(&replica).set("key", "other");
    assert_eq!(refused.unwrap_err().code(), Some("READONLY"));
}

#[test]
#[should_panic(expected = "no-such-option")]
fn a_server_that_can_not_start_says_why() {
    let _ = RedisServer::options().set("no-such-option", &["1"]).start();
}

fn connect(server: &RedisServer) -> Connection {
    redis::Client::open(server.url()).unwrap().get_connection().unwrap()
}
