//! Two ways of doing the same work, measured in turn.

use std::future::Future;
use std::time::{Duration, Instant};

use crate::effort::Effort;
use crate::figures::Bound;

/// What a row counts, and what is asked of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    /// The time of an operation of one caller, ours over theirs, is at most this.
    Latency(f64),
    /// The operations a second of all callers together, ours over theirs, are at least this.
    Throughput(f64),
    /// Microseconds by which all callers together have done one operation more, of which nothing is asked: the time of an
    /// operation where there is one caller.
    Untold,
}

impl Goal {
    /// At most so many times what the other side takes. What one of several callers waits cannot be told from how much all
    /// of them have done, so there it is asked of the operations a second.
    pub(crate) fn at_most(times: f64, callers: usize) -> Self {
        if callers == 1 { Self::Latency(times) } else { Self::Throughput(1.0 / times) }
    }

    fn bound(self) -> Bound {
        match self {
            Self::Latency(most) => Bound::AtMost(most),
            Self::Throughput(least) => Bound::AtLeast(least),
            Self::Untold => Bound::None,
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Self::Latency(_) | Self::Untold => "µs",
            Self::Throughput(_) => "ops/s",
        }
    }

    /// So many operations a second, in that unit.
    fn of_rate(self, rate: f64) -> f64 {
        match self {
            Self::Latency(_) | Self::Untold => 1e6 / rate,
            Self::Throughput(_) => rate,
        }
    }
}

/// One row of the table.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    /// What is asked of the ratio.
    pub(crate) bound: Bound,
    rounds: Vec<Round>,
}

/// What was measured of both sides in one round, in the row's unit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    pub(crate) ours: f64,
    pub(crate) theirs: f64,
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
    let around = Around { before: async || (), rest: async || () };
    measure_around(name, effort, callers, goal, ours, theirs, around).await
}

/// What is done beside the operations.
pub(crate) struct Around<B, R> {
    /// Before each turn of a side, untimed: to empty the caches, for instance.
    pub(crate) before: B,
    /// At the end of each turn of ours, timed: what the operations have left to be done behind their callers.
    pub(crate) rest: R,
}

/// The same, with something around each turn.
pub(crate) async fn measure_around<A, B, FA, FB>(
    name: &str,
    effort: Effort,
    callers: usize,
    goal: Goal,
    ours: A,
    theirs: B,
    around: Around<impl AsyncFn(), impl AsyncFn()>,
) -> Measured
where
    A: Fn(u64) -> FA + Clone + Send + Sync + 'static,
    B: Fn(u64) -> FB + Clone + Send + Sync + 'static,
    FA: Future<Output = ()> + Send,
    FB: Future<Output = ()> + Send,
{
    let timed = callers == 1 || !matches!(goal, Goal::Latency(_));
    assert!(timed, "{name}: of several callers nobody knows the time of one operation");
    let Around { before, rest } = around;
    let ours = async |time| {
        before().await;
        throughput(time, callers, &ours, &rest).await
    };
    let theirs = async |time| {
        before().await;
        throughput(time, callers, &theirs, async || ()).await
    };
    // Connections, statements and branch predictors are warm before anything counts.
    ours(effort.time / 2).await;
    theirs(effort.time / 2).await;
    let mut rounds = Vec::with_capacity(effort.rounds);
    for round in 0..effort.rounds {
        // Who goes first changes, so that neither side always follows the other's garbage.
        let (a, b) = if round % 2 == 0 {
            let a = ours(effort.time).await;
            (a, theirs(effort.time).await)
        } else {
            let b = theirs(effort.time).await;
            (ours(effort.time).await, b)
        };
        rounds.push(Round { ours: goal.of_rate(a), theirs: goal.of_rate(b) });
    }
    Measured::new(name, goal.unit(), goal.bound(), rounds)
}

/// Operations a second, with what is left to be done at the end.
async fn throughput<F, Fut>(
    time: Duration,
    callers: usize,
    operation: &F,
    rest: impl AsyncFn(),
) -> f64
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
        count += finished(task.await);
    }
    rest().await;
    #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than a double holds")]
    let rate = count as f64 / began.elapsed().as_secs_f64();
    rate
}

