//! One call, from its begin to the event that tells of it.

use std::time::Instant;

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::key::Key;

pub(super) const TARGET: &str = "cache_runtime::backend";

/// A call that is under way. Dropped before it has ended, it says so.
pub(super) struct Call {
    operation: &'static str,
    key: Option<Key>,
    keys: usize,
    bytes: usize,
    began: Instant,
    ended: bool,
}

/// What a call that went well came to.
#[derive(Clone, Copy, Default)]
pub(super) struct Came {
    outcome: &'static str,
    bytes: usize,
    /// Of a batch: how many keys had something, were granted, accepted, removed.
    count: Option<usize>,
}

impl Call {
    pub(super) fn begin(operation: &'static str) -> Self {
        Self { operation, key: None, keys: 0, bytes: 0, began: Instant::now(), ended: false }
    }

    /// The keys that it is about: the first is named.
    pub(super) fn about<'k>(mut self, keys: impl IntoIterator<Item = &'k Key>) -> Self {
        let mut keys = keys.into_iter();
        self.key = keys.next().cloned();
        self.keys = usize::from(self.key.is_some()) + keys.count();
        self
    }

    /// So many bytes are sent along.
    pub(super) fn sending(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    pub(super) fn end<T>(mut self, answer: Result<T>, came: impl FnOnce(&T) -> Came) -> Result<T> {
        match &answer {
            Ok(value) => self.tell(came(value)),
            Err(error) => self.fail(error),
        }
        self.ended = true;
        answer
    }

    fn tell(&self, came: Came) {
        let Came { outcome, bytes, count } = came;
        tracing::debug!(
            target: TARGET,
            operation = self.operation,
            key = self.key.as_ref().map(Key::as_str),
            keys = self.keys,
            bytes = self.bytes + bytes,
            count,
            outcome,
            took = ?self.began.elapsed(),
        );
    }

    /// The kind alone: what a server answers may quote what it was sent.
    fn fail(&self, error: &Error) {
        tracing::debug!(
            target: TARGET,
            operation = self.operation,
            key = self.key.as_ref().map(Key::as_str),
            keys = self.keys,
            bytes = self.bytes,
            outcome = "error",
            kind = ?error.kind(),
            took = ?self.began.elapsed(),
        );
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.ended {
            self.tell(Came { outcome: "dropped", ..Came::default() });
        }
    }
}

impl Came {
    pub(super) fn done() -> Self {
        Self { outcome: "done", ..Self::default() }
    }

    /// One key: whether it was there, and what came of it.
    pub(super) fn found(bytes: Option<usize>) -> Self {
        let outcome = if bytes.is_some() { "hit" } else { "miss" };
        Self { outcome, bytes: bytes.unwrap_or(0), count: None }
    }

    pub(super) fn yes(yes: bool) -> Self {
        Self { outcome: if yes { "hit" } else { "miss" }, ..Self::default() }
    }

    /// Several keys: those that had something.
    pub(super) fn among(found: impl Iterator<Item = Option<usize>>) -> Self {
        let (mut count, mut bytes, mut all) = (0, 0, 0);
        for size in found {
            all += 1;
            count += usize::from(size.is_some());
            bytes += size.unwrap_or(0);
        }
        let outcome = match count {
            0 => "miss",
            _ if count == all => "hit",
            _ => "partly",
        };
        Self { outcome, bytes, count: Some(count) }
    }

    /// The values of one key, however many there are.
    pub(super) fn several<'v>(found: impl IntoIterator<Item = &'v Bytes>) -> Self {
        Self::among(found.into_iter().map(|value| Some(value.len())))
    }

    pub(super) fn count(count: usize) -> Self {
        Self { count: Some(count), ..Self::done() }
    }
}
