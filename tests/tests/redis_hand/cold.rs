//! What a cache costs that has nothing, and that it is as right as ever.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cache_runtime::{CacheManager, Level};
use tests::RedisServer;
use tokio::task::JoinSet;

use super::tools::{MINUTE, patient, tell};

fn process(server: &RedisServer) -> CacheManager {
    let manager = CacheManager::builder("shop").redis(&server.url()).level(Level::Strong);
    manager.build().unwrap()
}

async fn remember(manager: &CacheManager, name: &str, loads: &AtomicUsize) -> u64 {
    let load = || async {
        loads.fetch_add(1, Ordering::SeqCst);
        Ok::<u64, cache_runtime::Error>(7)
    };
    manager.remember(name, MINUTE, load).await.unwrap()
}

/// Reads that find nothing, until that is expected.
async fn make_cold(manager: &CacheManager) {
    for number in 0..40 {
        remember(manager, &format!("absent{number}"), &AtomicUsize::new(0)).await;
    }
    manager.drain().await;
}

/// How often the server was asked for each of these commands since the last time.
async fn asked<const N: usize>(server: &RedisServer, commands: [&str; N]) -> [u64; N] {
    let stats: String = tell(server, "INFO commandstats").await;
    let _: () = tell(server, "CONFIG RESETSTAT").await;
    commands.map(|command| {
        let begin = format!("cmdstat_{command}:calls=");
        let line = stats.lines().find_map(|line| line.strip_prefix(&begin));
        line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
    })
}

