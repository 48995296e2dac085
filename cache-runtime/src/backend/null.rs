//! The hand that remembers nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;

use crate::entry::Token;
use crate::error::{Error, ErrorKind, Result};
use crate::key::{Key, Namespace, Prefix};
use crate::policy::{Remaining, Ttl};
use crate::port::{
    BoxFuture, Cache, CoherentCache, Fill, LeaseOutcome, LeaseRequest, Live, ReleaseOutcome,
};

/// A [`Cache`] that takes everything and remembers nothing: the way to turn the cache off without touching code.
///
/// Every key is absent. A lease is always granted, so nobody waits for another's load, and a fill is always turned
/// down, so every read goes to the database. A hold costs nothing and is released as if it had stood, for there is
/// nothing that it could have let pass. It is [closed](Cache::close) like any other.
#[derive(Clone, Debug, Default)]
pub struct NullCache {
    closed: Arc<AtomicBool>,
}

impl NullCache {
    /// A cache that remembers nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn answer<'a, T: Send + 'a>(&'a self, answer: T) -> BoxFuture<'a, Result<T>> {
        Box::pin(async move {
            if self.closed.load(Ordering::Acquire) {
                return Err(Error::new(ErrorKind::Closed, "the cache was closed"));
            }
            Ok(answer)
        })
    }
}

impl Cache for NullCache {
    fn get<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<Option<Bytes>>> {
        self.answer(None)
    }

    fn set<'a>(&'a self, _: &'a Key, _: Bytes, _: Ttl) -> BoxFuture<'a, Result<()>> {
        self.answer(())
    }

    fn delete<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<bool>> {
        self.answer(false)
    }

    fn exists<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<bool>> {
        self.answer(false)
    }

    fn expire<'a>(&'a self, _: &'a Key, _: Ttl) -> BoxFuture<'a, Result<bool>> {
        self.answer(false)
    }

    fn ttl<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<Remaining>> {
        self.answer(Remaining::NoKey)
    }

    fn get_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<Bytes>>>> {
        self.answer(vec![None; keys.len()])
    }

    fn set_many<'a>(&'a self, _: &'a [(Key, Bytes)], _: Ttl) -> BoxFuture<'a, Result<()>> {
        self.answer(())
    }

    fn delete_many<'a>(&'a self, _: &'a [Key]) -> BoxFuture<'a, Result<u64>> {
        self.answer(0)
    }

    fn ping(&self) -> BoxFuture<'_, Result<()>> {
        self.answer(())
    }

    fn clear<'a>(&'a self, _: &'a Namespace) -> BoxFuture<'a, Result<u64>> {
        self.answer(0)
    }

    fn close(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.closed.store(true, Ordering::Release);
            Ok(())
        })
    }
}

impl CoherentCache for NullCache {
    fn lease<'a>(
        &'a self,
        requests: &'a [LeaseRequest],
        _: Duration,
    ) -> BoxFuture<'a, Result<Vec<LeaseOutcome>>> {
        self.answer(vec![LeaseOutcome::Granted; requests.len()])
    }

    fn fill<'a>(&'a self, fills: &'a [Fill]) -> BoxFuture<'a, Result<Vec<bool>>> {
        self.answer(vec![false; fills.len()])
    }

    fn abandon<'a>(&'a self, _: &'a [Key], _: Token) -> BoxFuture<'a, Result<()>> {
        self.answer(())
    }

    fn hold<'a>(&'a self, _: &'a [Key], _: Token, _: Duration) -> BoxFuture<'a, Result<()>> {
        self.answer(())
    }

    fn release<'a>(
        &'a self,
        keys: &'a [Key],
        _: Token,
    ) -> BoxFuture<'a, Result<Vec<ReleaseOutcome>>> {
        self.answer(vec![ReleaseOutcome::Released; keys.len()])
    }

    fn pull<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Live>>> {
        self.answer(vec![None; keys.len()])
    }

    fn sweep<'a>(&'a self, _: &'a Prefix) -> BoxFuture<'a, Result<u64>> {
        self.answer(0)
    }
}

#[cfg(test)]
mod tests;
