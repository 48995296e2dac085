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
use std::time::{Duration, Instant};

use cache_runtime::backend::MemoryCache;
use cache_runtime::testing::ManualClock;
use cache_runtime::{Ask, RateLimits};
use tests::{RedisServer, eventually};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use self::child::{ENTRY, JOB, Job, KEYS, Kind, leased, quota, seat};
use self::law::keeps_its_law;
use crate::tools::{ALGORITHMS, SECOND, key, manager};

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

/// What the processes of a run were told.
#[derive(Default)]
struct Run {
    /// In the server's order.
    events: Vec<Event>,
    /// Of leased calls that were admitted: when each was asked for and when it was answered, by this machine's clock.
    spans: Vec<(u64, u64)>,
    /// How often nothing could be decided.
    failures: u64,
}

fn from_environment(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn process(server: &str, number: usize, kind: Kind) -> Child {
    // From five seconds early to five seconds late.
    let skew = i64::try_from(number).unwrap() * 10_000 / 7 - 5_000;
    let job = Job { redis: server.to_owned(), number, skew, kind };
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([ENTRY, "--exact", "--nocapture"]).env(JOB, serde_json::to_string(&job).unwrap());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap()
}

/// Runs the processes to their end.
async fn run(server: &str, kind: Kind) -> Run {
    let children = (0..PROCESSES).map(|number| process(server, number, kind));
    let mut run = Run::default();
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
                [at, denied, algorithm, key] => run.events.push(Event {
                    at,
                    denied: denied == 1,
                    algorithm: algorithm as usize,
                    key: key as usize,
                }),
                [asked, answered] => run.spans.push((asked, answered)),
                [failed] => run.failures += failed,
                _ => panic!("{line}"),
            }
        }
    }
    // Of two at the same microsecond the one that was admitted came first: after it, and not before, another is denied.
    run.events.sort_unstable();
    run
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
    let Run { events, failures, .. } = run(&server.url(), Kind::Decisions(each)).await;
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
        keeps_its_law(&quota(algorithm), times);
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
    let Run { events, failures, .. } = running.await.unwrap();
    println!("{} decisions, {failures} failed, {breaks} breaks", events.len());
    assert!(breaks > 1 && failures > 0 && !events.is_empty(), "nothing broke, or nothing worked");
    for ((algorithm, _), times) in admitted(&events) {
        keeps_its_law(&quota(ALGORITHMS[algorithm]), &times);
    }
}

#[tokio::test]
async fn the_seat_of_a_killed_process_is_free_when_its_lease_is_over() {
    let server = RedisServer::start();
    let mut child = process(&server.url(), 0, Kind::Seat);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while lines.next_line().await.unwrap().expect("it sits before it ends") != "@seated" {}
    let here = seat(&manager(&server.url()));
    // It is alive, and renews: also after two leases nobody else has the seat.
    let begun = Instant::now();
    while begun.elapsed() < SECOND * 2 {
        assert!(here.acquire(0).await.unwrap().permit().is_none(), "it is taken");
        tokio::time::sleep(SECOND / 20).await;
    }
    child.kill().await.unwrap();
    let killed = Instant::now();
    let taken = || async { here.acquire(0).await.unwrap().permit().is_some() };
    eventually("the seat is free", taken).await;
    println!("the seat was free {:?} after the kill", killed.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_processes_that_lease_admit_one_in_a_hundred_too_many_at_most() {
    let server = RedisServer::start();
    let Run { mut spans, failures, .. } = run(&server.url(), Kind::Leased(6)).await;
    let (quota, admitted) = (leased(), spans.len() as u64);
    assert!(admitted > quota.at_once() * 2, "only {admitted} were admitted");
    for part in [100, 40, 20, 10, 4, 2, 1] {
        let length = quota.period() / part;
        let usual = quota.at_once() + quota.limit() / u64::from(part);
        let most = law::certain_within(&mut spans, length);
        let promised = usual + quota.limit() / 100;
        println!("at most {most} within {length:?}, {usual} by the law without leases");
        assert!(most <= promised, "{quota}: {most} within {length:?}, {promised} promised");
    }
    println!("{admitted} admitted, {failures} failed");
}
