//! A lease in hand: filled, or given back.

use std::sync::Arc;

use super::context::Context;
use crate::entry::Token;
use crate::key::Key;

/// The leases of one reader. Dropped without having been filled, they are given back in the background, so that the
/// next reader need not wait for them to run out.
pub(crate) struct Leases {
    context: Arc<Context>,
    pub(crate) token: Token,
    keys: Vec<Key>,
}

impl Leases {
    pub(crate) fn new(context: &Arc<Context>, token: Token, keys: Vec<Key>) -> Self {
        Self { context: Arc::clone(context), token, keys }
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
        if self.keys.is_empty() {
            return;
        }
        let (context, keys, token) =
            (Arc::clone(&self.context), std::mem::take(&mut self.keys), self.token);
        self.context.tasks.spawn(async move {
            if let Err(error) = context.cache.abandon(&keys, token).await {
                context.complain("giving back a lease", &error);
            }
        });
    }
}
