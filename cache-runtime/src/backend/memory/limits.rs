//! Limits in this process's memory, counted by its clock. They are no entries of the cache: none is ever evicted, because
//! that would let in whoever has used it up, and emptying the cache leaves them.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::MemoryCache;
use crate::clock::Clock;
use crate::entry::Token;
use crate::error::Result;
use crate::port::{BoxFuture, RateLimits};
use crate::quota::{Ask, LimitKey, Seat, State, Verdict, judge};

/// A lock is held for some 100 ns: more locks than this gain nothing.
const ROOMS: usize = 16;
/// Fewer keys than this are never looked through for those that are over.
const FEW: usize = 1_024;

/// What was counted. The limits of one subject stand in one room, so that a decision takes one lock; one about several
/// subjects takes several, in their order.
pub(super) struct Limits {
    rooms: [Mutex<Room>; ROOMS],
    hasher: RandomState,
}

#[derive(Default)]
struct Room {
    counts: HashMap<LimitKey, State>,
    seats: HashMap<LimitKey, Holders>,
    /// With how many keys the counts are next looked through for those that are over.
    full: usize,
    /// The same of the seats: those of processes that died, and of permits that were dropped without a runtime.
    crowded: usize,
}

/// Who sits there, until when.
type Holders = HashMap<Token, u64>;

impl Default for Limits {
    fn default() -> Self {
        Self { rooms: Default::default(), hasher: RandomState::new() }
    }
}

impl Limits {
    fn number(&self, key: &LimitKey) -> usize {
        // The low bits are as good as any, and fewer than the pointer has.
        usize::try_from(self.hasher.hash_one(key.subject()) & 0xFFFF).unwrap_or(0) % ROOMS
    }

