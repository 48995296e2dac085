//! Where the truth is.

use std::future::Future;
use std::sync::Arc;

/// The store that is cached: it has the truth, and writes to it.
///
/// Its errors are its own: whatever stands between a caller and the source returns them unchanged. Loads read the
/// primary, in a statement that begins after the call.
pub trait DataSource: Send + Sync {
    /// What a value is found by.
    type Key: Send + Sync;
    /// What is stored.
    type Value: Send;
    /// What goes wrong.
    type Error: Send;

    /// The value of `key`; `None` where there is none.
    fn load(
        &self,
        key: &Self::Key,
    ) -> impl Future<Output = Result<Option<Self::Value>, Self::Error>> + Send;

    /// The value of each of `keys`, in their order, duplicates included. Nothing is asked of the store for no keys.
    fn load_many(
        &self,
        keys: &[Self::Key],
    ) -> impl Future<Output = Result<Vec<Option<Self::Value>>, Self::Error>> + Send;

    /// Inserts the value, or replaces the one with the same key; returns it as it is stored.
    fn store(
        &self,
        value: &Self::Value,
    ) -> impl Future<Output = Result<Self::Value, Self::Error>> + Send;

    /// Removes the value of `key`; says whether there was one.
    fn delete(&self, key: &Self::Key) -> impl Future<Output = Result<bool, Self::Error>> + Send;

    /// The tags that every value of this source depends on: what is cached of it is a miss once one of them has been
    /// invalidated. Asked for once, by whoever begins to cache the source. None, unless this method is written; a repository
    /// names its table, so that its writes are seen whichever way its rows are cached.
    fn tags(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether this failure of a [`store`](Self::store) or [`delete`](Self::delete) says for certain that nothing was
    /// changed, nor will be: a refused constraint says so, a lost connection does not. `false`, unless this method is
    /// written: what was to be changed then stays out of the cache for the life of a hold, because the change may still
    /// come.
    fn is_settled(error: &Self::Error) -> bool {
        let _ = error;
        false
    }
}

/// A source that several share.
impl<S: DataSource> DataSource for Arc<S> {
    type Key = S::Key;
    type Value = S::Value;
    type Error = S::Error;

    fn load(
        &self,
        key: &S::Key,
    ) -> impl Future<Output = Result<Option<S::Value>, S::Error>> + Send {
        (**self).load(key)
    }

    fn load_many(
        &self,
        keys: &[S::Key],
    ) -> impl Future<Output = Result<Vec<Option<S::Value>>, S::Error>> + Send {
        (**self).load_many(keys)
    }

    fn store(&self, value: &S::Value) -> impl Future<Output = Result<S::Value, S::Error>> + Send {
        (**self).store(value)
    }

    fn delete(&self, key: &S::Key) -> impl Future<Output = Result<bool, S::Error>> + Send {
        (**self).delete(key)
    }

    fn tags(&self) -> Vec<String> {
        (**self).tags()
    }

    fn is_settled(error: &S::Error) -> bool {
        S::is_settled(error)
    }
}
