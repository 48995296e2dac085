//! The one clock of a run: `CLOCK_MONOTONIC`, which all processes of a machine share.

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds on that clock.
pub(crate) type Moment = u64;

/// Later than everything.
pub(crate) const NEVER: Moment = Moment::MAX;

pub(crate) const MILLISECOND: Moment = 1_000_000;
pub(crate) const SECOND: Moment = 1_000 * MILLISECOND;

pub(crate) fn now() -> Moment {
    let time = clock_gettime(ClockId::Monotonic);
    let part = |number: i64| u64::try_from(number).unwrap_or(0);
    part(time.tv_sec) * SECOND + part(time.tv_nsec)
}
