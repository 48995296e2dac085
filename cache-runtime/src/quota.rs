//! Quotas: how much of something may happen in how much time, and the arithmetic that decides.
//!
//! Everything is counted in whole microseconds and whole parts of one, so that a decision is exact however long a quota
//! has been in use, and the same on every backend. `docs/rate-limits.md` has what each algorithm promises.

mod ask;
mod seats;
#[cfg(any(feature = "memory", test))]
mod state;

use std::fmt;
use std::time::Duration;

pub use self::ask::{Ask, LimitKey, Verdict};
pub use self::seats::{Seat, Seats};
#[cfg(feature = "memory")]
pub(crate) use self::state::{State, judge};
use crate::error::{Error, ErrorKind, Result};

/// How calls are counted against a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// One call every `period / limit`, and `burst` at once after a rest. In any time `t`, however it lies, no more than
    /// `burst + t · limit / period` calls. The generic cell rate algorithm in its form of virtual scheduling, as ITU-T
    /// I.371 has it. A key takes one short string.
    Gcra,
    /// A bucket of `burst` tokens that fills with `limit` tokens a period; each call takes one. The same law as
    /// [`Gcra`](Self::Gcra) seen from the other side: I.371 calls it the continuous-state leaky bucket, and shows that
    /// both decide alike.
    TokenBucket,
    /// No more than `limit` calls in each window of a period; windows follow each other on the server's clock. Around the
    /// end of a window twice as many may come within a short time. A key takes one short string.
    FixedWindow,
    /// Fixed windows, of which the one before counts for the part of it that a window ending now would cover: as if its
    /// calls had come evenly. An estimate, cheap and close where they do; where they all came at its end, nearly twice the
    /// limit may come within one period. A key takes one short string.
    SlidingCounter,
    /// Every call is remembered: no more than `limit` within any one period, however it lies. A key takes some 100 bytes for
    /// each call of the last period, so the limit is at most [`Quota::MAX_LOGGED`].
    SlidingLog,
}

impl Algorithm {
    pub(crate) const ALL: [Self; 5] =
        [Self::Gcra, Self::TokenBucket, Self::FixedWindow, Self::SlidingCounter, Self::SlidingLog];

    /// Its name, in annotations and in keys: `gcra`, `token_bucket`, `fixed_window`, `sliding_counter`, `sliding_log`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gcra => "gcra",
            Self::TokenBucket => "token_bucket",
            Self::FixedWindow => "fixed_window",
            Self::SlidingCounter => "sliding_counter",
            Self::SlidingLog => "sliding_log",
        }
    }

    /// The algorithm of this name.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) for any other, with the names that there are.
    pub fn named(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join("`, `");
            wrong(format!("there is no algorithm `{name}`: there are `{names}`"))
        })
    }

    /// Whether calls are counted in a bucket, which has a burst.
    #[must_use]
    pub const fn has_burst(self) -> bool {
        matches!(self, Self::Gcra | Self::TokenBucket)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// So many calls in so much time, counted in one way. One that admits nothing, or makes no sense, cannot be made.
///
/// ```
/// use std::time::Duration;
/// use cache_runtime::{Algorithm, Quota};
///
/// let minute = Duration::from_secs(60);
/// let quota = Quota::new(Algorithm::Gcra, 5, minute)?.burst(2)?;
/// assert_eq!((quota.limit(), quota.period()), (5, minute));
/// assert!(Quota::new(Algorithm::Gcra, 0, minute).is_err());
/// assert!(quota.burst(6).is_err());
/// # Ok::<(), cache_runtime::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quota {
    algorithm: Algorithm,
    limit: u64,
    /// In microseconds.
    period: u64,
    burst: u64,
}

impl Quota {
    /// The largest limit: 90,000,000. The product of two of them is still a whole number for the server's scripts.
    pub const MAX_LIMIT: u64 = 90_000_000;

    /// The largest limit of a [sliding log](Algorithm::SlidingLog): 100,000, some 10 MB a key. More calls than that in a key's
    /// period would also keep the server for milliseconds when they age out together.
    pub const MAX_LOGGED: u64 = 100_000;

