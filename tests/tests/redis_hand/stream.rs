//! The stream of invalidations, where something goes wrong with it.

use std::net::Ipv4Addr;
use std::slice::from_ref;

use cache_runtime::backend::RedisCache;
use cache_runtime::entry::Token;
use cache_runtime::{Cache, CoherentCache, ErrorKind, Heard, ReleaseOutcome};
use tests::{RedisServer, in_time};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use super::tools::{MINUTE, key, patient, raw, shop, so_far, tell};

/// A server that does not is asked twice, and announces twice.
async fn know_the_scripts(cache: &RedisCache) {
    cache.hold(&[key("script")], Token::new(), MINUTE).await.unwrap();
}

#[tokio::test]
async fn a_subscriber_that_the_server_cuts_off_is_told() {
    let server = RedisServer::start();
    let cache = patient(&server.url());
    know_the_scripts(&cache).await;
    let mut stream = cache.invalidations(&shop()).await.unwrap();
    cache.hold(&[key("a")], Token::new(), MINUTE).await.unwrap();
    let _: u64 = tell(&server, "CLIENT KILL TYPE pubsub").await;
    // What came in before the end is heard before it.
    let heard = in_time("the announcement", stream.next()).await.unwrap();
    assert_eq!(heard, Heard::Keys(vec![key("a")]));
    let lost = in_time("the end", stream.next()).await.unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::Unreachable);
    cache.ping().await.unwrap();
    assert!(stream.beat(1).await.is_err(), "the link is well, the stream is not");
    let mut another = cache.invalidations(&shop()).await.unwrap();
    assert_eq!(so_far(&mut another).await, []);
}

#[tokio::test]
async fn a_message_that_cannot_be_read_ends_the_stream() {
    let server = RedisServer::start();
    let cache = patient(&server.url());
    let foreign = b"\x01K\x0A\0\0\0other:a:=1";
    for odd in [&b"garbage"[..], b"", b"\x02E", b"\x01K", b"\x01K\xFF\0\0\0shop:a", foreign] {
        let mut stream = cache.invalidations(&shop()).await.unwrap();
        let mut publish = redis::cmd("PUBLISH");
        publish.arg("shop:!invalidations").arg(odd);
        let heard_by: u64 = publish.query_async(&mut raw(&server).await).await.unwrap();
        assert_eq!(heard_by, 1);
        cache.hold(&[key("a")], Token::new(), MINUTE).await.unwrap();
        for _ in 0..2 {
            let lost = in_time("the end", stream.next()).await.unwrap_err();
            assert_eq!(lost.kind(), ErrorKind::Unreachable, "{odd:?}");
        }
        drop(stream);
        tests::eventually("the subscription is gone", || async {
            let count: (String, u64) = tell(&server, "PUBSUB NUMSUB shop:!invalidations").await;
            count.1 == 0
        })
        .await;
    }
}

#[tokio::test]
async fn a_beat_on_a_stream_to_another_server_fails() {
    let (primary, other) = (RedisServer::start(), RedisServer::start());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let targets = [primary.address(), other.address()];
    // The first connection leads to the one, every other to the other: a balancer in the midst of a failover.
    tokio::spawn(async move {
        for number in 0.. {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut server = TcpStream::connect(&targets[number.min(1)]).await.unwrap();
            tokio::spawn(async move { copy_bidirectional(&mut client, &mut server).await });
        }
    });
    let cache = patient(&url);
    cache.ping().await.unwrap();
    let mut stream = cache.invalidations(&shop()).await.unwrap();
    let lost = stream.beat(1).await.unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::Unreachable);
    assert_eq!(stream.next().await.unwrap_err().kind(), ErrorKind::Unreachable, "it stays lost");
}

#[tokio::test]
async fn a_replica_gives_no_stream() {
    let primary = RedisServer::start();
    let replica = RedisServer::options().replica_of(&primary).start();
    let refused = patient(&replica.url()).invalidations(&shop()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ReadOnly);
}

#[tokio::test]
async fn a_server_that_is_away_or_silent_gives_no_stream_and_keeps_nobody_for_long() {
    let mut server = RedisServer::start();
    let cache = patient(&server.url());
    server.pause();
    let refused = in_time("the refusal", cache.invalidations(&shop())).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Timeout);
    server.resume();
    server.kill();
    let refused = in_time("the refusal", cache.invalidations(&shop())).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unreachable);
}

/// The pipeline runs a second time, and so the first announcement came before the holds.
#[tokio::test]
async fn a_hold_is_announced_behind_scripts_that_had_to_be_loaded() {
    let server = RedisServer::start();
    let cache = patient(&server.url());
    let mut stream = cache.invalidations(&shop()).await.unwrap();
    let keys = [key("a"), key("b")];
    let _: () = tell(&server, "SCRIPT FLUSH").await;
    let writer = Token::new();
    cache.hold(&keys, writer, MINUTE).await.unwrap();
    let said = Heard::Keys(keys.to_vec());
    assert_eq!(so_far(&mut stream).await, [said.clone(), said], "once more, behind the holds");
    let _: () = tell(&server, "SCRIPT FLUSH").await;
    let outcomes = cache.release(&keys, writer).await.unwrap();
    assert_eq!(outcomes, [ReleaseOutcome::Released; 2]);
    let _: () = tell(&server, "SCRIPT FLUSH").await;
    let outcomes = cache.release(&keys, writer).await.unwrap();
    assert_eq!(outcomes, [ReleaseOutcome::WasGone; 2]);
    let said = keys.map(|key| Heard::Keys(vec![key]));
    assert_eq!(so_far(&mut stream).await, said);
}

#[tokio::test]
async fn the_keys_of_a_flushed_server_are_announced_by_the_release() {
    let server = RedisServer::start();
    let cache = patient(&server.url());
    know_the_scripts(&cache).await;
    let mut stream = cache.invalidations(&shop()).await.unwrap();
    let (row, writer) = (key("a"), Token::new());
    cache.hold(from_ref(&row), writer, MINUTE).await.unwrap();
    let _: () = tell(&server, "FLUSHALL").await;
    cache.release(from_ref(&row), writer).await.unwrap();
    let said = Heard::Keys(vec![row]);
    assert_eq!(so_far(&mut stream).await, [said.clone(), said], "by the hold, and by the release");
}
