//! The small ports of the manager's backend.

use super::CacheManager;
use crate::error::{Error, ErrorKind, Result};
use crate::key::Pattern;
use crate::port::{
    BackendStats, Counters, Hashes, Keyspace, Lists, Pipeline, Pipelines, Replies, Sets,
    Unsupported, Walk, Watched,
};

/// For values of one's own, at keys that [`key`](CacheManager::key) begins and that no repository uses. Where the
/// backend has no such port, every call of it fails with [`Unsupported`](ErrorKind::Unsupported); Redis and memory have
/// them all.
impl CacheManager {
    /// Counters: `cache.counters().increment(&key)`.
    #[must_use]
    pub fn counters(&self) -> &dyn Counters {
        self.backend().counters().unwrap_or(&Unsupported)
    }

    /// Lists.
    #[must_use]
    pub fn lists(&self) -> &dyn Lists {
        self.backend().lists().unwrap_or(&Unsupported)
    }

    /// Sets.
    #[must_use]
    pub fn sets(&self) -> &dyn Sets {
        self.backend().sets().unwrap_or(&Unsupported)
    }

    /// Hashes.
    #[must_use]
    pub fn hashes(&self) -> &dyn Hashes {
        self.backend().hashes().unwrap_or(&Unsupported)
    }

    /// The backend's keys by pattern. To remove those of this manager use
    /// [`delete_matching`](Self::delete_matching), which this process sees at once.
    #[must_use]
    pub fn keyspace(&self) -> &dyn Keyspace {
        self.backend().keyspace().unwrap_or(&Unsupported)
    }

    /// The keys of this manager's namespace that match `glob`: [`Pattern::new`].
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) for a glob that is none.
    pub fn pattern(&self, glob: &str) -> Result<Pattern> {
        Pattern::new(self.namespace(), glob)
    }

    /// Sends what a pipeline has queued, in one go: on Redis one round trip for every 500 commands.
    ///
    /// # Errors
    /// What keeps the backend from answering at all; that of a single command is given where its reply is
    /// [taken](Replies::take).
    pub async fn run(&self, pipeline: Pipeline) -> Result<Replies> {
        let pipelines: &dyn Pipelines = self.backend().pipelines().unwrap_or(&Unsupported);
        pipelines.run(pipeline).await
    }

    /// Removes what stands at the keys that match, of whatever type, but for writers' holds that are alive; says how
    /// many it removed. Entries of repositories may be among them: the next read of each goes to the database.
    ///
    /// The tiers in all processes of the namespace are emptied with it, this process's before it returns. To invalidate
    /// rows, `invalidate` of their repository costs less.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) for a pattern of another namespace; and what keeps the backend from answering:
    /// some of the keys may then be gone.
    pub async fn delete_matching(&self, pattern: &Pattern, walk: Walk<'_>) -> Result<u64> {
        if pattern.namespace() != self.namespace().as_str() {
            let (other, own) = (pattern.namespace(), self.namespace().as_str());
            let message = format!(
                "the pattern is of the namespace \"{other}\" and the manager of \"{own}\": make it with the manager's \
                 `pattern`"
            );
            return Err(Error::new(ErrorKind::Config, message));
        }
        let outcome = self.keyspace().delete_matching(pattern, walk).await;
        self.0.context.forget_everything();
        outcome
    }

    /// What the backend did, and how it is: hits, misses, keys, memory, the connection's health.
    ///
    /// # Errors
    /// [`Closed`](ErrorKind::Closed), and [`Unsupported`](ErrorKind::Unsupported) for a backend that counts nothing.
    pub async fn backend_stats(&self) -> Result<BackendStats> {
        let watched: &dyn Watched = self.backend().watched().unwrap_or(&Unsupported);
        watched.backend_stats().await
    }
}
