//! What a quota remembers, and how it decides: whole numbers in, whole numbers out, all times in microseconds.

use std::collections::VecDeque;

use super::{Algorithm, Ask, Quota, Verdict};

/// What is remembered of the calls that were counted at one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The time at which nothing is counted any more, in parts of a microsecond; `limit` of them make one.
    Bucket { until: u128, limit: u64 },
    /// What was counted in the window that begins at `start`, and, of a sliding window, in the one before.
    Window { period: u64, start: u64, before: u64, count: u64 },
    /// When how much was counted, how much in all, and for how long that counts.
    Log { period: u64, calls: VecDeque<(u64, u64)>, sum: u64 },
}

/// Decides about one call under several limits, each with the state at its key: it is counted under all or under none, and
/// with `counts` off under none. A log is then left as it is: it may be long, and is read without being changed.
pub(crate) fn judge(states: &mut [State], asks: &[Ask], now: u64, counts: bool) -> Vec<Verdict> {
    let mut all = counts;
    let mut extra = u64::MAX;
    let mut frees = Vec::with_capacity(asks.len());
    for (state, ask) in states.iter_mut().zip(asks) {
        if counts || !matches!(state, State::Log { .. }) {
            state.settle(&ask.quota, now);
        }
        let free = state.free(&ask.quota, now);
        all &= free >= ask.cost;
        extra = extra.min(ask.extra).min(free.saturating_sub(ask.cost));
        frees.push(free);
    }
    let decide = |((state, ask), free): ((&mut State, &Ask), u64)| {
        let quota = &ask.quota;
        let granted = if all { ask.cost + extra } else { 0 };
        if granted > 0 {
            state.take(quota, now, granted);
        }
        let times = [state.reset(quota, now), state.retry(quota, now, ask.cost), now];
        Verdict::new(free >= ask.cost, granted, free - granted, times)
    };
    states.iter_mut().zip(asks).zip(frees).map(decide).collect()
}

impl State {
    /// Where nothing was counted yet.
    pub(crate) fn new(quota: &Quota) -> Self {
        match quota.algorithm() {
            Algorithm::Gcra | Algorithm::TokenBucket => {
                Self::Bucket { until: 0, limit: quota.limit() }
            }
            Algorithm::FixedWindow | Algorithm::SlidingCounter => {
                Self::Window { period: quota.micros(), start: 0, before: 0, count: 0 }
            }
            Algorithm::SlidingLog => {
                Self::Log { period: quota.micros(), calls: VecDeque::new(), sum: 0 }
            }
        }
    }

    /// Leaves behind what is over by now, and what another quota has counted in another way.
    fn settle(&mut self, quota: &Quota, now: u64) {
        let period = quota.micros();
        match self {
            Self::Bucket { until, limit } => {
                if *limit != quota.limit() {
                    *until = until.div_ceil(u128::from(*limit)) * u128::from(quota.limit());
                    *limit = quota.limit();
                }
                // More than full is what another quota has left there, or a clock that was set back.
                let now = u128::from(now) * u128::from(*limit);
                *until = (*until).clamp(now, now + full(quota));
            }
            Self::Window { period: counted, start, before, count } => {
                let same = *counted == period;
                let (last, count_then) = (*before, *count);
                let window = now - now % period;
                (*before, *count) = if same && *start > window {
                    // The clock was set back over the edge of a window: all that was counted may lie in this one.
                    (0, count_then.saturating_add(last).min(Quota::MAX_LIMIT))
                } else if *start + *counted > now {
                    (if same { last } else { 0 }, count_then)
                } else if same
                    && *start + 2 * *counted > now
                    && quota.algorithm() == Algorithm::SlidingCounter
                {
                    (count_then, 0)
                } else {
                    (0, 0)
                };
                *counted = period;
                *start = window;
            }
            Self::Log { period: counted, calls, sum } => {
                *counted = period;
                while let Some((_, count)) = calls.pop_front_if(|(at, _)| *at + period <= now) {
                    *sum -= count;
                }
                // What a clock has counted that was set back since counts from now.
                let late = calls.iter_mut().rev().take_while(|(at, _)| *at > now);
                late.for_each(|(at, _)| *at = now);
            }
        }
    }

