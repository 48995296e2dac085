//! Many readers and writers at once, through two processes: no read may return what was not so while it ran.
//!
//! `CHECK_SECONDS` says how long the run takes; two seconds where it is not set. The numbers are printed, for
//! `--nocapture`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cache_runtime::Stats;
use fastrand::Rng;
use tests::{Proxy, RedisServer};
use tokio::task::JoinSet;

use super::reading::read_for;
use super::shop::{Item, ROWS, Shop, index};
use super::writing::write_for;

const READERS: usize = 20;
const WRITERS: usize = 12;

fn stats(shop: &Shop) -> Stats {
    let mut sum = Stats::default();
    shop.processes.iter().for_each(|items| sum += items.stats());
    sum
}

/// Lets them all read and write for a while, and checks every read.
async fn run(shop: Arc<Shop>, shaky: bool, trouble: impl AsyncFn(&mut Rng)) {
    let seconds =
        std::env::var("CHECK_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2);
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut readers = JoinSet::new();
    let mut writers = JoinSet::new();
    for _ in 0..READERS {
        readers.spawn(read_for(Arc::clone(&shop), Rng::new(), until, shaky));
    }
    for _ in 0..WRITERS {
        writers.spawn(write_for(Arc::clone(&shop), Rng::new(), until, shaky));
    }
    let mut rng = Rng::new();
    while Instant::now() < until {
        trouble(&mut rng).await;
    }
    let end = Duration::from_secs(30);
    tokio::time::timeout(end, readers.join_all()).await.expect("the readers come to an end");
    let refused =
        tokio::time::timeout(end, writers.join_all()).await.expect("the writers come to an end");

    let history = shop.history().await;
    assert_eq!(history.ids().count(), index(ROWS));
    let reads = std::mem::take(&mut *shop.reads.lock().expect("no poison"));
    let wrong: Vec<_> = reads.iter().filter_map(|read| history.check(read).err()).collect();
    println!(
        "{} reads checked against {} states, {} wrong; {} writes refused; {}",
        reads.len(),
        history.states(),
        wrong.len(),
        refused.into_iter().sum::<u64>(),
        stats(&shop)
    );
    for violation in wrong.iter().take(5) {
        println!("{violation:?}");
    }
    assert!(
        wrong.is_empty(),
        "{} of {} reads returned what was never so while they ran",
        wrong.len(),
        reads.len()
    );
    assert!(
        stats(&shop).hits > 0 && stats(&shop).held > 0,
        "the cache was not at work: {}",
        stats(&shop)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_read_returns_what_was_so_while_it_ran() {
    let shop = Arc::new(Shop::new().await);
    run(shop, false, async |_| tokio::time::sleep(Duration::from_millis(50)).await).await;
}

/// Connections to Redis break or stall at any moment; no data is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_read_returns_what_was_so_while_connections_to_redis_break() {
    let fixture = Shop::tables().await;
    let redis = RedisServer::start();
    let proxy = Proxy::start(redis.address()).await;
    let postgres = fixture.database().url().to_owned();
    let shop = Arc::new(Shop::through(fixture, &proxy.url(&redis.url()), &postgres).await);
    run(shop, true, async |rng| {
        tokio::time::sleep(Duration::from_millis(rng.u64(20..200))).await;
        match rng.u32(0..4) {
            0 => proxy.hold_replies(),
            1 => proxy.black_hole(),
            2 => proxy.delay(Duration::from_millis(2)),
            _ => proxy.cut(),
        }
        tokio::time::sleep(Duration::from_millis(rng.u64(1..60))).await;
        proxy.forward();
    })
    .await;
}

/// Connections to Postgres break at any moment, also during a commit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_read_returns_what_was_so_while_connections_to_postgres_break() {
    let fixture = Shop::tables().await;
    let host = fixture.database().url().rsplit('@').next().and_then(|rest| rest.split('/').next());
    let proxy = Proxy::start(host.expect("a URL with a host")).await;
    let (redis, postgres) = (fixture.redis_url().to_owned(), proxy.url(fixture.database().url()));
    let shop = Arc::new(Shop::through(fixture, &redis, &postgres).await);
    run(shop, true, async |rng| {
        tokio::time::sleep(Duration::from_millis(rng.u64(50..300))).await;
        if rng.bool() {
            proxy.hold_replies();
            tokio::time::sleep(Duration::from_millis(rng.u64(1..20))).await;
        }
        proxy.cut();
        proxy.forward();
    })
    .await;
}

/// Two answers under one tag: the one that is loaded after the write gives the tag a new stamp, and the other one must
/// not pass for current by it.
#[tokio::test]
async fn an_answer_is_old_although_its_tag_has_a_stamp_again() {
    let shop = Shop::new().await;
    let items = &shop.processes[0];
    let cached = async || {
        let loads = items.stats().loads;
        let found =
            (items.versions_on("shelf-1").await.unwrap(), items.also_on("shelf-1").await.unwrap());
        (items.stats().loads == loads).then_some(found)
    };
    let (before, _) = tests::eventually_some("both are cached", cached).await;
    let row = items.get(1).await.unwrap().unwrap();
    items.update(&Item { op: 1, ..(*row).clone() }).await.unwrap();
    let also = tests::eventually_some("the other one is cached", async || {
        let loads = items.stats().loads;
        let found = items.also_on("shelf-1").await.unwrap();
        (items.stats().loads == loads).then_some(found)
    })
    .await;
    assert_ne!(also, before);
    assert_eq!(items.versions_on("shelf-1").await.unwrap(), also);
}
