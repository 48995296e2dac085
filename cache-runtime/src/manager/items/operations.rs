//! The counters of items: one set for each thing that is done with them.

use std::sync::Arc;

use crate::mind::{AllCounters, Counters};

/// Found without a lock on the way of a call. Calls that differ only in the form of their answer count as one operation.
#[derive(Debug)]
pub(super) struct Operations {
    pub(super) get: Arc<Counters>,
    pub(super) remember: Arc<Counters>,
    pub(super) get_many_or_load: Arc<Counters>,
    pub(super) set: Arc<Counters>,
    pub(super) pull: Arc<Counters>,
    /// Whatever only invalidates: `forget`, holds, tags.
    pub(super) write: Arc<Counters>,
    pub(super) all: Arc<AllCounters>,
}

impl Default for Operations {
    fn default() -> Self {
        let all = AllCounters::of("items");
        Self {
            get: all.read("get"),
            remember: all.read("remember"),
            get_many_or_load: all.read("get_many_or_load"),
            set: all.read("set"),
            pull: all.read("pull"),
            write: all.write(),
            all: Arc::new(all),
        }
    }
}