    /// The room of `key`, alone in it.
    fn room(&self, key: &LimitKey) -> MutexGuard<'_, Room> {
        self.lock(self.number(key))
    }

    fn lock(&self, number: usize) -> MutexGuard<'_, Room> {
        #[expect(clippy::indexing_slicing, reason = "a number of a room is below their number")]
        let room = &self.rooms[number];
        // A step computes with whole numbers of bounded size, and does not panic.
        room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn judge(&self, asks: &[Ask], clock: &dyn Clock, counts: bool) -> Vec<Verdict> {
        let mut numbers: Vec<usize> = asks.iter().map(|ask| self.number(&ask.key)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let mut rooms: Vec<(usize, MutexGuard<'_, Room>)> =
            numbers.into_iter().map(|number| (number, self.lock(number))).collect();
        // Under the locks: of two decisions about one key the later has the later time.
        let now = micros(clock);
        let place = |key: &LimitKey| {
            let number = self.number(key);
            rooms.iter().position(|(other, _)| *other == number).unwrap_or(0)
        };
        let places: Vec<usize> = asks.iter().map(|ask| place(&ask.key)).collect();
        let mut states: Vec<State> = Vec::with_capacity(asks.len());
        for (ask, place) in asks.iter().zip(&places) {
            let counted = rooms.get_mut(*place).and_then(|(_, room)| room.counts.get_mut(&ask.key));
            states.push(match counted {
                // Taken, and put back below: a long one would take long to copy. A look changes none.
                Some(log @ State::Log { .. }) => std::mem::replace(log, State::new(&ask.quota)),
                Some(counted) => counted.clone(),
                None => State::new(&ask.quota),
            });
        }
        let verdicts = judge(&mut states, asks, now, counts);
        for ((ask, place), state) in asks.iter().zip(places).zip(states) {
            let Some((_, room)) = rooms.get_mut(place) else { continue };
            match room.counts.get_mut(&ask.key) {
                Some(kept) if counts || matches!(state, State::Log { .. }) => *kept = state,
                None if counts => room.keep(&ask.key, state, now),
                _ => {}
            }
        }
        verdicts
    }
}

impl Room {
    fn keep(&mut self, key: &LimitKey, state: State, now: u64) {
        sweep(&mut self.counts, &mut self.full, |state| state.is_over(now));
        self.counts.insert(key.clone(), state);
    }

    /// Who sits at `key`, after all whose leases are over have left.
    fn sitting(&mut self, key: &LimitKey, now: u64) -> &mut Holders {
        let empty = |holders: &Holders| holders.values().all(|end| *end <= now);
        if !self.seats.contains_key(key) {
            sweep(&mut self.seats, &mut self.crowded, empty);
        }
        let holders = self.seats.entry(key.clone()).or_default();
        holders.retain(|_, end| *end > now);
        holders
    }

    fn seats(&self, seat: &Seat, now: u64, has: impl FnOnce(u64) -> bool) -> Verdict {
        let none = HashMap::new();
        let holders = self.seats.get(&seat.key).unwrap_or(&none);
        let ends = || holders.values().copied().filter(|end| *end > now);
        let free = seat.seats.limit().saturating_sub(ends().count().try_into().unwrap_or(u64::MAX));
        let reset = ends().max().map_or(0, |last| last - now);
        let wait = ends().min().filter(|_| free == 0).map_or(0, |first| first - now);
        let has = has(free);
        Verdict::new(has, u64::from(has), free, [reset, wait, now])
    }
}

/// Drops what is over, before one more key comes, so seldom that each key is looked at about once for each that comes.
fn sweep<T>(keys: &mut HashMap<LimitKey, T>, full: &mut usize, over: impl Fn(&T) -> bool) {
    if keys.len() >= (*full).max(FEW) {
        keys.retain(|_, value| !over(value));
        *full = keys.len() * 2;
    }
}

impl MemoryCache {
    fn limited(&self, asks: &[Ask], counts: bool) -> Result<Vec<Verdict>> {
        self.inner.open()?;
        Ask::distinct(asks)?;
        Ok(self.inner.limits.judge(asks, &*self.inner.clock, counts))
    }
}

impl RateLimits for MemoryCache {
    fn decide<'a>(&'a self, asks: &'a [Ask]) -> BoxFuture<'a, Result<Vec<Verdict>>> {
        Box::pin(async move { self.limited(asks, true) })
    }

    fn peek<'a>(&'a self, asks: &'a [Ask]) -> BoxFuture<'a, Result<Vec<Verdict>>> {
        Box::pin(async move { self.limited(asks, false) })
    }

    fn reset<'a>(&'a self, keys: &'a [LimitKey]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.inner.open()?;
            for key in keys {
                let mut room = self.inner.limits.room(key);
                room.counts.remove(key);
                room.seats.remove(key);
            }
            Ok(())
        })
    }

    fn take_seat<'a>(&'a self, seat: &'a Seat) -> BoxFuture<'a, Result<Verdict>> {
        Box::pin(async move {
            self.inner.open()?;
            let mut room = self.inner.limits.room(&seat.key);
            let now = micros(&*self.inner.clock);
            let holders = room.sitting(&seat.key, now);
            let taken = u64::try_from(holders.len()).unwrap_or(u64::MAX);
            let has = holders.contains_key(&seat.holder) || taken < seat.seats.limit();
            if has {
                holders.insert(seat.holder, now + seat.seats.micros());
            }
            Ok(room.seats(seat, now, |_| has))
        })
    }

    fn peek_seats<'a>(&'a self, seat: &'a Seat) -> BoxFuture<'a, Result<Verdict>> {
        Box::pin(async move {
            self.inner.open()?;
            let room = self.inner.limits.room(&seat.key);
            let verdict = room.seats(seat, micros(&*self.inner.clock), |free| free > 0);
            Ok(Verdict { granted: 0, ..verdict })
        })
    }

    fn leave_seat<'a>(&'a self, seat: &'a Seat) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            self.inner.open()?;
            let mut room = self.inner.limits.room(&seat.key);
            let now = micros(&*self.inner.clock);
            let Some(holders) = room.seats.get_mut(&seat.key) else { return Ok(false) };
            let had = holders.remove(&seat.holder).is_some_and(|end| end > now);
            if holders.values().all(|end| *end <= now) {
                room.seats.remove(&seat.key);
            }
            Ok(had)
        })
    }
}

fn micros(clock: &dyn Clock) -> u64 {
    u64::try_from(clock.elapsed().as_micros()).unwrap_or(u64::MAX)
}

#[cfg(all(test, feature = "testing"))]
mod tests;
