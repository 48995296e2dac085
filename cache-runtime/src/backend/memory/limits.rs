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
    /// With how many keys it is next looked through for those that are over.
    full: usize,
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
        // A step that panicked has changed nothing yet: it computes first.
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
            let counted = rooms.get(*place).and_then(|(_, room)| room.counts.get(&ask.key));
            states.push(counted.cloned().unwrap_or_else(|| State::new(&ask.quota)));
        }
        let verdicts = judge(&mut states, asks, now, counts);
        if counts {
            for ((ask, place), state) in asks.iter().zip(places).zip(states) {
                if let Some((_, room)) = rooms.get_mut(place) {
                    room.keep(&ask.key, state, now);
                }
            }
        }
        verdicts
    }
}

impl Room {
    fn keep(&mut self, key: &LimitKey, state: State, now: u64) {
        match self.counts.get_mut(key) {
            Some(kept) => *kept = state,
            None => {
                if self.counts.len() >= self.full.max(FEW) {
                    self.counts.retain(|_, state| !state.is_over(now));
                    // So that each key is looked at about once for each that comes.
                    self.full = self.counts.len() * 2;
                }
                self.counts.insert(key.clone(), state);
            }
        }
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
            let holders = room.seats.entry(seat.key.clone()).or_default();
            holders.retain(|_, end| *end > now);
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
