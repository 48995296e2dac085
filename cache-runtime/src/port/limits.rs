//! Rate limits: calls that are counted and decided about in one step.

use std::fmt::Debug;

use super::BoxFuture;
use crate::error::Result;
use crate::quota::{Ask, LimitKey, Seat, Verdict};

/// Counts calls under limits, for every process that asks, by one clock: its own.
///
/// A decision reads, judges and writes in one atomic step, so that what is admitted stays within each limit however many
/// ask at once. No time of the caller's is ever part of one. What is counted goes by itself when it is over; whatever else
/// stands at a limit's key is refused and left alone. [`Cache::clear`](crate::Cache::clear) leaves limits as they are.
pub trait RateLimits: Debug + Send + Sync + 'static {
    /// Decides about one call under several limits: it is counted under all of them, or, where one denies it, under none.
    /// The verdicts are in the order of the asks.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) where one key is asked for twice; and whatever keeps the backend from
    /// answering, as [`WrongType`](crate::ErrorKind::WrongType) where something stands at a key that no limit has
    /// counted. Where the answer was lost, the call may have been counted.
    fn decide<'a>(&'a self, asks: &'a [Ask]) -> BoxFuture<'a, Result<Vec<Verdict>>>;

    /// What [`decide`](Self::decide) would say now. Nothing is counted.
    ///
    /// # Errors
    /// Those of [`decide`](Self::decide).
    fn peek<'a>(&'a self, asks: &'a [Ask]) -> BoxFuture<'a, Result<Vec<Verdict>>>;

    /// Forgets what was counted at these keys, and who sits there.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering; some of the keys may then be gone.
    fn reset<'a>(&'a self, keys: &'a [LimitKey]) -> BoxFuture<'a, Result<()>>;

    /// Takes a seat for its lease, if one is free or the holder has it already: so it is renewed, too. A lease that is over
    /// is a seat that is free.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering. Where the answer was lost, the seat may have been taken.
    fn take_seat<'a>(&'a self, seat: &'a Seat) -> BoxFuture<'a, Result<Verdict>>;

    /// How many seats are free, and whether [`take_seat`](Self::take_seat) would get one. Nothing changes.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering.
    fn peek_seats<'a>(&'a self, seat: &'a Seat) -> BoxFuture<'a, Result<Verdict>>;

    /// Gives a seat back; says whether the holder had it.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering; the seat is then free when its lease is over.
    fn leave_seat<'a>(&'a self, seat: &'a Seat) -> BoxFuture<'a, Result<bool>>;
}
