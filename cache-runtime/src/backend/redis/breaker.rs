//! Whether calls are let through: a state machine that is told the time.
//!
//! ```text
//!           nothing answers                    time for a probe
//!   Closed ────────────────►  Open  ─────────────────────────────►  HalfOpen
//!      ▲                        ▲                                      │ │
//!      │                        └────────────── the probe fails ───────┘ │
//!      └──────────────────────────── the probe has a connection ─────────┘
//! ```
//!
//! While it is open, or half open, every call fails at once with the error that is ready here; only probes go out.

mod look;

use std::time::Duration;

pub(super) use self::look::{Look, Verdict};
use crate::error::Error;
use crate::port::BreakerState as State;

/// The pause before the first probe, before it is [jittered](Breaker::pause). A server that stalls for the length of a
/// fork or a slow command is back by then.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Probes are never further apart, so that a server that is back is found within a second.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(super) struct Breaker {
    state: State,
    since: Duration,
    pause: Duration,
    last_error: Option<Error>,
    /// Since when no call was let through, and how many were not.
    outage: Option<(Duration, u64)>,
}

/// A time in which no call was let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outage {
    pub(super) lasted: Duration,
    /// Calls that were refused meanwhile.
    pub(super) refused: u64,
}

impl Breaker {
    pub(super) fn new(now: Duration) -> Self {
        Self {
            state: State::Closed,
            since: now,
            pause: FIRST_PAUSE,
            last_error: None,
            outage: None,
        }
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    /// Since when it is in this state.
    pub(super) fn since(&self) -> Duration {
        self.since
    }

    /// What went wrong last, also after it was closed again.
    pub(super) fn last_error(&self) -> Option<&Error> {
        self.last_error.as_ref()
    }

    /// Why the call that asks must not go out now.
    pub(super) fn refusal(&mut self) -> Option<&Error> {
        match self.state {
            State::Closed => None,
            State::Open | State::HalfOpen => {
                if let Some((_, refused)) = &mut self.outage {
                    *refused += 1;
                }
                self.last_error.as_ref()
            }
        }
    }

    /// Nothing answers, or the last probe failed.
    pub(super) fn open(&mut self, now: Duration, error: Error) {
        self.last_error = Some(error);
        self.outage.get_or_insert((now, 0));
        self.enter(State::Open, now);
    }

    /// A probe goes out. Closed, it stays so: this is the first connection, for which calls wait.
    pub(super) fn probe(&mut self, now: Duration) {
        if self.state == State::Open {
            self.enter(State::HalfOpen, now);
        }
    }

    /// There is a connection that answers. What is over by that, if calls were refused before.
    pub(super) fn close(&mut self, now: Duration) -> Option<Outage> {
        self.pause = FIRST_PAUSE;
        self.enter(State::Closed, now);
        let (since, refused) = self.outage.take()?;
        Some(Outage { lasted: now.saturating_sub(since), refused })
    }

    /// How long to wait before the next probe; longer each time. Somewhere in the upper half of the pause, so that
    /// processes that lost one server together do not come back to it together.
    pub(super) fn pause(&mut self) -> Duration {
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        pause.mul_f64(0.5 + fastrand::f64() / 2.0)
    }

    fn enter(&mut self, state: State, now: Duration) {
        if self.state != state {
            self.state = state;
            self.since = now;
        }
    }
}

#[cfg(test)]
mod tests;
