//! How often, and after what pauses, something that failed is tried again.

use std::time::Duration;

/// A pause that nobody waits for, and that a share of can be taken.
const MOST: Duration = Duration::from_secs(24 * 3600);

/// How often something that failed is tried again, and after what pauses: exponential backoff with full jitter.
///
/// Before the n-th retry there is a pause that is drawn evenly between nothing and `base × 2^(n-1)`, and never longer
/// than `longest`. Of the ways to spread retries that were compared in *Exponential Backoff And Jitter* (Marc Brooker,
/// AWS Architecture Blog, 2015), this "full jitter" takes the least work of all callers together: those that failed
/// together do not come back together.
///
/// It says nothing of what may be repeated. Only what is the same when it is done twice may be: a read, a deletion,
/// a write of one value at one key; never an increment, a push or a pop, whose first attempt may have arrived although
/// its answer did not.
///
/// ```
/// use std::time::Duration;
/// use cache_runtime::Retry;
///
/// let retry = Retry::new(3).base(Duration::from_millis(20));
/// assert_eq!(retry.pauses().count(), 3);
/// assert!(retry.pauses().next() <= Some(Duration::from_millis(20)));
/// assert_eq!(Retry::NEVER.pauses().count(), 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Retry {
    retries: u32,
    base: Duration,
    longest: Duration,
}

impl Retry {
    /// What failed once has failed.
    pub const NEVER: Self = Self::new(0);

    /// So many tries after the first; the first pause below 10 ms, none above 100 ms. Within a round trip or two a
    /// server nearby has taken a new connection, and whoever waits longer than a tenth of a second is better served by
    /// the database.
    pub const fn new(retries: u32) -> Self {
        Self { retries, base: Duration::from_millis(10), longest: Duration::from_millis(100) }
    }

    /// The bound of the first pause; zero: no pauses.
    pub const fn base(mut self, pause: Duration) -> Self {
        self.base = pause;
        self
    }

    /// The bound of every pause.
    pub const fn longest(mut self, pause: Duration) -> Self {
        self.longest = pause;
        self
    }

    /// How many tries follow the first, at most.
    #[must_use]
    pub const fn retries(&self) -> u32 {
        self.retries
    }

    /// The pauses, one before each retry.
    pub fn pauses(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        self.pauses_drawn_by(fastrand::f64)
    }

    /// The same, with a share of the bound from 0 to 1 that somebody else draws.
    fn pauses_drawn_by(self, draw: impl Fn() -> f64) -> impl Iterator<Item = Duration> {
        (0..self.retries).map(move |retry| self.bound(retry).mul_f64(draw().clamp(0.0, 1.0)))
    }

    fn bound(&self, retry: u32) -> Duration {
        let factor = 1_u32.checked_shl(retry).unwrap_or(u32::MAX);
        self.base.checked_mul(factor).unwrap_or(Duration::MAX).min(self.longest).min(MOST)
    }
}

impl Default for Retry {
    /// One retry. A connection that broke tells nothing of the server: it may have been idle for too long, or the
    /// server has restarted, and the next one mostly works. A second failure in a row mostly means that the server is
    /// away, which the breaker finds out and a further try does not change.
    fn default() -> Self {
        Self::new(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(retry: Retry) -> Vec<u128> {
        retry.pauses_drawn_by(|| 1.0).map(|pause| pause.as_millis()).collect()
    }

    #[test]
    fn the_bound_doubles_up_to_the_longest() {
        assert_eq!(bounds(Retry::new(6)), [10, 20, 40, 80, 100, 100]);
        let retry = Retry::new(3).base(Duration::from_millis(7)).longest(Duration::from_secs(1));
        assert_eq!(bounds(retry), [7, 14, 28]);
        assert_eq!(bounds(Retry::NEVER), [0_u128; 0]);
    }

    #[test]
    fn many_retries_never_overflow() {
        let retry = Retry::new(200).base(Duration::MAX).longest(Duration::from_secs(1));
        assert!(bounds(retry).iter().all(|bound| *bound == 1000));
        let retry = Retry::new(40).base(Duration::MAX).longest(Duration::MAX);
        assert!(bounds(retry).is_sorted());
    }

    #[test]
    fn a_pause_may_be_anything_below_its_bound() {
        let retry = Retry::new(1).base(Duration::from_secs(1)).longest(Duration::from_secs(1));
        let pauses: Vec<_> = (0..1000).flat_map(|_| retry.pauses()).collect();
        let within = |from: f64, to: f64| {
            pauses.iter().filter(|pause| (from..to).contains(&pause.as_secs_f64())).count()
        };
        // Even thirds, each some 333: full jitter, not equal jitter.
        assert_eq!(within(0.0, 1.0), 1000);
        for third in [within(0.0, 0.33), within(0.33, 0.66), within(0.66, 1.0)] {
            assert!((200..470).contains(&third), "{third} of 1000");
        }
    }
}
