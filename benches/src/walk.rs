//! Ids that nobody has asked for since the caches were emptied.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::world::USERS;

/// Goes through the users from one on. Clones go together.
#[derive(Clone)]
pub(crate) struct Walk {
    first: i64,
    next: Arc<AtomicI64>,
}

impl Walk {
    pub(crate) fn from(first: i64) -> Self {
        Self { first, next: Arc::new(AtomicI64::new(first)) }
    }

    /// The next one; with all of them used up the row would measure something else than it says.
    pub(crate) fn next(&self) -> i64 {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        assert!(u64::try_from(id).is_ok_and(|id| id <= USERS), "the users are used up");
        id
    }

    /// From the beginning: the caches are empty again.
    pub(crate) fn again(&self) {
        self.next.store(self.first, Ordering::Relaxed);
    }
}
