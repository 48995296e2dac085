//! What every limit has, of calls in a time and of calls at the same time.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::fmt::{Display, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::stats::Counters;
use super::subject::Subjects;
use super::{Decision, OnError};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::key::Namespace;
use crate::port::{CoherentCache, RateLimits, Unsupported};

/// A failure of one kind is named once in this time, with the number of those that were passed over.
const QUIET: Duration = Duration::from_secs(30);

pub(super) struct Shared {
    pub(super) cache: Arc<dyn CoherentCache>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) namespace: Namespace,
    pub(super) name: String,
    pub(super) on_error: OnError,
    pub(super) allowed: HashSet<String>,
    pub(super) subjects: Subjects,
    pub(super) stats: Counters,
    pub(super) said: Mutex<HashMap<ErrorKind, (Duration, u64)>>,
    /// Why nothing can be decided: an option is wrong.
    pub(super) refused: Option<Error>,
}

/// How far a decision has come without the backend.
pub(super) enum Begun {
    Decided(Decision),
    /// The backend has to be asked about this key.
    Ask(String),
}

thread_local! {
    /// A buffer for keys: one that is decided about in this process allocates nothing.
    static SCRATCH: Cell<String> = const { Cell::new(String::new()) };
}

impl Shared {
    /// What stands in for limits that a backend does not have answers every call with an error.
    pub(super) fn port(&self) -> &dyn RateLimits {
        self.cache.limits().unwrap_or(&Unsupported)
    }

    /// Does something with the text of a key.
    pub(super) fn text<T>(&self, key: &dyn Display, with: impl FnOnce(&str) -> T) -> Result<T> {
        if let Some(refused) = &self.refused {
            return Err(refused.clone());
        }
        let mut text = SCRATCH.take();
        text.clear();
        let shown = write!(text, "{key}");
        let done = match shown {
            Ok(()) if !text.is_empty() => Ok(with(&text)),
            _ => Err(Error::new(
                ErrorKind::Config,
                format!(
                    "the key of the rate limit `{}` is empty: all calls without one would count as one caller's, so give \
                     them a key of their own choice",
                    self.name
                ),
            )),
        };
        SCRATCH.set(text);
        done
    }

    pub(super) fn allows(&self, text: &str) -> bool {
        !self.allowed.is_empty() && self.allowed.contains(text)
    }

    /// What the author chose for when the backend cannot decide.
    pub(super) fn failed(&self, error: &Error, limit: u64) -> Decision {
        if let Some(repeated) = self.may_say(error.kind()) {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            let admits = self.on_error == OnError::Allow;
            tracing::warn!(
                limit = self.name,
                error = %error,
                cause = cause.as_deref(),
                admits,
                repeated,
                "a rate limit could not be decided: calls are admitted or denied as its on_error says"
            );
        }
        Decision::failed(self.on_error, limit)
    }

    /// Whether this is to be said now, and how often it was passed over since it was said last.
    fn may_say(&self, kind: ErrorKind) -> Option<u64> {
        let now = self.clock.elapsed();
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        match said.get_mut(&kind) {
            Some((last, passed_over)) if now.saturating_sub(*last) < QUIET => {
                *passed_over += 1;
                None
            }
            known => {
                let repeated = known.map_or(0, |(_, passed_over)| *passed_over);
                said.insert(kind, (now, 0));
                Some(repeated)
            }
        }
    }
}
