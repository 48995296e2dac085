//! One warning, not one a request.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind};

/// A failure of one kind is named once in this time, with the number of those that were passed over.
const QUIET: Duration = Duration::from_secs(30);

/// The cache's failures, on their way to the log.
#[derive(Debug, Default)]
pub(crate) struct Complaints {
    last: Mutex<HashMap<Topic, Last>>,
}

/// What is said once in a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Topic {
    Failure(ErrorKind),
    /// No hold stood where a write released it.
    HoldGone,
    /// A value that has outlived its TTL stood in for a load.
    Stale,
    /// A value that is served while it is renewed could not be.
    FailedRenewal,
}

#[derive(Debug)]
struct Last {
    at: Duration,
    passed_over: u64,
}

impl Complaints {
    /// Reports that `doing` failed.
    pub(crate) fn hear(&self, clock: &dyn Clock, doing: &'static str, error: &Error) {
        let Some(repeated) = self.may_say(clock, Topic::Failure(error.kind())) else { return };
        let cause = std::error::Error::source(error).map(ToString::to_string);
        if error.kind() == ErrorKind::Outbox {
            tracing::warn!(
                doing,
                cause = cause.as_deref(),
                repeated,
                "{error}; until this works nothing is delivered from it, and after a start or an outage reads go to the database"
            );
            return;
        }
        tracing::warn!(
            doing,
            error = %error,
            cause = cause.as_deref(),
            repeated,
            "the cache failed: reads are answered from the database, and a write does what its policy says"
        );
    }

    /// Whether this is to be said now, and how often it was passed over since it was said last.
    pub(crate) fn may_say(&self, clock: &dyn Clock, topic: Topic) -> Option<u64> {
        let now = clock.elapsed();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let repeated = match last.get_mut(&topic) {
            Some(last) if now.saturating_sub(last.at) < QUIET => {
                last.passed_over += 1;
                return None;
            }
            Some(last) => std::mem::take(&mut last.passed_over),
            None => 0,
        };
        last.insert(topic, Last { at: now, passed_over: 0 });
        Some(repeated)
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests;