    /// The shortest period: a millisecond, the smallest time that annotations and files can say.
    pub const MIN_PERIOD: Duration = Duration::from_millis(1);

    /// The longest period: 3,650 days.
    pub const MAX_PERIOD: Duration = Duration::from_secs(3_650 * 86_400);

    /// `limit` calls in each `period`; all of them may come at once, unless [`burst`](Self::burst) says otherwise.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) for a limit of 0 or above [`MAX_LIMIT`](Self::MAX_LIMIT) (of a sliding log,
    /// [`MAX_LOGGED`](Self::MAX_LOGGED)), and for a period that is shorter than [`MIN_PERIOD`](Self::MIN_PERIOD), longer than
    /// [`MAX_PERIOD`](Self::MAX_PERIOD) or no whole number of microseconds.
    pub fn new(algorithm: Algorithm, limit: u64, period: Duration) -> Result<Self> {
        let most = match algorithm {
            Algorithm::SlidingLog => Self::MAX_LOGGED,
            _ => Self::MAX_LIMIT,
        };
        if limit == 0 {
            return Err(wrong("a limit of 0 admits nothing, ever: write at least 1".to_owned()));
        }
        if limit > most {
            let instead = match algorithm {
                Algorithm::SlidingLog => ", or `sliding_counter`, which remembers two numbers",
                _ => "",
            };
            let message = format!(
                "a limit of {limit} is too large for `{algorithm}`: write at most {most}{instead}"
            );
            return Err(wrong(message));
        }
        if period.is_zero() {
            return Err(wrong(
                "a period of no time has no limit: write how long, such as 1m".to_owned(),
            ));
        }
        let whole = period.subsec_nanos().is_multiple_of(1_000);
        if period < Self::MIN_PERIOD || period > Self::MAX_PERIOD || !whole {
            let message = format!(
                "a period of {period:?} cannot be counted: write one from 1 millisecond to 3650 days, in whole microseconds"
            );
            return Err(wrong(message));
        }
        let period = u64::try_from(period.as_micros()).unwrap_or(u64::MAX);
        Ok(Self { algorithm, limit, period, burst: limit })
    }

    /// How many calls may come at once, of a [`Gcra`](Algorithm::Gcra) or a [`TokenBucket`](Algorithm::TokenBucket): from 1 to
    /// the limit, which is the default, so that nobody is refused who stays within the limit over each period.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) for 0, for more than the limit, and for the other algorithms, which have none.
    pub fn burst(self, burst: u64) -> Result<Self> {
        let Self { algorithm, limit, .. } = self;
        if !algorithm.has_burst() {
            let message = format!(
                "`{algorithm}` has no burst, the whole limit may come at once: leave it out, or use `gcra` or `token_bucket`"
            );
            return Err(wrong(message));
        }
        if burst == 0 {
            return Err(wrong("a burst of 0 admits nothing, ever: write at least 1".to_owned()));
        }
        if burst > limit {
            let message = format!(
                "a burst of {burst} is above the limit of {limit}: write at most {limit}, or raise the limit"
            );
            return Err(wrong(message));
        }
        Ok(Self { burst, ..self })
    }

    /// How calls are counted.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// How many calls in a [`period`](Self::period).
    #[must_use]
    pub const fn limit(&self) -> u64 {
        self.limit
    }

    /// In how much time.
    #[must_use]
    pub const fn period(&self) -> Duration {
        Duration::from_micros(self.period)
    }

    /// The same in microseconds.
    #[cfg(any(feature = "memory", feature = "redis", test))]
    pub(crate) const fn micros(&self) -> u64 {
        self.period
    }

    /// The most that can be admitted at one moment, and the most that one call may cost.
    #[must_use]
    pub const fn at_once(&self) -> u64 {
        self.burst
    }
}

/// `5 in 60s (gcra, 2 at once)`
impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {:?} ({}", self.limit, self.period(), self.algorithm)?;
        if self.burst < self.limit {
            write!(f, ", {} at once", self.burst)?;
        }
        f.write_str(")")
    }
}

fn wrong(message: String) -> Error {
    Error::new(ErrorKind::Config, message)
}

#[cfg(test)]
mod tests;