#[tokio::test]
async fn a_cold_cache_is_asked_for_the_lease_at_once_and_a_warm_one_is_not() {
    let server = RedisServer::start();
    let (manager, loads) = (process(&server), AtomicUsize::new(0));
    remember(&manager, "first", &loads).await;
    manager.drain().await;
    asked(&server, ["get"]).await;
    remember(&manager, "second", &loads).await;
    manager.drain().await;
    // One question, and one in the script that fills.
    assert_eq!(asked(&server, ["get", "set"]).await, [2, 2]);
    make_cold(&manager).await;
    asked(&server, ["get"]).await;
    remember(&manager, "third", &loads).await;
    manager.drain().await;
    assert_eq!(asked(&server, ["get", "set"]).await, [1, 2], "the lease was the question");
    assert_eq!(loads.load(Ordering::SeqCst), 3);
    // What is there is found, and from then on it is asked for as ever.
    for expected in [[1, 1], [1, 0]] {
        remember(&manager, "third", &loads).await;
        manager.drain().await;
        assert_eq!(asked(&server, ["get", "set"]).await, expected);
    }
    assert_eq!(loads.load(Ordering::SeqCst), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_cold_cache_those_who_ask_for_one_key_share_one_load() {
    let server = RedisServer::start();
    let (manager, loads) = (process(&server), Arc::new(AtomicUsize::new(0)));
    make_cold(&manager).await;
    let mut callers = JoinSet::new();
    for _ in 0..50 {
        let (manager, loads) = (manager.clone(), Arc::clone(&loads));
        callers.spawn(async move { remember(&manager, "one", &loads).await });
    }
    assert_eq!(callers.join_all().await, [7; 50]);
    assert_eq!(loads.load(Ordering::SeqCst), 1);
}

/// The lease that was asked for without a look is one like any other.
#[tokio::test]
async fn what_was_loaded_in_a_cold_cache_before_a_change_is_not_kept() {
    let server = RedisServer::start();
    let (manager, other) = (process(&server), process(&server));
    make_cold(&manager).await;
    let load = || async {
        other.forget("k").await?;
        Ok::<u64, cache_runtime::Error>(1)
    };
    assert_eq!(manager.remember("k", MINUTE, load).await.unwrap(), 1);
    manager.drain().await;
    assert_eq!(manager.item_stats().rejected_fills, 1);
    let loads = AtomicUsize::new(0);
    assert_eq!(remember(&manager, "k", &loads).await, 7);
    assert_eq!(loads.load(Ordering::SeqCst), 1);
}

/// A batch of numbered items, each of which is loaded as its number.
async fn batch(manager: &CacheManager, numbers: Range<u64>, loaded: &AtomicUsize) {
    let load = |missing: Vec<String>| async {
        loaded.fetch_add(missing.len(), Ordering::SeqCst);
        let number = |name: String| (name.clone(), name.parse::<u64>().unwrap());
        Ok::<HashMap<_, _>, cache_runtime::Error>(missing.into_iter().map(number).collect())
    };
    let names = numbers.clone().map(|number| number.to_string());
    let found = manager.items(names).get_or_load(load).await.unwrap();
    for number in numbers {
        assert_eq!(found[&number.to_string()], number);
    }
    manager.drain().await;
}

#[tokio::test]
async fn in_a_cold_cache_a_batch_asks_for_its_leases_at_once_and_finds_what_is_there() {
    let server = RedisServer::start();
    let (manager, loaded) = (process(&server), AtomicUsize::new(0));
    batch(&manager, 0..10, &loaded).await;
    asked(&server, ["mget"]).await;
    batch(&manager, 10..20, &loaded).await;
    assert_eq!(asked(&server, ["mget", "set"]).await, [1, 20]);
    for number in 10..50 {
        batch(&manager, number * 10..number * 10 + 10, &loaded).await;
    }
    loaded.store(0, Ordering::SeqCst);
    asked(&server, ["mget"]).await;
    batch(&manager, 1000..1010, &loaded).await;
    assert_eq!(asked(&server, ["mget", "set"]).await, [0, 20], "the leases were the question");
    assert_eq!(loaded.swap(0, Ordering::SeqCst), 10);
    // What is there is found, and the rest is loaded under the leases that were granted.
    batch(&manager, 1005..1015, &loaded).await;
    assert_eq!(loaded.swap(0, Ordering::SeqCst), 5);
    assert_eq!(asked(&server, ["mget", "set"]).await, [1, 15]);
    // From then on it is asked for as ever.
    batch(&manager, 1000..1015, &loaded).await;
    assert_eq!(asked(&server, ["mget", "set"]).await, [1, 0]);
    assert_eq!(loaded.load(Ordering::SeqCst), 0);
    assert_eq!(manager.item_stats().rejected_fills, 0);
}

/// The leases that a batch was given without a look are leases like any other.
#[tokio::test]
async fn what_a_batch_loaded_in_a_cold_cache_before_a_change_is_not_kept() {
    let server = RedisServer::start();
    let (manager, other) = (process(&server), process(&server));
    for number in 0..40 {
        batch(&manager, number * 2..number * 2 + 2, &AtomicUsize::new(0)).await;
    }
    let load = |missing: Vec<&'static str>| async {
        other.forget("old").await?;
        Ok::<_, cache_runtime::Error>(missing.into_iter().map(|name| (name, 1_u64)).collect())
    };
    let found = manager.items(["new", "old"]).get_or_load(load).await.unwrap();
    assert_eq!(found, HashMap::from([("new", 1), ("old", 1)]));
    manager.drain().await;
    let stats = manager.item_stats();
    assert_eq!((stats.rejected_fills, stats.fills), (1, 81));
    let loads = AtomicUsize::new(0);
    assert_eq!(remember(&manager, "old", &loads).await, 7);
    assert_eq!(loads.load(Ordering::SeqCst), 1);
}

/// Where nobody answers for the leases, the batch is loaded, and nobody is asked for anything once more.
#[tokio::test]
async fn a_batch_in_a_cold_cache_that_does_not_answer_waits_for_it_once() {
    let server = RedisServer::start();
    let manager = CacheManager::builder("shop")
        .backend(Arc::new(patient(&server.url())))
        .level(Level::Strong)
        .build()
        .unwrap();
    for number in 0..40 {
        batch(&manager, number * 2..number * 2 + 2, &AtomicUsize::new(0)).await;
    }
    asked(&server, ["mget"]).await;
    let _: () = tell(&server, "ACL SETUSER default -set").await;
    let (loaded, before) = (AtomicUsize::new(0), manager.item_stats());
    batch(&manager, 1000..1002, &loaded).await;
    assert_eq!(loaded.load(Ordering::SeqCst), 2);
    assert_eq!(asked(&server, ["mget"]).await, [0]);
    assert_eq!((manager.item_stats() - before).errors, 1);
    // It is no such cache any more: the next looks first.
    batch(&manager, 1002..1004, &loaded).await;
    assert_eq!(asked(&server, ["mget"]).await, [1]);
}

/// Who has asked in vain for the lease does not ask for the value besides.
#[tokio::test]
async fn a_read_of_a_cold_cache_that_does_not_answer_waits_for_it_once() {
    let server = RedisServer::start();
    let (manager, loads) = (process(&server), AtomicUsize::new(0));
    make_cold(&manager).await;
    let _: () = tell(&server, "ACL SETUSER default -set").await;
    asked(&server, ["get"]).await;
    let before = manager.item_stats();
    remember(&manager, "k", &loads).await;
    manager.drain().await;
    assert_eq!(loads.load(Ordering::SeqCst), 1);
    // The script that gives back what may have been granted asks, and nobody else.
    assert_eq!(asked(&server, ["get", "evalsha"]).await, [1, 1]);
    assert_eq!((manager.item_stats() - before).errors, 1);
    remember(&manager, "k", &loads).await;
    manager.drain().await;
    let asked = asked(&server, ["get", "evalsha"]).await;
    assert_eq!(asked, [2, 1], "it is no such cache any more");
}
