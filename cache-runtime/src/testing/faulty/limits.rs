//! Every call of the rate limits, through the plan.

use super::{FaultyCache, Op};
use crate::error::Result;
use crate::port::{BoxFuture, RateLimits};
use crate::quota::{Ask, LimitKey, Seat, Verdict};

impl RateLimits for FaultyCache {
    fn decide<'a>(&'a self, asks: &'a [Ask]) -> BoxFuture<'a, Result<Vec<Verdict>>> {
        self.pass_to(Op::Decide, |inner| inner.limits(), move |port| port.decide(asks))
    }

    fn peek<'a>(&'a self, asks: &'a [Ask]) -> BoxFuture<'a, Result<Vec<Verdict>>> {
        self.pass_to(Op::PeekLimits, |inner| inner.limits(), move |port| port.peek(asks))
    }

    fn reset<'a>(&'a self, keys: &'a [LimitKey]) -> BoxFuture<'a, Result<()>> {
        self.pass_to(Op::ResetLimits, |inner| inner.limits(), move |port| port.reset(keys))
    }

    fn take_seat<'a>(&'a self, seat: &'a Seat) -> BoxFuture<'a, Result<Verdict>> {
        self.pass_to(Op::TakeSeat, |inner| inner.limits(), move |port| port.take_seat(seat))
    }

    fn peek_seats<'a>(&'a self, seat: &'a Seat) -> BoxFuture<'a, Result<Verdict>> {
        self.pass_to(Op::PeekSeats, |inner| inner.limits(), move |port| port.peek_seats(seat))
    }

    fn leave_seat<'a>(&'a self, seat: &'a Seat) -> BoxFuture<'a, Result<bool>> {
        self.pass_to(Op::LeaveSeat, |inner| inner.limits(), move |port| port.leave_seat(seat))
    }
}
