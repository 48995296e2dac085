//! Removing very many keys by pattern, while others go on.
//!
//! `KEYS=1000000 cargo test -p tests --test port --  --nocapture removing` measures the long form, and prints what it
//! measured; without it there are some thousand.

use std::time::{Duration, Instant};

use bytes::Bytes;
use cache_runtime::{Cache, Key, Keyspace, Pattern, Ttl, Walk};
use redis::AsyncConnectionConfig;
use tests::RedisServer;
use tokio::sync::oneshot;

use super::tools::{key, patient, shop, tell};

/// Longer than any single command may take, in microseconds: that of a busy machine included.
const SLOW: u64 = 10_000;

fn number_of_keys() -> usize {
    std::env::var("KEYS").map_or(20_000, |keys| keys.parse().expect("KEYS is a number"))
}

/// How long somebody's commands took, the slowest last: so many of them, or until it is stopped.
async fn bystander(
    server: &RedisServer,
    most: usize,
    mut stop: oneshot::Receiver<()>,
) -> Vec<Duration> {
    let client = redis::Client::open(server.url()).unwrap();
    let patience = AsyncConnectionConfig::new().set_response_timeout(None);
    let mut connection =
        client.get_multiplexed_async_connection_with_config(&patience).await.unwrap();
    let mut took = Vec::new();
    while took.len() < most && stop.try_recv() == Err(oneshot::error::TryRecvError::Empty) {
        let began = Instant::now();
        let _: Option<Bytes> =
            redis::cmd("GET").arg("neighbour:k").query_async(&mut connection).await.unwrap();
        took.push(began.elapsed());
    }
    took.sort();
    took
}

/// The time that this share of the commands stayed under.
fn at(took: &[Duration], share: f64) -> Duration {
    took[((took.len() - 1) as f64 * share) as usize]
}

fn spread(took: &[Duration]) -> String {
    let [half, most, nearly, all] = [0.5, 0.99, 0.999, 1.0].map(|share| at(took, share));
    format!(
        "{} commands: median {half:?}, 99 % {most:?}, 99.9 % {nearly:?}, slowest {all:?}",
        took.len()
    )
}