    /// How much would be admitted now. The state is settled, or a log.
    fn free(&self, quota: &Quota, now: u64) -> u64 {
        let limit = quota.limit();
        match self {
            Self::Bucket { until, .. } => {
                let used = until - u128::from(now) * u128::from(limit);
                let free = (full(quota) - used) / u128::from(quota.micros());
                u64::try_from(free).unwrap_or(u64::MAX)
            }
            Self::Window { start, before, count, .. } => {
                let left = u128::from(start + quota.micros() - now);
                let weight = (u128::from(*before) * left).div_ceil(u128::from(quota.micros()));
                let weight = u64::try_from(weight).unwrap_or(u64::MAX);
                limit.saturating_sub(*count).saturating_sub(weight)
            }
            Self::Log { calls, sum, .. } => {
                limit.saturating_sub(sum - gone(calls, quota.micros(), now).1)
            }
        }
    }

    /// Counts `n` calls, of which there is room for all.
    fn take(&mut self, quota: &Quota, now: u64, n: u64) {
        match self {
            Self::Bucket { until, .. } => *until += u128::from(n) * u128::from(quota.micros()),
            Self::Window { count, .. } => *count += n,
            Self::Log { calls, sum, .. } => {
                *sum += n;
                match calls.back_mut() {
                    Some((at, count)) if *at == now => *count += n,
                    _ => calls.push_back((now, n)),
                }
            }
        }
    }

    /// How long until nothing is counted any more.
    fn reset(&self, quota: &Quota, now: u64) -> u64 {
        let period = quota.micros();
        match self {
            Self::Bucket { until, limit } => {
                let limit = u128::from(*limit);
                micros(until.saturating_sub(u128::from(now) * limit), limit)
            }
            Self::Window { start, before, count, .. } => {
                let left = start + period - now;
                match (before, count) {
                    (0, 0) => 0,
                    (_, 0) => left,
                    _ if quota.algorithm() == Algorithm::SlidingCounter => left + period,
                    _ => left,
                }
            }
            Self::Log { calls, .. } => {
                calls.back().map_or(0, |(at, _)| ((*at).min(now) + period).saturating_sub(now))
            }
        }
    }

    /// How long until a call that counts `cost` is admitted.
    fn retry(&self, quota: &Quota, now: u64, cost: u64) -> u64 {
        if self.free(quota, now) >= cost {
            return 0;
        }
        let (limit, period) = (quota.limit(), quota.micros());
        // The part of a period in which `of` calls weigh no more than `room`.
        let part = |room: u64, of: u64| {
            let part = u128::from(room) * u128::from(period) / u128::from(of.max(1));
            u64::try_from(part).unwrap_or(u64::MAX).min(period)
        };
        match self {
            Self::Bucket { until, .. } => {
                let scale = u128::from(limit);
                let used = until - u128::from(now) * scale + u128::from(cost) * u128::from(period);
                micros(used.saturating_sub(full(quota)), scale)
            }
            Self::Window { start, before, count, .. } => {
                let left = start + period - now;
                match (limit.checked_sub(count + cost), quota.algorithm()) {
                    (Some(room), Algorithm::SlidingCounter) => left - part(room, *before),
                    (None, Algorithm::SlidingCounter) => {
                        left + period - part(limit.saturating_sub(cost), *count)
                    }
                    _ => left,
                }
            }
            Self::Log { calls, sum, .. } => {
                let (gone, counted) = gone(calls, period, now);
                let mut over = (sum - counted + cost).saturating_sub(limit);
                for (at, count) in calls.iter().skip(gone) {
                    over = over.saturating_sub(*count);
                    if over == 0 {
                        return (*at).min(now) + period - now;
                    }
                }
                period
            }
        }
    }

    /// Whether nothing is counted any more.
    pub(crate) fn is_over(&self, now: u64) -> bool {
        match self {
            Self::Bucket { until, limit } => *until <= u128::from(now) * u128::from(*limit),
            Self::Window { period, start, .. } => start + 2 * period <= now,
            Self::Log { period, calls, .. } => {
                calls.back().is_none_or(|(at, _)| at + period <= now)
            }
        }
    }
}

/// What the bucket holds, in parts of a microsecond.
fn full(quota: &Quota) -> u128 {
    u128::from(quota.at_once()) * u128::from(quota.micros())
}

/// Parts of a microsecond, of which `limit` make one, as microseconds that are not too few.
fn micros(parts: u128, limit: u128) -> u64 {
    u64::try_from(parts.div_ceil(limit)).unwrap_or(u64::MAX)
}

/// How many entries of a log count no more, and how much they have counted.
fn gone(calls: &VecDeque<(u64, u64)>, period: u64, now: u64) -> (usize, u64) {
    let gone = calls.iter().take_while(|(at, _)| at + period <= now);
    gone.fold((0, 0), |(entries, sum), (_, count)| (entries + 1, sum + count))
}
