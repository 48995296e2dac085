//! A user of Redis who may do what the documentation asks for, and nothing else.

use tests::{RedisServer, in_time};

use crate::world::{World, behind, note, some, text};

/// As the documentation of `RedisCache` has it.
const COMMANDS: &str = "+get +mget +set +del +unlink +exists +pexpire +persist +pttl +scan +time +evalsha +script|load \
     +publish +subscribe +multi +exec +ping +info +role \
     +xadd +xlen +xrange +xreadgroup +xpending +xclaim +xack +xdel +xgroup +xinfo +hget +hset +hdel +hincrby";

#[tokio::test]
async fn the_documented_permissions_are_enough() {
    let world = World::new().await;
    let namespace = world.fixture.namespace();
    let server = RedisServer::start();
    let rule = format!(
        "ACL SETUSER app reset on >secret ~{namespace}:* ~{{{namespace}:behind:* &{namespace}:* {COMMANDS}"
    );
    let client = redis::Client::open(server.url()).unwrap();
    let mut raw = client.get_multiplexed_async_connection().await.unwrap();
    let mut words = rule.split_whitespace();
    let mut command = redis::cmd(words.next().unwrap());
    for word in words {
        command.arg(word);
    }
    let () = command.query_async(&mut raw).await.unwrap();
    let notes = world.process_at(&format!("redis://app:secret@{}", server.address()));
    let left = behind(&notes).build().unwrap();
    left.put(&9, &note(9, "x")).await.unwrap();
    // Somebody who has died has taken it.
    let queue = world.queue_at(&server.url());
    queue.take("dead", 1, std::time::Duration::ZERO).await.unwrap();
    let writer = behind(&notes).tries(2).spawn().unwrap();
    writer.put(&1, &note(1, "a")).await.unwrap();
    writer.put(&2, &note(2, "poison")).await.unwrap();
    in_time("the flush", writer.flush()).await.unwrap();
    assert_eq!((text(&writer, 1).await, text(&writer, 9).await), (some("a"), some("x")));
    let letters = writer.dead_letters(10).await.unwrap();
    assert_eq!(letters.len(), 1);
    assert!(writer.retry(&letters[0]).await.unwrap());
    in_time("the flush", writer.flush()).await.unwrap();
    let letters = writer.dead_letters(10).await.unwrap();
    assert!(writer.discard(&letters[0]).await.unwrap());
    assert_eq!(writer.backlog().await.unwrap().dead, 0);
    writer.stop().await;
    assert_eq!(writer.stats().trouble, None);
}
