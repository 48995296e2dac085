//! Reads that are gathered: whom they keep waiting, and whose failures they share.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use bytes::Bytes;
use cache_runtime::backend::RedisCache;
use cache_runtime::entry::Token;
use cache_runtime::{Cache, CoherentCache, ErrorKind, Fill, LeaseOutcome, LeaseRequest};
use tests::{RedisServer, eventually};
use tokio::task::JoinSet;

use super::tools::{MINUTE, key, patient, tell};

/// Asks for the lease of this key, as a reader does that found nothing.
async fn lease(
    cache: &RedisCache,
    name: &str,
    token: Token,
) -> cache_runtime::Result<LeaseOutcome> {
    let request = [LeaseRequest { key: key(name), token, over: None }];
    Ok(cache.lease(&request, MINUTE).await?.remove(0))
}

/// Puts the key's own name in the place of its lease.
async fn fill(cache: &RedisCache, name: &str, token: Token) -> cache_runtime::Result<bool> {
    let entry = Bytes::from(name.to_owned());
    let fill = [Fill { key: key(name), token, entry, ttl: MINUTE.into() }];
    Ok(cache.fill(&fill).await?.remove(0))
}

/// Runs these all at once.
async fn at_once<T, Fut>(count: usize, call: impl Fn(usize) -> Fut) -> Vec<T>
where
    T: Send + 'static,
    Fut: Future<Output = T> + Send + 'static,
{
    let mut calls = JoinSet::new();
    for number in 0..count {
        calls.spawn(call(number));
    }
    calls.join_all().await
}

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

/// Each has its own lease, and its own fill, whatever becomes of those beside it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_crowd_each_lease_and_each_fill_is_its_callers_own() {
    let server = RedisServer::start();
    let cache = patient(&server.url());
    for number in [3, 33] {
        let _: i64 =
            tell(&server, &format!("RPUSH {} a", key(&format!("k{number}")).as_str())).await;
    }
    let value = Bytes::from_static(b"Vvalue");
    for number in [5, 55] {
        cache.set(&key(&format!("k{number}")), value.clone(), MINUTE.into()).await.unwrap();
    }
    let round = |scripts: bool| {
        let (cache, value) = (cache.clone(), value.clone());
        at_once(200, move |number| {
            let (cache, value) = (cache.clone(), value.clone());
            async move {
                let (name, token) = (format!("k{number}"), Token::new());
                if scripts {
                    cache.delete(&key(&name)).await.unwrap();
                }
                let expected = match number {
                    3 | 33 if !scripts => LeaseOutcome::Refused(ErrorKind::WrongType),
                    5 | 55 if !scripts => LeaseOutcome::Taken(value),
                    _ => LeaseOutcome::Granted,
                };
                assert_eq!(lease(&cache, &name, token).await.unwrap(), expected, "{name}");
                // Every seventh has lost its lease in the meantime.
                let lost = number % 7 == 0 || expected != LeaseOutcome::Granted;
                let token = if lost { Token::new() } else { token };
                assert_eq!(fill(&cache, &name, token).await.unwrap(), !lost, "{name}");
                if !lost {
                    assert_eq!(cache.read(&key(&name)).await.unwrap(), Some(Bytes::from(name)));
                }
            }
        })
    };
    round(false).await;
    let _: String = tell(&server, "SCRIPT FLUSH").await;
    round(true).await;
}

/// What is refused to one is nobody else's failure, also in a script over the keys of several.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fill_that_is_refused_fails_its_own_caller_alone() {
    let server = RedisServer::start();
    let permissions = "~shop:users:=1* +@all";
    let _: () = tell(&server, &format!("ACL SETUSER app reset on >secret {permissions}")).await;
    let cache = patient(&format!("redis://app:secret@{}", server.address()));
    let answers = at_once(100, |number| {
        let cache = cache.clone();
        async move {
            let (refused, token) = (number % 50 == 7, Token::new());
            let name = format!("{}{number}", if refused { 2 } else { 1 });
            let leased = lease(&cache, &name, token).await;
            (refused, leased, fill(&cache, &name, token).await)
        }
    });
    for (refused, leased, filled) in answers.await {
        if refused {
            assert_eq!(leased.unwrap_err().kind(), ErrorKind::Denied);
            assert_eq!(filled.unwrap_err().kind(), ErrorKind::Denied);
        } else {
            assert_eq!(leased.unwrap(), LeaseOutcome::Granted);
            assert!(filled.unwrap());
        }
    }
}

/// A caller that goes away leaves no lease behind that others have asked for in its place.
#[tokio::test]
async fn leases_of_callers_that_have_gone_are_not_left_behind() {
    let server = RedisServer::start();
    let cache = patient(&server.url());
    let begin = |number: usize| {
        let cache = cache.clone();
        async move { lease(&cache, &format!("k{number}"), Token::new()).await }
    };
    // So that who comes next takes others along.
    at_once(20, begin).await;
    let _: () = tell(&server, "FLUSHALL").await;
    let _: () = tell(&server, "CLIENT PAUSE 500 WRITE").await;
    let (token, staying) = (Token::new(), cache.clone());
    let stays = tokio::spawn(async move { lease(&staying, "stays", token).await });
    for _ in 0..4 {
        tokio::task::yield_now().await;
    }
    let mut going: Vec<_> = (0..20).map(|number| tokio::spawn(begin(number))).collect();
    for _ in 0..4 {
        tokio::task::yield_now().await;
    }
    going.drain(..).for_each(|going| going.abort());
    assert_eq!(stays.await.unwrap().unwrap(), LeaseOutcome::Granted);
    eventually("the leases of those who went are gone", || async {
        tell::<i64>(&server, "DBSIZE").await == 1
    })
    .await;
    assert!(fill(&cache, "stays", token).await.unwrap());
}

/// A caller may begin steps and do something else for long.
#[tokio::test]
async fn steps_that_nobody_polls_keep_nobody_waiting() {
    let server = RedisServer::start();
    let cache = patient(&server.url());
    cache.ping().await.unwrap();
    let mut parked =
        [pin!(lease(&cache, "a", Token::new())), pin!(lease(&cache, "b", Token::new()))];
    poll_fn(|context| {
        for lease in &mut parked {
            assert!(lease.as_mut().poll(context).is_pending());
        }
        Poll::Ready(())
    })
    .await;
    let token = Token::new();
    assert_eq!(lease(&cache, "c", token).await.unwrap(), LeaseOutcome::Granted);
    assert!(fill(&cache, "c", token).await.unwrap());
}

/// A runtime of one thread does nothing while nobody waits for something in it: it may be given others' questions, and keep
/// them.
#[tokio::test]
async fn a_runtime_that_nobody_drives_keeps_nobody_waiting() {
    let server = RedisServer::start();
    let cache = RedisCache::builder(&server.url()).build().unwrap();
    cache.ping().await.unwrap();
    let elsewhere = cache.clone();
    let undriven = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            // Two that are under way, and one that has to wait, and sends for somebody who looks after it.
            for name in ["one", "two", "three"] {
                let cache = elsewhere.clone();
                drop(tokio::spawn(async move { begin(cache.read(&key(name))).await }));
            }
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
        });
        runtime
    })
    .join()
    .unwrap();
    let found = tests::in_time("a read", cache.read(&key("four"))).await;
    assert_eq!(found.unwrap(), None);
    let token = Token::new();
    let outcome = tests::in_time("a lease", lease(&cache, "five", token)).await.unwrap();
    assert_eq!(outcome, LeaseOutcome::Granted);
    undriven.shutdown_background();
}
