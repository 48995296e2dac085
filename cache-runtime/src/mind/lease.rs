//! A lease in hand: filled, or given back.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::context::Context;
use crate::entry::Token;
use crate::key::Key;
use crate::policy::Ttl;
use crate::port::Fill;

/// The leases of one reader. Dropped without having been filled, they are given back in the background, so that the
/// next reader need not wait for them to run out; and a value that one has replaced comes back in its place, so that a
/// caller that goes away takes nothing along.
pub(crate) struct Leases {
    context: Arc<Context>,
    pub(crate) token: Token,
    keys: Vec<Key>,
    replaced: Vec<(Key, Replaced)>,
}

/// A value that a lease stands in the place of, and until when it would have lived, on the manager's clock; `None` is for
/// ever. Until the load has an answer, the lease proves that the value is as true as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Replaced {
    pub(crate) entry: Bytes,
    pub(crate) until: Option<Duration>,
}

impl Replaced {
    /// What is left of its life, if anything is.
    pub(super) fn left(&self, now: Duration) -> Option<Ttl> {
        match self.until.map(|until| until.saturating_sub(now)) {
            None => Some(Ttl::Forever),
            Some(Duration::ZERO) => None,
            Some(left) => Some(Ttl::After(left)),
        }
    }
}

impl Leases {
    pub(crate) fn new(context: &Arc<Context>, token: Token, keys: Vec<Key>) -> Self {
        Self { context: Arc::clone(context), token, keys, replaced: Vec::new() }
    }

    /// The leases of these keys are asked for as well.
    pub(super) fn wants(&mut self, keys: impl Iterator<Item = Key>) {
        self.keys.extend(keys);
    }

    /// How many there are to give back.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The lease of this key is asked for in the place of this value.
    pub(super) fn replaces(&mut self, key: &Key, value: Replaced) {
        self.replaced.push((key.clone(), value));
    }

    /// The value that the first lease has replaced.
    pub(super) fn replaced(&self) -> Option<&Replaced> {
        self.replaced.first().map(|(_, value)| value)
    }

    /// The fill that puts back what the lease of this key has replaced, for what is left of its life.
    pub(super) fn put_back(&mut self, key: &Key) -> Option<Fill> {
        let at = self.replaced.iter().position(|(replaced, _)| replaced == key)?;
        let (_, value) = self.replaced.swap_remove(at);
        let ttl = value.left(self.context.clock.elapsed())?;
        let stands = self.keys.contains(key);
        self.spend(key);
        stands.then(|| Fill { key: key.clone(), token: self.token, entry: value.entry, ttl })
    }

    /// The load has an answer: what the leases have replaced is worth nothing.
    pub(super) fn answered(&mut self) {
        self.replaced.clear();
    }

    /// The value is about to be filled: nothing is left to give back for this key.
    pub(crate) fn spend(&mut self, key: &Key) {
        self.keys.retain(|kept| kept != key);
    }

    /// Nothing is left to give back but the keys that `kept` says.
    pub(crate) fn keep(&mut self, kept: impl Fn(&Key) -> bool) {
        self.keys.retain(kept);
    }

    /// None was granted, or all values are about to be filled.
    pub(crate) fn spend_all(&mut self) {
        self.keys.clear();
    }
}

impl Drop for Leases {
    fn drop(&mut self) {
        let replaced: Vec<Key> = self.replaced.iter().map(|(key, _)| key.clone()).collect();
        let fills: Vec<Fill> = replaced.iter().filter_map(|key| self.put_back(key)).collect();
        if self.keys.is_empty() && fills.is_empty() {
            return;
        }
        let (context, keys, token) =
            (Arc::clone(&self.context), std::mem::take(&mut self.keys), self.token);
        self.context.tasks.spawn(async move {
            if !keys.is_empty()
                && let Err(error) = context.cache.abandon(&keys, token).await
            {
                context.complain("giving back a lease", &error);
            }
            if !fills.is_empty()
                && let Err(error) = context.cache.fill(&fills).await
            {
                context.complain("putting back what a lease has replaced", &error);
            }
        });
    }
}
