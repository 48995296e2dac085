//! Each algorithm as one would explain it: slow, and from everything that was ever counted.

use crate::quota::{Algorithm, Quota};

pub(super) struct Model {
    quota: Quota,
    /// When how much was counted.
    calls: Vec<(u64, u64)>,
}

impl Model {
    pub(super) fn new(quota: Quota) -> Self {
        Self { quota, calls: Vec::new() }
    }

    pub(super) fn count(&mut self, now: u64, n: u64) {
        if n > 0 {
            self.calls.push((now, n));
        }
    }

    /// Whether a call that counts `cost` is admitted, and how much would be.
    pub(super) fn look(&self, now: u64, cost: u64) -> (bool, u64) {
        let free = match self.quota.algorithm() {
            Algorithm::Gcra | Algorithm::TokenBucket => self.bucket(now),
            Algorithm::FixedWindow => self.rest(self.between(self.window(now), now + 1)),
            Algorithm::SlidingCounter => self.sliding(now),
            Algorithm::SlidingLog => {
                self.rest(self.between((now + 1).saturating_sub(self.quota.micros()), now + 1))
            }
        };
        (cost <= free, free)
    }

    fn rest(&self, counted: u64) -> u64 {
        self.quota.limit().saturating_sub(counted)
    }

    /// What was counted from `from` to right before `to`.
    fn between(&self, from: u64, to: u64) -> u64 {
        self.calls.iter().filter(|(at, _)| (from..to).contains(at)).map(|(_, n)| n).sum()
    }

    fn window(&self, now: u64) -> u64 {
        now / self.quota.micros() * self.quota.micros()
    }

    /// Tokens in parts, as many to a token as the period has microseconds; a microsecond brings as many as the limit says.
    fn bucket(&self, now: u64) -> u64 {
        let (token, rate) = (u128::from(self.quota.micros()), u128::from(self.quota.limit()));
        let most = u128::from(self.quota.at_once()) * token;
        let (mut level, mut then) = (most, 0);
        for &(at, n) in self.calls.iter().chain([&(now, 0)]) {
            level = most.min(level + u128::from(at - then) * rate);
            level -= u128::from(n) * token;
            then = at;
        }
        (level / token) as u64
    }

    /// The largest `n` for which the weighted window before, this one and `n` stay within the limit.
    fn sliding(&self, now: u64) -> u64 {
        let (start, period) = (self.window(now), self.quota.micros());
        let before = i128::from(self.between(start.saturating_sub(period), start));
        let count = i128::from(self.between(start, now + 1));
        let (period, since) = (i128::from(period), i128::from(now - start));
        let room = (i128::from(self.quota.limit()) - count) * period - before * (period - since);
        u64::try_from(room.div_euclid(period)).unwrap_or(0)
    }
}
