//! What a cache costs that has nothing, and that it is as right as ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cache_runtime::{CacheManager, Level};
use tests::RedisServer;
use tokio::task::JoinSet;

use super::tools::{MINUTE, tell};

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