/// What a task came to. Where an operation found something else than it should, the row ends there.
pub(crate) fn finished<T>(outcome: Result<T, tokio::task::JoinError>) -> T {
    match outcome {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

impl Measured {
    /// Of rounds that were measured in another way than by the rate of an operation.
    pub(crate) fn new(name: &str, unit: &'static str, bound: Bound, rounds: Vec<Round>) -> Self {
        Self { name: name.to_owned(), unit, bound, rounds }
    }

    /// Of rounds whose operations were so many each: what one of them takes.
    pub(crate) fn each(mut self, many: u32) -> Self {
        let (unit, by) = match self.unit {
            "µs" => ("ns", 1e3 / f64::from(many)),
            unit => (unit, f64::from(many)),
        };
        self.unit = unit;
        for round in &mut self.rounds {
            *round = Round { ours: round.ours * by, theirs: round.theirs * by };
        }
        self
    }

    /// The medians of both sides, ours first.
    pub(crate) fn sides(&self) -> (f64, f64) {
        let of = |side: fn(&Round) -> f64| median(self.rounds.iter().map(side).collect());
        (of(|round| round.ours), of(|round| round.theirs))
    }

    /// The ratio ours over theirs: median, smallest, largest.
    pub(crate) fn ratio(&self) -> (f64, f64, f64) {
        let ratios: Vec<f64> = self.rounds.iter().map(|round| round.ours / round.theirs).collect();
        let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let most = ratios.iter().copied().fold(0.0, f64::max);
        (median(ratios), least, most)
    }

    /// The rounds lie so far apart that the median says little.
    pub(crate) fn noisy(&self) -> bool {
        let (_, least, most) = self.ratio();
        most > least * 2.0
    }
}

/// The middle one, or the mean of the two in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = |place: usize| values.get(place).copied().unwrap_or(f64::NAN);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { at(middle) } else { at(middle.wrapping_sub(1)).midpoint(at(middle)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_does_not_mind_the_order() {
        assert_eq!(median(vec![9.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 9.0]), 3.0);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn the_ratio_is_that_of_the_rounds_and_not_of_the_medians() {
        let round = |ours, theirs| Round { ours, theirs };
        let rounds = vec![round(1.0, 1.0), round(20.0, 10.0), round(3.0, 1.0)];
        let measured = Measured::new("a row", "µs", Bound::AtMost(2.0), rounds);
        assert_eq!(measured.ratio(), (2.0, 1.0, 3.0));
        assert_eq!(measured.sides(), (3.0, 1.0));
        assert!(measured.noisy());
    }

    #[test]
    fn of_several_callers_it_is_the_rate_that_is_asked_for() {
        assert!(matches!(Goal::at_most(1.25, 1), Goal::Latency(1.25)));
        assert!(matches!(Goal::at_most(1.25, 64), Goal::Throughput(0.8)));
    }

    #[tokio::test]
    #[should_panic(expected = "of several callers nobody knows the time")]
    async fn a_time_of_several_callers_is_refused() {
        let effort = Effort { rounds: 0, time: Duration::ZERO, ..Effort::QUICK };
        measure("a row", effort, 2, Goal::Latency(1.0), async |_| (), async |_| ()).await;
    }

    #[tokio::test]
    async fn what_is_left_to_be_done_is_timed_and_what_comes_before_is_not() {
        let effort = Effort { rounds: 1, time: Duration::from_millis(1), ..Effort::QUICK };
        let pause = async || tokio::time::sleep(Duration::from_millis(400)).await;
        let one = |_: u64| tokio::time::sleep(Duration::from_millis(1));
        let around = Around { before: pause, rest: async || () };
        let before = measure_around("a row", effort, 1, Goal::Untold, one, one, around).await;
        assert!(before.rounds.iter().all(|round| round.ours < 3e5), "{before:?}");
        let around = Around { before: async || (), rest: pause };
        let rest = measure_around("a row", effort, 1, Goal::Untold, one, one, around).await;
        assert!(rest.rounds.iter().all(|round| round.ours > 3e5 && round.theirs < 3e5), "{rest:?}");
    }

    #[test]
    fn what_was_done_many_times_is_told_of_one() {
        let round = Round { ours: 50.0, theirs: 25.0 };
        let time = Measured::new("a row", "µs", Bound::None, vec![round]).each(250);
        assert_eq!((time.unit, time.sides()), ("ns", (200.0, 100.0)));
        let rate = Measured::new("a row", "ops/s", Bound::None, vec![round]).each(250);
        assert_eq!((rate.unit, rate.sides()), ("ops/s", (12_500.0, 6_250.0)));
    }
}
