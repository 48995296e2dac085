//! Eight processes at once, whose clocks differ by up to ten seconds: each limit holds for all of them together.
//!
//! Each process is this test program itself, told by its environment what to do. Every decision carries the time at which
//! Redis made it, so the whole run can be put in order afterwards and gone through again.
//!
//! `RATE_LIMIT_DECISIONS` makes the first run longer (100,000), `RATE_LIMIT_SECONDS` the one in which Redis breaks (4).

#[path = "processes/child.rs"]
mod child;
#[path = "processes/law.rs"]
mod law;

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use cache_runtime::backend::MemoryCache;
use cache_runtime::testing::ManualClock;
use cache_runtime::{Ask, RateLimits};
use tests::RedisServer;
use tokio::process::{Child, Command};

use self::child::{ENTRY, JOB, Job, KEYS, Kind, leased, quota};
use self::law::keeps_its_law;
use crate::tools::{ALGORITHMS, key};

const PROCESSES: usize = 8;

/// One decision that Redis has made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Event {
    /// In microseconds of the server's clock.
    at: u64,
    denied: bool,
    algorithm: usize,
    key: usize,
}

fn from_environment(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Runs the processes to their end; what they were told, in the server's order, and how often nothing could be decided.
async fn run(server: &str, kind: Kind) -> (Vec<Event>, u64) {
    let children = (0..PROCESSES).map(|number| {
        // From five seconds early to five seconds late.
        let skew = i64::try_from(number).unwrap() * 10_000 / 7 - 5_000;
        let job = Job { redis: server.to_owned(), number, skew, kind };
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args([ENTRY, "--exact", "--nocapture"])
            .env(JOB, serde_json::to_string(&job).unwrap());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap()
    });
    let mut events = Vec::new();
    let mut failures = 0;
    let wait = |mut child: Child| {
        // Without this end a child takes its parent for dead.
        let end = child.stdin.take();
        tokio::spawn(async move {
            let output = child.wait_with_output().await;
            drop(end);
            output
        })
    };
    let waiting: Vec<_> = children.map(wait).collect();
    for child in waiting {
        let output = child.await.unwrap().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text}");
        for line in text.lines().filter_map(|line| line.strip_prefix('@')) {
            let numbers: Vec<u64> = line.split(' ').map(|number| number.parse().unwrap()).collect();
            match numbers[..] {
                [at, denied, algorithm, key] => events.push(Event {
                    at,
                    denied: denied == 1,
                    algorithm: algorithm as usize,
                    key: key as usize,
                }),
                [failed] => failures += failed,
                _ => panic!("{line}"),
            }
        }
    }
    // Of two at the same microsecond the one that was admitted came first: after it, and not before, another is denied.
    events.sort_unstable();
    (events, failures)
}

fn admitted(events: &[Event]) -> BTreeMap<(usize, usize), Vec<u64>> {
    let mut admitted: BTreeMap<_, Vec<u64>> = BTreeMap::new();
    for event in events.iter().filter(|event| !event.denied) {
        admitted.entry((event.algorithm, event.key)).or_default().push(event.at);
    }
    admitted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_processes_whose_clocks_differ_decide_as_one() {
    let server = RedisServer::start();
    let decisions = from_environment("RATE_LIMIT_DECISIONS", 100_000);
    let each = decisions / PROCESSES as u64;
    let (events, failures) = run(&server.url(), Kind::Decisions(each)).await;
    assert_eq!(events.len() as u64 + failures, each * PROCESSES as u64);
    assert!(failures < decisions / 100, "{failures} decisions failed on a healthy server");
    // Each of them once more, in memory, at the time at which Redis made it. Where an answer was lost, a call may have been
    // counted that nobody was told of.
    if failures == 0 {
        let clock = ManualClock::new();
        let memory = MemoryCache::builder().clock(clock.shared()).build();
        let mut now = 0;
        for (place, event) in events.iter().enumerate() {
            clock.advance(Duration::from_micros(event.at - now));
            now = event.at;
            let algorithm = ALGORITHMS[event.algorithm];
            let key = key(&event.key.to_string(), algorithm);
            let ask = [Ask::new(key, quota(algorithm), 1).unwrap()];
            let verdict = memory.decide(&ask).await.unwrap()[0];
            assert_eq!(verdict.admitted, !event.denied, "decision {place}: {event:?}");
        }
    }
    let admitted = admitted(&events);
    for ((algorithm, key), times) in &admitted {
        let algorithm = ALGORITHMS[*algorithm];
        assert!(times.len() > 20, "{algorithm} {key} admitted {}", times.len());
        keeps_its_law(&quota(algorithm), times, 0);
    }
    assert_eq!(admitted.len(), ALGORITHMS.len() * KEYS, "every limit was in use");
    let denied = events.iter().filter(|event| event.denied).count();
    println!("{} decisions, {denied} denied, {failures} failed", events.len());
    assert!(denied > events.len() / 20, "the limits were never reached");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_processes_keep_each_limit_while_redis_is_paused_and_restarted() {
    let mut server = RedisServer::options().durable().start();
    let seconds = from_environment("RATE_LIMIT_SECONDS", 4);
    let running = {
        let url = server.url();
        tokio::spawn(async move { run(&url, Kind::Seconds(seconds)).await })
    };
    let mut breaks = 0;
    while !running.is_finished() {
        let up = Duration::from_millis(fastrand::u64(100..500));
        tokio::time::sleep(up).await;
        if fastrand::bool() {
            server.pause();
            tokio::time::sleep(Duration::from_millis(fastrand::u64(20..400))).await;
            server.resume();
        } else {
            server = tokio::task::spawn_blocking(move || {
                server.restart();
                server
            })
            .await
            .unwrap();
        }
        breaks += 1;
    }
    let (events, failures) = running.await.unwrap();
    println!("{} decisions, {failures} failed, {breaks} breaks", events.len());
    assert!(breaks > 1 && failures > 0 && !events.is_empty(), "nothing broke, or nothing worked");
    for ((algorithm, _), times) in admitted(&events) {
        keeps_its_law(&quota(ALGORITHMS[algorithm]), &times, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_processes_that_lease_admit_one_in_a_hundred_too_many_at_most() {
    let server = RedisServer::start();
    let (events, failures) = run(&server.url(), Kind::Leased(5)).await;
    let quota = leased();
    let times: Vec<u64> = events.iter().map(|event| event.at).collect();
    assert!(times.len() as u64 > quota.at_once() * 2, "only {} were admitted", times.len());
    let most = law::most_within(&times, quota.period());
    let usual = quota.at_once() + quota.limit();
    let over = most.saturating_sub(usual);
    println!(
        "{} admitted, {failures} failed; at most {most} within {:?}, of {usual} by the law: {:.2} % too many",
        times.len(),
        quota.period(),
        over as f64 * 100.0 / quota.limit() as f64
    );
    keeps_its_law(&quota, &times, quota.limit() / 100);
}
