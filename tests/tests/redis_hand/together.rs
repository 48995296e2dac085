//! Reads that are gathered: whom they keep waiting, and whose failures they share.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use bytes::Bytes;
use cache_runtime::backend::RedisCache;
use cache_runtime::entry::Token;
use cache_runtime::{
    Cache, CoherentCache, ErrorKind, Fill, LeaseOutcome, LeaseRequest, Remaining, Ttl,
};
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

async fn lease_all(cache: &RedisCache, names: &[String], token: Token) {
    let request = |name: &String| LeaseRequest { key: key(name), token, over: None };
    let requests: Vec<_> = names.iter().map(request).collect();
    // Each is answered for by itself, or all are refused.
    drop(cache.lease(&requests, MINUTE).await);
}

fn fills(names: &[String], token: Token) -> Vec<Fill> {
    let fill = |name: &String| Fill {
        key: key(name),
        token,
        entry: Bytes::from(name.clone()),
        ttl: MINUTE.into(),
    };
    names.iter().map(fill).collect()
}

/// How many scripts were run since the last time.
async fn scripts(server: &RedisServer) -> u64 {
    let stats: String = tell(server, "INFO commandstats").await;
    let _: () = tell(server, "CONFIG RESETSTAT").await;
    let line = stats.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls="));
    line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

/// Whatever becomes of the others.
#[tokio::test]
async fn the_fills_of_a_batch_go_in_few_scripts_and_each_needs_its_own_lease() {
    let server = RedisServer::start();
    let cache = patient(&server.url());
    let names: Vec<_> = (0..300).map(|number| format!("k{number}")).collect();
    let (token, lost) = (Token::new(), [3, 130, 299]);
    lease_all(&cache, &names, token).await;
    cache.fill(&fills(&names, Token::new())).await.unwrap();
    for number in &lost {
        cache.delete(&key(&format!("k{number}"))).await.unwrap();
    }
    let _: i64 = tell(&server, &format!("RPUSH {} a", key("k3").as_str())).await;
    let large = Bytes::from(vec![b'x'; 200 * 1024]);
    let mut all = fills(&names, token);
    for at in [7, 8, 9] {
        all[at].entry = large.clone();
    }
    all[10].ttl = Ttl::Forever;
    scripts(&server).await;
    let stand = cache.fill(&all).await.unwrap();
    let refused: Vec<_> =
        stand.iter().enumerate().filter(|(_, stands)| !**stands).map(|(at, _)| at).collect();
    assert_eq!(refused, lost);
    // No more than so many bytes in one, nor so many fills.
    assert_eq!(scripts(&server).await, 5);
    assert_eq!(cache.get(&key("k8")).await.unwrap(), Some(large));
    assert_eq!(cache.get(&key("k298")).await.unwrap(), Some(Bytes::from_static(b"k298")));
    assert_eq!(cache.ttl(&key("k10")).await.unwrap(), Remaining::Forever);
    assert!(matches!(cache.ttl(&key("k11")).await.unwrap(), Remaining::Left(_)));
}

/// One key that is denied makes the server refuse a script over all of them. It is not asked for one again.
#[tokio::test]
async fn where_a_script_over_several_keys_is_refused_each_key_has_its_own_from_then_on() {
    let server = RedisServer::start();
    let permissions = "~shop:users:=1* +@all";
    let _: () = tell(&server, &format!("ACL SETUSER app reset on >secret {permissions}")).await;
    let cache = patient(&format!("redis://app:secret@{}", server.address()));
    let (token, allowed) = (Token::new(), ["11", "12", "13", "14"].map(str::to_owned));
    // So that the server knows the scripts.
    cache.fill(&fills(&allowed, token)).await.unwrap();
    lease_all(&cache, &allowed, token).await;
    scripts(&server).await;
    assert_eq!(cache.fill(&fills(&allowed, token)).await.unwrap(), [true; 4]);
    assert_eq!(scripts(&server).await, 1);
    let names = ["15", "27", "16"].map(str::to_owned);
    lease_all(&cache, &names, token).await;
    let refused = cache.fill(&fills(&names, token)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Denied);
    for (name, stands) in [("15", true), ("16", true)] {
        assert_eq!(cache.exists(&key(name)).await.unwrap(), stands);
        assert_eq!(cache.get(&key(name)).await.unwrap(), Some(Bytes::from(name)));
    }
    let more = ["17", "18", "19"].map(str::to_owned);
    lease_all(&cache, &more, token).await;
    scripts(&server).await;
    assert_eq!(cache.fill(&fills(&more, token)).await.unwrap(), [true; 3]);
    assert_eq!(scripts(&server).await, 3);
    // Another connection may be one of a user that may do more.
    let _: i64 = tell(&server, "CLIENT KILL USER app").await;
    let again = ["1a", "1b"].map(str::to_owned);
    eventually("there is another connection", || async { cache.ping().await.is_ok() }).await;
    lease_all(&cache, &again, token).await;
    scripts(&server).await;
    assert_eq!(cache.fill(&fills(&again, token)).await.unwrap(), [true; 2]);
    assert_eq!(scripts(&server).await, 1);
}

/// A fill that the server will not run is no fill that has lost its lease.
#[tokio::test]
async fn a_server_that_denies_the_question_of_a_fill_says_so() {
    let server = RedisServer::start();
    let _: () =
        tell(&server, "ACL SETUSER app reset on >secret ~* &* +@all -get -mget -getrange").await;
    let cache = patient(&format!("redis://app:secret@{}", server.address()));
    let (token, names) = (Token::new(), ["a", "b"].map(str::to_owned));
    lease_all(&cache, &names, token).await;
    let refused = cache.fill(&fills(&names, token)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Denied);
}
