//! The strategies, by the field's names: when a value is read from its source, and when it is written there. Each stands
//! in its own file, and none knows another.

mod cache_aside;
mod read_through;
mod refresh_ahead;
mod stale_while_revalidate;
mod write_behind;
mod write_through;

pub use cache_aside::CacheAside;
pub use read_through::ReadThrough;
pub use refresh_ahead::RefreshAhead;
pub use stale_while_revalidate::StaleWhileRevalidate;
pub(crate) use write_behind::Behinds;
pub use write_behind::{
    OnUnknown, Trouble, WriteBehind, WriteBehindBuilder, WriteBehindError, WriteBehindStats,
};
pub use write_through::WriteThrough;

/// What every strategy over a source behind the cache has: its terms, its reads, and a word for changes that have passed it by.
macro_rules! reads {
    ($strategy:ident) => {
        impl<S: crate::mind::CacheableSource> $strategy<S> {
            /// How long a value lives; the manager's [`Policy::ttl`](crate::Policy::ttl) where not given.
            pub fn ttl(self, ttl: impl Into<crate::policy::Ttl>) -> Self {
                Self(self.0.ttl(ttl.into()))
            }

            /// How long it is remembered that there is no value; the manager's
            /// [`Policy::negative_ttl`](crate::Policy::negative_ttl) where not given.
            pub fn negative_ttl(self, ttl: impl Into<crate::policy::Ttl>) -> Self {
                Self(self.0.negative_ttl(ttl.into()))
            }

            /// How old an answer may be; the manager's [`Policy::level`](crate::Policy::level) where not given. A caller
            /// says it for one read with [`ReadAt`](crate::ReadAt).
            pub fn level(self, level: crate::policy::Level) -> Self {
                Self(self.0.level(level))
            }

            /// The value of `key`; `None` where the source has none. Concurrent reads of a key that is not cached share one
            /// load, in this process and across processes.
            ///
            /// # Errors
            /// The source's own. The cache's own failures go to the log, and the source answers.
            pub async fn get(
                &self,
                key: &S::Key,
            ) -> Result<Option<std::sync::Arc<S::Value>>, S::Error> {
                self.0.get(key).await
            }

            /// The value of each of `keys`, in their order, duplicates included: one batch read of the cache, and one
            /// [`load_many`](crate::DataSource::load_many) of what is missing. Above a thousand keys it goes in several
            /// batches.
            ///
            /// # Errors
            /// The source's own.
            pub async fn get_many(
                &self,
                keys: &[S::Key],
            ) -> Result<Vec<Option<std::sync::Arc<S::Value>>>, S::Error> {
                self.0.get_many(keys).await
            }

            /// Makes what is cached under `key` a miss, for every process: after a change of the source that went by no
            /// strategy of this name.
            ///
            /// # Errors
            /// What keeps the backend from answering; the value may then still be served.
            pub async fn invalidate(&self, key: &S::Key) -> crate::error::Result<()> {
                self.0.invalidate(key).await
            }

            /// The source.
            #[must_use]
            pub fn source(&self) -> &S {
                self.0.source()
            }

            /// What it did since it was made.
            #[must_use]
            pub fn stats(&self) -> crate::mind::Stats {
                self.0.stats()
            }
        }

        impl<S: crate::port::DataSource> Clone for $strategy<S> {
            fn clone(&self) -> Self {
                Self(self.0.clone())
            }
        }

        impl<S: crate::port::DataSource> std::fmt::Debug for $strategy<S> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_tuple(stringify!($strategy)).field(&self.0).finish()
            }
        }
    };
}
use reads;
