//! Whether the tier may answer: its stream stands, and has lately proved that nothing is missing.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::Moment;

/// [`Moment::LAG`] in nanoseconds.
const LAG: u64 = brief(Moment::LAG);

/// Nanoseconds, as many as there can be at most: without the wide numbers of [`Duration::as_nanos`], each read counts so.
const fn brief(time: Duration) -> u64 {
    time.as_secs().saturating_mul(1_000_000_000).saturating_add(time.subsec_nanos() as u64)
}

/// An epoch is odd while the stream stands. Whatever makes the kept values worthless moves on to the next.
#[derive(Debug, Default)]
pub(super) struct Proof {
    epoch: AtomicU32,
    /// When the last beat was sent that has come back, on both clocks; zero for none in this epoch. Read apart: each
    /// half is checked for itself, and each is written only with a proof that holds.
    running: AtomicU64,
    wall: AtomicU64,
}

impl Proof {
    /// Whether a beat that was sent less than `bound` before `now` has come back.
    #[inline]
    pub(super) fn holds(&self, now: Moment, bound: Duration) -> bool {
        let sent = (self.running.load(Ordering::Acquire), self.wall.load(Ordering::Acquire));
        let (running, wall) = now.parts();
        let age = running.saturating_sub(sent.0).max(wall.saturating_sub(sent.1));
        // A moment may lag, and so look younger than it is.
        sent.0 != 0 && sent.1 != 0 && age.saturating_add(LAG) < brief(bound)
    }

    /// How long ago the last beat was sent that has come back; `None` where none has since the stream stands.
    pub(super) fn age(&self, now: Moment) -> Option<Duration> {
        let sent = (self.running.load(Ordering::Acquire), self.wall.load(Ordering::Acquire));
        (sent.0 != 0 && sent.1 != 0).then(|| Moment::from_parts(sent).age(now))
    }

    /// The epoch, while the stream stands.
    #[inline]
    pub(super) fn epoch(&self) -> Option<u32> {
        let epoch = self.epoch.load(Ordering::Acquire);
        (epoch % 2 == 1).then_some(epoch)
    }

    pub(super) fn set(&self, sent: Moment) {
        let (running, wall) = sent.parts();
        self.running.store(running.max(1), Ordering::Release);
        self.wall.store(wall.max(1), Ordering::Release);
    }

    /// The next epoch of a stream that stands.
    pub(super) fn turn(&self) {
        self.epoch.fetch_add(2, Ordering::AcqRel);
    }

    pub(super) fn shut(&self) {
        self.running.store(0, Ordering::Release);
        self.wall.store(0, Ordering::Release);
        if self.epoch().is_some() {
            self.epoch.fetch_add(1, Ordering::AcqRel);
        }
    }

    pub(super) fn open(&self) {
        if self.epoch().is_none() {
            self.epoch.fetch_add(1, Ordering::AcqRel);
        }
    }
}
