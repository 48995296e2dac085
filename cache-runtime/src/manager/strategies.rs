//! The strategies over a data source of one's own.

use std::time::Duration;

use super::CacheManager;
use crate::mind::{
    CacheAside, CacheableSource, ReadThrough, RefreshAhead, Sourced, StaleWhileRevalidate,
    WriteThrough,
};

/// Each is made once and kept: it has the loads that its callers share. What is cached stands under `name`, so strategies of one
/// name share what they cache, in whatever process, and must be over the same data.
///
/// A load that fails is told to all who waited for it, where its error can be copied: sqlx's, the crate's own, texts, and those of
/// [`share_errors`](crate::CacheManagerBuilder::share_errors). Of any other type each caller gets one of its own, by a load of its
/// own.
impl CacheManager {
    /// [`CacheAside`] over a source, under this name.
    pub fn cache_aside<S: CacheableSource>(&self, name: &str, source: S) -> CacheAside<S> {
        CacheAside(self.sourced(name, source))
    }

    /// [`ReadThrough`] over a source, under this name.
    pub fn read_through<S: CacheableSource>(&self, name: &str, source: S) -> ReadThrough<S> {
        ReadThrough(self.sourced(name, source))
    }

    /// [`WriteThrough`] over a source, under this name.
    pub fn write_through<S: CacheableSource>(&self, name: &str, source: S) -> WriteThrough<S> {
        WriteThrough(self.sourced(name, source))
    }

    /// [`RefreshAhead`] over a source, under this name. `beta` is how readily a value is renewed; 1.0 is optimal, and good for
    /// nearly all, more renews earlier. One that is no number above zero renews nothing.
    pub fn refresh_ahead<S: CacheableSource>(
        &self,
        name: &str,
        source: S,
        beta: f64,
    ) -> RefreshAhead<S> {
        RefreshAhead(self.sourced(name, source).refresh_ahead(beta))
    }

    /// [`StaleWhileRevalidate`] over a source, under this name, for so long after the TTL.
    pub fn stale_while_revalidate<S: CacheableSource>(
        &self,
        name: &str,
        source: S,
        after: Duration,
    ) -> StaleWhileRevalidate<S> {
        StaleWhileRevalidate(self.sourced(name, source).stale_while_revalidate(after))
    }

    fn sourced<S: CacheableSource>(&self, name: &str, source: S) -> Sourced<S> {
        Sourced::new(&self.0.context, name, source, self.0.shelf.sharing())
    }
}
