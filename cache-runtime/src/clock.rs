//! The one clock that "now" comes from.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where "now" comes from: lifetimes in memory, bounds, the age of a value. Pauses between tries are tokio's. Tests put a
/// manual clock here.
pub trait Clock: Debug + Send + Sync + 'static {
    /// Time since a fixed origin of this clock; it never goes back.
    fn elapsed(&self) -> Duration;

    /// Milliseconds since the Unix epoch, for what is shown to a person. Never used to order anything.
    fn unix_millis(&self) -> u64;

    /// Now, for telling how long ago something was. It may lag by up to [`Moment::LAG`], and costs a few nanoseconds.
    ///
    /// The default puts [`elapsed`](Self::elapsed) on both sides of the moment. A clock of one's own that keeps it is
    /// protected from suspend only as far as its `elapsed` counts the time that the machine sleeps: where that stands still,
    /// as the standard library's `Instant` may, the tier in the process may be believed for as much longer than its bound as
    /// the machine was suspended. [`SystemClock`] has the wall clock on the other side.
    fn moment(&self) -> Moment {
        let elapsed = nanos(self.elapsed());
        Moment { running: elapsed, wall: elapsed }
    }
}

/// A moment on two clocks at once: one that never goes back but may stand still while the machine is suspended, and the
/// wall clock, which counts suspend but may be set. What is old by either of them is old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    running: u64,
    wall: u64,
}

impl Moment {
    /// By how much a moment may lag behind the time: the kernel moves its coarse clocks once a tick, at least a hundred
    /// times a second.
    pub const LAG: Duration = Duration::from_millis(10);

    /// How long before `now` this moment was.
    #[inline]
    #[must_use]
    pub fn age(self, now: Self) -> Duration {
        let running = now.running.saturating_sub(self.running);
        Duration::from_nanos(running.max(now.wall.saturating_sub(self.wall)))
    }

    /// By how much more the wall clock has moved up to `now` than the one that may stand still: the time that the
    /// machine was suspended, or the clock was set forward.
    pub(crate) fn suspended(self, now: Self) -> Duration {
        let running = now.running.saturating_sub(self.running);
        Duration::from_nanos(now.wall.saturating_sub(self.wall).saturating_sub(running))
    }

    /// Nanoseconds of both clocks.
    #[inline]
    pub(crate) fn parts(self) -> (u64, u64) {
        (self.running, self.wall)
    }

    #[inline]
    pub(crate) fn from_parts((running, wall): (u64, u64)) -> Self {
        Self { running, wall }
    }
}

/// Some 580 years.
pub(crate) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The clock of the operating system.
#[derive(Debug)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// A clock whose origin is now.
    #[must_use]
    pub fn new() -> Self {
        Self { origin: Instant::now() }
    }

    /// The same, as the shared handle that everything takes.
    #[must_use]
    pub fn shared() -> Arc<dyn Clock> {
        Arc::new(Self::new())
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn elapsed(&self) -> Duration {
        self.origin.elapsed()
    }

    fn unix_millis(&self) -> u64 {
        u64::try_from(since_epoch().as_millis()).unwrap_or(u64::MAX)
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn moment(&self) -> Moment {
        use rustix::time::{ClockId, clock_gettime};
        // Two reads of 2 ns each; one of the exact clock that counts suspend takes 24.
        let read = |clock| {
            let time = clock_gettime(clock);
            let (seconds, rest) = (time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs());
            seconds.saturating_mul(1_000_000_000).saturating_add(rest)
        };
        Moment { running: read(ClockId::MonotonicCoarse), wall: read(ClockId::RealtimeCoarse) }
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn moment(&self) -> Moment {
        Moment { running: nanos(self.elapsed()), wall: nanos(since_epoch()) }
    }
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_as_old_as_the_clock_that_moved_more_says() {
        let then = Moment { running: 1_000, wall: 50_000 };
        let suspended = Moment { running: 1_100, wall: 51_000 };
        assert_eq!(then.age(suspended), Duration::from_nanos(1_000));
        assert_eq!(then.suspended(suspended), Duration::from_nanos(900));
        let set_back = Moment { running: 3_000, wall: 40_000 };
        assert_eq!(then.age(set_back), Duration::from_nanos(2_000));
        assert_eq!(then.suspended(set_back), Duration::ZERO);
    }

    #[test]
    fn the_systems_moments_follow_its_clock() {
        let clock = SystemClock::new();
        let (then, began) = (clock.moment(), clock.elapsed());
        while clock.elapsed() - began < Moment::LAG * 3 {
            std::hint::spin_loop();
        }
        let (age, took) = (then.age(clock.moment()), clock.elapsed() - began);
        assert!(age + Moment::LAG >= took, "{age:?} of {took:?}");
        assert!(age <= took + Moment::LAG * 2, "{age:?} of {took:?}");
    }
}
