//! What a process of a run does.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use cache_runtime::{
    Algorithm, CacheManager, Clock, ConcurrencyLimit, Decision, OnError, Quota, RateLimit, Seats,
    SystemClock,
};
use serde::{Deserialize, Serialize};

use crate::tools::{ALGORITHMS, SECOND, patient};

/// The variable that tells a process what to do.
pub(super) const JOB: &str = "RATE_LIMIT_JOB";
/// The test that is the process.
pub(super) const ENTRY: &str = "processes::child::a_process_of_a_run_or_nothing";
pub(super) const KEYS: usize = 4;

const TASKS: u64 = 8;

#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) enum Kind {
    /// So many decisions.
    Decisions(u64),
    /// For so many seconds, whatever becomes of the server.
    Seconds(u64),
    /// For so many seconds with leased calls.
    Leased(u64),
    /// Takes a seat, says so, and keeps it until it is killed.
    Seat,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Job {
    pub(super) redis: String,
    pub(super) number: usize,
    /// By how many milliseconds the clock is off.
    pub(super) skew: i64,
    pub(super) kind: Kind,
}

/// Small enough to be reached all the time.
pub(super) fn quota(algorithm: Algorithm) -> Quota {
    let quota = Quota::new(algorithm, 60, SECOND / 5).unwrap();
    if algorithm.has_burst() { quota.burst(20).unwrap() } else { quota }
}

/// Large enough that a hundredth of it is something.
pub(super) fn leased() -> Quota {
    Quota::new(Algorithm::Gcra, 20_000, SECOND * 2).unwrap().burst(2_000).unwrap()
}

/// One seat, and a lease that ends while a test waits.
pub(super) fn seat(manager: &CacheManager) -> ConcurrencyLimit {
    let seats = Seats::new(1, SECOND).unwrap();
    let builder = manager.concurrency_limit("reports").seats(seats);
    builder.on_error(OnError::Deny).build().unwrap()
}

/// A clock that is early or late.
#[derive(Debug)]
struct Skewed(SystemClock, i64);

impl Clock for Skewed {
    fn elapsed(&self) -> Duration {
        // Ten seconds on, so that none is before the beginning.
        let millis = u64::try_from(10_000 + self.1).unwrap();
        self.0.elapsed() + Duration::from_millis(millis)
    }

    fn unix_millis(&self) -> u64 {
        self.0.unix_millis().checked_add_signed(self.1).unwrap()
    }
}

/// Without the variable there is nothing to do: a run starts this test in processes of its own.
#[test]
fn a_process_of_a_run_or_nothing() {
    let Ok(job) = std::env::var(JOB) else { return };
    // Its parent holds the other end, and dies by itself.
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    let job: Job = serde_json::from_str(&job).unwrap();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let said = runtime.worker_threads(2).enable_all().build().unwrap().block_on(work(job));
    let mut out = std::io::stdout().lock();
    out.write_all(format!("\n{said}").as_bytes()).unwrap();
    out.flush().unwrap();
}

/// What it was told, a line each.
async fn work(job: Job) -> String {
    let clock = Skewed(SystemClock::new(), job.skew);
    let builder = CacheManager::builder("shop").backend(Arc::new(patient(&job.redis)));
    let manager = builder.clock(Arc::new(clock)).build().unwrap();
    if matches!(job.kind, Kind::Seat) {
        let _permit = seat(&manager).acquire(0).await.unwrap().permit().expect("a seat");
        println!("\n@seated");
        return std::future::pending().await;
    }
    let made =
        |name: &str, quota: Quota| manager.rate_limit(name).quota(quota).on_error(OnError::Deny);
    let limits: Vec<RateLimit> = match job.kind {
        Kind::Leased(_) => vec![made("leased", leased()).local().build().unwrap()],
        _ => ALGORITHMS
            .map(|algorithm| made(algorithm.name(), quota(algorithm)).build().unwrap())
            .to_vec(),
    };
    let ends = match job.kind {
        Kind::Decisions(_) | Kind::Seat => None,
        Kind::Seconds(seconds) | Kind::Leased(seconds) => {
            Some(Instant::now() + SECOND * seconds as u32)
        }
    };
    let left = Arc::new(AtomicU64::new(match job.kind {
        Kind::Decisions(decisions) => decisions,
        Kind::Seconds(_) | Kind::Leased(_) | Kind::Seat => u64::MAX,
    }));
    let tasks: Vec<_> = (0..TASKS)
        .map(|number| match (job.kind, ends) {
            (Kind::Leased(_), Some(ends)) => tokio::spawn(leasing(limits[0].clone(), number, ends)),
            _ => tokio::spawn(task(limits.clone(), Arc::clone(&left), ends)),
        })
        .collect();
    let mut said = String::new();
    for task in tasks {
        said.push_str(&task.await.unwrap());
    }
    said
}

async fn task(limits: Vec<RateLimit>, left: Arc<AtomicU64>, ends: Option<Instant>) -> String {
    let (mut said, mut failures) = (String::new(), 0_u64);
    while ends.is_none_or(|ends| Instant::now() < ends) {
        let fewer = |left: u64| left.checked_sub(1);
        if left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer).is_err() {
            break;
        }
        let algorithm = fastrand::usize(..limits.len());
        let key = fastrand::usize(..KEYS);
        let decision = limits[algorithm].check(key).await.unwrap();
        if decision.by_failure {
            failures += 1;
            tokio::time::sleep(Duration::from_millis(1)).await;
            continue;
        }
        tell(&mut said, &decision, algorithm, key);
    }
    let _ = writeln!(said, "@{failures}");
    said
}

/// Uses leased calls as would admit too many if they could be hoarded: for half a second all that can be had; then each
/// process leases more than it uses; and after a rest, in which the bucket is full again, all at once want all.
async fn leasing(limit: RateLimit, number: u64, ends: Instant) -> String {
    const CYCLE: u64 = 1_500_000;
    /// A batch of as many has been leased before so many calls were made, and most of it is left.
    const SHARE: u64 = 150;
    let (mut said, mut failures, mut share) = (String::new(), 0_u64, 0);
    while Instant::now() < ends {
        // What a decision tells of its time is reckoned from the lease: here the machine's own clock is asked.
        let asked = unix_micros();
        match asked % CYCLE {
            0..500_000 => share = SHARE,
            900_000..1_000_000 if number == 0 && share > 0 => share -= 1,
            _ => {
                tokio::time::sleep(Duration::from_millis(1)).await;
                continue;
            }
        }
        let decision = limit.check(0).await.unwrap();
        failures += u64::from(decision.by_failure);
        if decision.admitted {
            let _ = writeln!(said, "@{asked} {}", unix_micros());
        } else {
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
    }
    let _ = writeln!(said, "@{failures}");
    said
}

fn unix_micros() -> u64 {
    let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    u64::try_from(time.as_micros()).unwrap()
}

fn tell(said: &mut String, decision: &Decision, algorithm: usize, key: usize) {
    let at = decision.verdicts()[0].at.as_micros();
    let denied = u8::from(!decision.admitted);
    let _ = writeln!(said, "@{at} {denied} {algorithm} {key}");
}