/// How often a command was called since the server was started.
async fn calls(server: &RedisServer, command: &str) -> u64 {
    let stats: String = tell(server, "INFO commandstats").await;
    let line =
        stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn removing_very_many_keys_by_pattern_lets_everyone_else_go_on() {
    let server =
        RedisServer::options().set("slowlog-log-slower-than", &[&SLOW.to_string()]).start();
    let cache = patient(&server.url());
    let keys = number_of_keys();
    let mut others: Vec<Key> = Vec::new();
    for chunk in (0..keys).collect::<Vec<_>>().chunks(10_000) {
        let entries: Vec<_> = chunk
            .iter()
            .map(|number| (key(&format!("item {number}")), Bytes::from(vec![b'v'; 100])))
            .collect();
        cache.set_many(&entries, Ttl::After(Duration::from_secs(3600))).await.unwrap();
    }
    for number in 0..1_000 {
        let other = shop().key().text("orders").value(&number).finish().unwrap();
        cache.set(&other, Bytes::from_static(b"v"), Ttl::Forever).await.unwrap();
        others.push(other);
    }
    // What this machine does to a bystander while nothing is removed.
    let (_never, stopped) = oneshot::channel();
    let quiet = bystander(&server, 5_000, stopped).await;
    let _: () = tell(&server, "SLOWLOG RESET").await;
    let scans_before = calls(&server, "scan").await;
    let (stop, stopped) = oneshot::channel();
    let (progress, mut last) = (std::sync::Mutex::new(Vec::new()), None);
    let pattern = Pattern::new(&shop(), "users:*").unwrap();
    let walk = Walk::new().on_progress(|told| progress.lock().unwrap().push(told));
    let (took, bystander) = tokio::join!(
        async {
            let began = Instant::now();
            let removed = cache.delete_matching(&pattern, walk).await.unwrap();
            let took = began.elapsed();
            stop.send(()).unwrap();
            assert_eq!(removed, u64::try_from(keys).unwrap());
            took
        },
        bystander(&server, usize::MAX, stopped)
    );
    for told in progress.lock().unwrap().iter() {
        if let Some(last) = last.replace(*told) {
            assert!(told.scanned > last.scanned && told.removed >= last.removed, "it goes on");
        }
    }
    let last = last.unwrap();
    assert_eq!(last.removed, u64::try_from(keys).unwrap());
    assert!(last.scanned >= last.removed, "{last:?}");
    assert_eq!(cache.get_many(&others).await.unwrap().iter().flatten().count(), 1_000, "the rest");

    assert_eq!(calls(&server, "keys").await, 0, "nobody asks for all keys at once");
    let scans = calls(&server, "scan").await - scans_before;
    assert!(scans >= u64::try_from(keys / Walk::BATCH / 2).unwrap(), "{scans} pieces");
    let slow: Vec<redis::Value> = tell(&server, "SLOWLOG GET 10").await;
    println!(
        "{keys} keys removed in {took:?} ({scans} scans)\nmeanwhile a bystander's {}\nbefore that {}\ncommands slower \
         than {SLOW} µs: {}",
        spread(&bystander),
        spread(&quiet),
        slow.len()
    );
    let latencies: String = tell(&server, "INFO latencystats").await;
    for command in ["scan", "evalsha", "unlink"] {
        println!("{}", latencies.lines().find(|line| line.contains(command)).unwrap_or_default());
    }
    assert!(slow.len() <= 1 + keys / 20_000, "a slow command or so is the machine's: {slow:?}");
    assert!(bystander.len() > keys / Walk::BATCH, "{} commands got through", bystander.len());
    for (share, milliseconds) in [(0.5, 5), (0.99, 50)] {
        let (quiet, busy) = (at(&quiet, share), at(&bystander, share));
        let bound = quiet * 5 + Duration::from_millis(milliseconds);
        assert!(
            busy < bound,
            "{share} of the bystander's commands: {busy:?}, and {quiet:?} before"
        );
    }
}

#[tokio::test]
async fn large_values_are_not_read_to_be_removed() {
    let server = RedisServer::start();
    let cache = patient(&server.url());
    let large = Bytes::from(vec![b'v'; 1 << 20]);
    for number in 0..50 {
        cache.set(&key(&number.to_string()), large.clone(), Ttl::Forever).await.unwrap();
    }
    let before = calls(&server, "get").await;
    let pattern = Pattern::new(&shop(), "*").unwrap();
    assert_eq!(cache.delete_matching(&pattern, Walk::new()).await.unwrap(), 50);
    assert_eq!(calls(&server, "get").await, before, "their first byte says that they are no holds");
}

#[tokio::test]
async fn a_walk_that_is_dropped_stops_and_leaves_the_rest() {
    let server = RedisServer::start();
    let cache = patient(&server.url());
    let entries: Vec<_> =
        (0..5_000).map(|number| (key(&number.to_string()), Bytes::from_static(b"v"))).collect();
    cache.set_many(&entries, Ttl::Forever).await.unwrap();
    let pattern = Pattern::new(&shop(), "*").unwrap();
    let (enough, mut reached) = tokio::sync::watch::channel(0);
    let walk = Walk::new().batch(100).on_progress(|progress| {
        enough.send_replace(progress.removed);
    });
    tokio::select! {
        biased;
        reached = reached.wait_for(|removed| *removed > 0) => drop(reached.unwrap()),
        _ = cache.delete_matching(&pattern, walk) => panic!("it was dropped before"),
    }
    let left = cache.keys_matching(&pattern, Walk::new()).await.unwrap().len();
    assert!((1..5_000).contains(&left), "{left} are left");
    assert_eq!(
        cache.delete_matching(&pattern, Walk::new()).await.unwrap(),
        u64::try_from(left).unwrap()
    );
}
