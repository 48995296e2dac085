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
    last: Mutex<HashMap<ErrorKind, Last>>,
}

#[derive(Debug)]
struct Last {
    at: Duration,
    passed_over: u64,
}

impl Complaints {
    /// Reports that `doing` failed.
    pub(crate) fn hear(&self, clock: &dyn Clock, doing: &'static str, error: &Error) {
        let now = clock.elapsed();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let repeated = match last.get_mut(&error.kind()) {
            Some(last) if now.saturating_sub(last.at) < QUIET => {
                last.passed_over += 1;
                return;
            }
            Some(last) => std::mem::take(&mut last.passed_over),
            None => 0,
        };
        last.insert(error.kind(), Last { at: now, passed_over: 0 });
        drop(last);
        let cause = std::error::Error::source(error).map(ToString::to_string);
        tracing::warn!(
            doing,
            error = %error,
            cause = cause.as_deref(),
            repeated,
            "the cache failed: reads are answered from the database, and a write does what its policy says"
        );
    }
}
