//! Limits of what happens at the same time.

use std::fmt;
use std::time::Duration;

use super::{LimitKey, Quota, wrong};
use crate::entry::Token;
use crate::error::Result;

/// So many at the same time. Each has a lease, which is renewed for as long as it lives: that of a process that died runs out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Seats {
    limit: u64,
    lease: Duration,
}

impl Seats {
    /// Ten seconds: what a process held that has died is free again by then, and one that lives renews a seat every three.
    pub const DEFAULT_LEASE: Duration = Duration::from_secs(10);

    /// The shortest lease: a tenth of a second. It is renewed three times in its life, over a network.
    pub const MIN_LEASE: Duration = Duration::from_millis(100);

    /// The longest lease: a day.
    pub const MAX_LEASE: Duration = Duration::from_secs(86_400);

    /// The most seats: 100,000, as many as a [sliding log](super::Algorithm::SlidingLog) has entries, for the same reasons.
    pub const MAX: u64 = Quota::MAX_LOGGED;

    /// One at a time.
    #[cfg(feature = "rate-limit")]
    pub(crate) const ONE: Self = Self { limit: 1, lease: Self::DEFAULT_LEASE };

    /// `limit` at the same time, each with a lease.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) for a limit of 0 or above [`MAX`](Self::MAX), and for a lease shorter than
    /// [`MIN_LEASE`](Self::MIN_LEASE) or longer than [`MAX_LEASE`](Self::MAX_LEASE).
    pub fn new(limit: u64, lease: Duration) -> Result<Self> {
        if limit == 0 {
            return Err(wrong("a limit of 0 admits nothing, ever: write at least 1".to_owned()));
        }
        if limit > Self::MAX {
            let most = Self::MAX;
            return Err(wrong(format!(
                "a limit of {limit} at the same time is too large: write at most {most}"
            )));
        }
        if lease < Self::MIN_LEASE || lease > Self::MAX_LEASE {
            let message = format!(
                "a lease of {lease:?} cannot be kept: write one from 100 milliseconds to 1 day"
            );
            return Err(wrong(message));
        }
        Ok(Self { limit, lease })
    }

    /// How many at the same time.
    #[must_use]
    pub const fn limit(&self) -> u64 {
        self.limit
    }

    /// For how long a seat stays taken that is not renewed.
    #[must_use]
    pub const fn lease(&self) -> Duration {
        self.lease
    }

    /// The same in microseconds.
    #[cfg(any(feature = "memory", feature = "redis"))]
    pub(crate) fn micros(&self) -> u64 {
        u64::try_from(self.lease.as_micros()).unwrap_or(u64::MAX)
    }
}

/// `3 at the same time`
impl fmt::Display for Seats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at the same time", self.limit)
    }
}

/// One seat: who sits where.
#[derive(Clone, Debug)]
pub struct Seat {
    /// Where the seats are counted.
    pub key: LimitKey,
    /// How many there are.
    pub seats: Seats,
    /// Who takes one.
    pub holder: Token,
}
