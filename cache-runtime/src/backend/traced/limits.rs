//! Every call about rate limits, told of where somebody listens: how many limits were asked, never whose.

use super::Traced;
use super::call::Came;
use super::forward::NO_KEYS;
use crate::error::Result;
use crate::port::{BoxFuture, Cache, RateLimits, Unsupported};
use crate::quota::{Ask, LimitKey, Seat, Verdict};

/// `told!(self.decide(asks), |answer| Came)`; a cache without limits answers so.
macro_rules! told {
    ($self:ident.$method:ident($argument:ident), $came:expr) => {{
        let port = $self.inner.limits().unwrap_or(&Unsupported);
        if !Self::is_on() {
            return port.$method($argument);
        }
        Box::pin(async move {
            let call = Self::begin(stringify!($method)).about(NO_KEYS);
            let answer = port.$method($argument).await;
            call.end(answer, $came)
        })
    }};
}

/// A hit: all of them admit.
fn admitted(verdicts: &[Verdict]) -> Came {
    Came::yes(verdicts.iter().all(|verdict| verdict.admitted))
}

impl<C: Cache + ?Sized> RateLimits for Traced<C> {
    fn decide<'a>(&'a self, asks: &'a [Ask]) -> BoxFuture<'a, Result<Vec<Verdict>>> {
        told!(self.decide(asks), |verdicts| admitted(verdicts))
    }

    fn peek<'a>(&'a self, asks: &'a [Ask]) -> BoxFuture<'a, Result<Vec<Verdict>>> {
        told!(self.peek(asks), |verdicts| admitted(verdicts))
    }

    fn reset<'a>(&'a self, keys: &'a [LimitKey]) -> BoxFuture<'a, Result<()>> {
        told!(self.reset(keys), |()| Came::done())
    }

    fn take_seat<'a>(&'a self, seat: &'a Seat) -> BoxFuture<'a, Result<Verdict>> {
        told!(self.take_seat(seat), |verdict| Came::yes(verdict.admitted))
    }

    fn peek_seats<'a>(&'a self, seat: &'a Seat) -> BoxFuture<'a, Result<Verdict>> {
        told!(self.peek_seats(seat), |verdict| Came::yes(verdict.admitted))
    }

    fn leave_seat<'a>(&'a self, seat: &'a Seat) -> BoxFuture<'a, Result<bool>> {
        told!(self.leave_seat(seat), |had| Came::yes(*had))
    }
}
