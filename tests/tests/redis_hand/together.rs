//! Reads that are gathered: whom they keep waiting, and whose failures they share.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use bytes::Bytes;
use cache_runtime::backend::RedisCache;
use cache_runtime::{Cache, CoherentCache, ErrorKind};
use tests::RedisServer;
use tokio::task::JoinSet;

use super::tools::{MINUTE, key, patient, tell};

/// Polls once.
async fn begin(future: impl Future) {
    let mut future = pin!(future);
    poll_fn(|context| {
        assert!(future.as_mut().poll(context).is_pending(), "it is under way");
        Poll::Ready(())
    })
    .await;
    // Kept for as long as the runtime lives, and never polled again.
    std::future::pending::<()>().await;
}

/// A caller may begin reads and do something else for long, as the body of a loop over a stream of them does.
#[tokio::test]
async fn reads_that_nobody_polls_keep_nobody_waiting() {
    let server = RedisServer::start();
    let cache = RedisCache::open(&server.url()).unwrap();
    let row = key("a");
    cache.set(&row, Bytes::from_static(b"v"), MINUTE.into()).await.unwrap();
    let mut parked = [pin!(begin(cache.read(&row))), pin!(begin(cache.read(&row)))];
    poll_fn(|context| {
        for read in &mut parked {
            assert!(read.as_mut().poll(context).is_pending());
        }
        Poll::Ready(())
    })
    .await;
    for _ in 0..3 {
        assert_eq!(cache.read(&row).await.unwrap(), Some(Bytes::from_static(b"v")));
    }
}

/// What one may not read is nobody else's failure.
#[tokio::test]
async fn a_key_that_is_refused_fails_its_own_reader_alone() {
    let server = RedisServer::start();
    let permissions = "~shop:users:=1* +mget +set +get +ping +info +role";
    let _: () = tell(&server, &format!("ACL SETUSER app reset on >secret {permissions}")).await;
    let cache = patient(&format!("redis://app:secret@{}", server.address()));
    cache.ping().await.unwrap();
    let mut reads = JoinSet::new();
    for number in 0..200 {
        let cache = cache.clone();
        reads.spawn(async move {
            let (allowed, row) = match number {
                7 | 77 => (false, key(&format!("2{number}"))),
                _ => (true, key(&format!("1{number}"))),
            };
            (allowed, cache.read(&row).await)
        });
    }
    while let Some(read) = reads.join_next().await {
        match read.unwrap() {
            (true, read) => assert_eq!(read.unwrap(), None),
            (false, read) => assert_eq!(read.unwrap_err().kind(), ErrorKind::Denied),
        }
    }
}
