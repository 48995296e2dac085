//! Where the truth is.

use std::future::Future;

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
}
