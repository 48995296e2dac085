//! What a write-behind asks of the store that it writes to.

use std::error::Error as StdError;
use std::future::Future;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::DataSource;

/// One write on its way into the source.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Write<K, V> {
    /// What is written.
    pub key: K,
    /// What it is to be; `None`: it is to be deleted.
    pub value: Option<V>,
    /// Higher than that of every earlier write through the same queue; below 2^53. While the server keeps its data, and
    /// as long as its clock is not set back after it has lost it.
    pub version: u64,
    /// The key as a text, which no other key has.
    pub name: String,
}

impl<K, V> Write<K, V> {
    /// A write, for tests of a source.
    #[must_use]
    pub fn new(key: K, value: Option<V>, version: u64, name: String) -> Self {
        Self { key, value, version, name }
    }
}

/// A store that acknowledged writes are applied to later, by whoever is alive then.
///
/// # The contract
///
/// A worker may die at any step and another take over, or be slow, be taken for dead, and go on: so a batch may come
/// twice, at the same time even, and an older write after a newer one. What keeps the last write the last is the
/// **version**, and it is the source that compares it:
///
/// 1. [`apply`](Self::apply) is all or nothing: on an error, nothing of the batch has been applied, or it will be found
///    out that it was by the same batch coming again.
/// 2. A write whose version is not above the one that was last applied to its key changes nothing, and is no error.
/// 3. The comparison and the change are one atomic step: in one transaction, or in one conditional statement.
/// 4. A delete leaves its version behind, or a late older write would bring back what was deleted.
///
/// Every repository, and [`PgSource`](crate::PgSource), keeps it already, with a table of versions in the transaction that
/// changes the rows. A source of one's own whose rows have a column for it, where a deleted row is marked and stays:
///
/// ```sql
/// INSERT INTO scores (player, points, deleted, version) VALUES ($1, $2, $3, $4)
/// ON CONFLICT (player) DO UPDATE
///     SET points = excluded.points, deleted = excluded.deleted, version = excluded.version
///     WHERE scores.version < excluded.version
/// ```
pub trait WriteBehindSource:
    DataSource<
        Key: Serialize + DeserializeOwned + 'static,
        Value: Serialize + DeserializeOwned + Sync + 'static,
        Error: StdError + Send + Sync + 'static,
    > + 'static
{
    /// Whether the source keeps a cache of its own, which [`read`](Self::read) asks and [`apply`](Self::apply)
    /// invalidates: the write-behind then keeps none beside it. It does unless this is written.
    const OWN_CACHE: bool = false;

    /// Applies a batch of the queue of this name: no two writes of one key, in the order in which they were acknowledged.
    fn apply(
        &self,
        queue: &str,
        writes: &[Write<Self::Key, Self::Value>],
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Why this value can never be applied under this key, where that is known without asking anyone: the write is then
    /// refused in place of being acknowledged. By default there is no such value.
    fn refusal(&self, key: &Self::Key, value: &Self::Value) -> Option<String> {
        let _ = (key, value);
        None
    }

    /// Whether the failure says nothing about the writes: the source is out of reach, overloaded, or was in another
    /// transaction's way. Such a batch is tried again for as long as it takes; any other failure counts against the
    /// write, which becomes a dead letter after too many.
    fn is_away(&self, error: &Self::Error) -> bool;

    /// The value of `key`, no older than what was applied when the call began. Called for a key with nothing pending
    /// where there is [a cache of its own](Self::OWN_CACHE); by default a load.
    fn read(
        &self,
        key: &Self::Key,
    ) -> impl Future<Output = Result<Option<Arc<Self::Value>>, Self::Error>> + Send {
        async move { Ok(self.load(key).await?.map(Arc::new)) }
    }

    /// Forgets the versions below this one of the queue of this name: no write as old as that waits any more. Called
    /// about once an hour; by default nothing.
    fn forget(
        &self,
        queue: &str,
        before: u64,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send {
        let _ = (queue, before);
        std::future::ready(Ok(()))
    }
}
