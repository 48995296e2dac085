//! Two ways of doing the same work, measured in turn.

use std::future::Future;
use std::time::{Duration, Instant};

/// How long and how often each side is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    pub(crate) rounds: usize,
    pub(crate) time: Duration,
    /// Single events that are timed one by one.
    pub(crate) samples: usize,
    /// How often a server is frozen.
    pub(crate) freezes: usize,
    /// Rows in the outbox that are to be drained.
    pub(crate) backlog: u64,
}

/// Operations a second of both sides in one round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    ours: f64,
    theirs: f64,
}

/// What is asked of a row.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    /// The time of an operation, ours over theirs, is at most this.
    Latency(f64),
    /// The operations a second, ours over theirs, are at least this.
    Throughput(f64),
}

/// One row of the table.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) name: String,
    pub(crate) goal: Goal,
    rounds: Vec<Round>,
}

/// Runs `ours` and `theirs` in turn, each with `callers` tasks at once; every call of either is one operation.
pub(crate) async fn measure<A, B, FA, FB>(
    name: &str,
    effort: Effort,
    callers: usize,
    goal: Goal,
    ours: A,
    theirs: B,
) -> Measured
where
    A: Fn(u64) -> FA + Clone + Send + Sync + 'static,
    B: Fn(u64) -> FB + Clone + Send + Sync + 'static,
    FA: Future<Output = ()> + Send,
    FB: Future<Output = ()> + Send,
{
    // Connections, statements and branch predictors are warm before anything counts.
    throughput(effort.time / 2, callers, &ours).await;
    throughput(effort.time / 2, callers, &theirs).await;
    let mut rounds = Vec::with_capacity(effort.rounds);
    for round in 0..effort.rounds {
        // Who goes first changes, so that neither side always follows the other's garbage.
        let (a, b) = if round % 2 == 0 {
            let a = throughput(effort.time, callers, &ours).await;
            (a, throughput(effort.time, callers, &theirs).await)
        } else {
            let b = throughput(effort.time, callers, &theirs).await;
            (throughput(effort.time, callers, &ours).await, b)
        };
        rounds.push(Round { ours: a, theirs: b });
    }
    Measured { name: name.to_owned(), goal, rounds }
}

async fn throughput<F, Fut>(time: Duration, callers: usize, operation: &F) -> f64
where
    F: Fn(u64) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send,
{
    let began = Instant::now();
    let tasks: Vec<_> = (0..callers)
        .map(|_| {
            let operation = operation.clone();
            tokio::spawn(async move {
                let mut random = fastrand::Rng::new();
                let mut count = 0_u64;
                while began.elapsed() < time {
                    operation(random.u64(..)).await;
                    count += 1;
                    // What never waits would keep everything else off its thread, the stream of invalidations too.
                    tokio::task::consume_budget().await;
                }
                count
            })
        })
        .collect();
    let mut count = 0;
    for task in tasks {
        count += task.await.unwrap_or(0);
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than a double holds")]
    let rate = count as f64 / began.elapsed().as_secs_f64();
    rate
}

impl Measured {
    /// Ours and theirs in the unit of the goal: microseconds for latency, operations a second for throughput.
    pub(crate) fn sides(&self) -> (f64, f64) {
        let of = |side: fn(&Round) -> f64| median(self.rounds.iter().map(side).collect());
        let (ours, theirs) = (of(|round| round.ours), of(|round| round.theirs));
        match self.goal {
            Goal::Latency(_) => (1e6 / ours, 1e6 / theirs),
            Goal::Throughput(_) => (ours, theirs),
        }
    }

    /// The ratio ours over theirs: median, smallest, largest.
    pub(crate) fn ratio(&self) -> (f64, f64, f64) {
        let ratios: Vec<f64> = self
            .rounds
            .iter()
            .map(|round| match self.goal {
                Goal::Latency(_) => round.theirs / round.ours,
                Goal::Throughput(_) => round.ours / round.theirs,
            })
            .collect();
        let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let most = ratios.iter().copied().fold(0.0, f64::max);
        (median(ratios), least, most)
    }

    pub(crate) fn met(&self) -> bool {
        let (ratio, _, _) = self.ratio();
        match self.goal {
            Goal::Latency(most) => ratio <= most,
            Goal::Throughput(least) => ratio >= least,
        }
    }

    /// The rounds lie so far apart that the median says little.
    pub(crate) fn noisy(&self) -> bool {
        let (_, least, most) = self.ratio();
        most > least * 2.0
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
