//! Where a write-behind begins.

use super::CacheManager;
use crate::mind::{WriteBehind, WriteBehindBuilder};
use crate::port::WriteBehindSource;

impl<S: WriteBehindSource> WriteBehind<S> {
    /// Begins a write-behind of this name over `source`: its queue is on the backend of `cache`, and so are the values
    /// that it reads from the source. Every process that gives the same name over the same namespace shares the queue.
    ///
    /// On the in-memory backend the queue is lost with the process: for tests, and where that is acceptable.
    pub fn builder(cache: &CacheManager, name: &str, source: S) -> WriteBehindBuilder<S> {
        WriteBehindBuilder::new(&cache.0.context, name, source)
    }
}
