//! One call's patience with a connection that has not answered it.

use std::time::Duration;

/// So many calls have to wait for a silence to count as a hang before the first of them runs out of time. A call alone
/// may just be a slow one.
const SEVERAL: usize = 3;

/// A call that joins a silence gives it at least this part of the time that makes one a hang.
const SHORTEST: u32 = 4;

/// When a call looks at its connection next, and what it makes of what it sees.
#[derive(Debug)]
pub(in super::super) struct Look {
    hang_after: Duration,
    timeout: Duration,
    deadline: Duration,
    next: Duration,
    /// Whether a look that came late was passed over already.
    excused: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Verdict {
    /// Wait on, until the next look.
    Wait,
    /// Several calls wait, and not a byte came for too long.
    Hangs,
    /// The call's own time is over.
    TooSlow {
        /// Nothing at all came in all that time.
        silent: bool,
    },
}

impl Look {
    /// Of a call that begins while nothing has come for this `silence` already: it looks when that could be a hang, and not
    /// after as much of its own.
    pub(in super::super) fn new(
        began: Duration,
        silence: Duration,
        timeout: Duration,
        hang_after: Duration,
    ) -> Self {
        let deadline = began.saturating_add(timeout);
        let left = hang_after.saturating_sub(silence).max(hang_after / SHORTEST);
        let next = deadline.min(began.saturating_add(left));
        Self { hang_after, timeout, deadline, next, excused: false }
    }

    /// When to look next.
    pub(in super::super) fn next(&self) -> Duration {
        self.next
    }

    /// Looks: for how long nothing came while somebody waited, and how many wait.
    pub(in super::super) fn at(
        &mut self,
        now: Duration,
        silence: Duration,
        waiting: usize,
    ) -> Verdict {
        // Who wakes late was asleep itself, as a whole process may be: the answer may have come meanwhile, unread.
        let late = now.saturating_sub(self.next) > self.hang_after / 4;
        if late && !self.excused {
            self.excused = true;
            self.next = now.saturating_add(self.hang_after);
            return Verdict::Wait;
        }
        if now >= self.deadline {
            return Verdict::TooSlow { silent: silence >= self.timeout };
        }
        if waiting >= SEVERAL && silence >= self.hang_after {
            self.next = self.deadline;
            return Verdict::Hangs;
        }
        let ahead = self.hang_after.checked_sub(silence).filter(|ahead| !ahead.is_zero());
        self.next = self.deadline.min(now.saturating_add(ahead.unwrap_or(self.hang_after)));
        Verdict::Wait
    }
}
