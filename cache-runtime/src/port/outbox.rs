//! The outbox: keys that wait in the database until somebody has removed them from the cache.

use std::fmt::Debug;
use std::time::Duration;

use super::BoxFuture;
use crate::error::Result;
use crate::key::{Key, Prefix};

/// The outbox of one namespace.
///
/// A row is there as soon as the transaction that wrote it has committed, in any order, and stays until it was
/// delivered: rows are never passed by because later ones have been seen.
pub trait Outbox: Debug + Send + Sync + 'static {
    /// Takes rows, older ones first as far as they are known, `most` of them at most, that nobody else has taken; `None` where there are none. Never
    /// waits for who has taken others. Called by a relay whenever it looks for work.
    ///
    /// # Errors
    /// Whatever keeps the database from answering; nothing is then taken.
    fn take(&self, most: usize) -> BoxFuture<'_, Result<Option<Box<dyn Delivery>>>>;

    /// The number of the newest row that is there; `None` where there is none. Called before a relay drains.
    ///
    /// # Errors
    /// Whatever keeps the database from answering.
    fn head(&self) -> BoxFuture<'_, Result<Option<i64>>>;

    /// Whether a row up to this number is there, taken by somebody or not. Called until a relay has drained.
    ///
    /// # Errors
    /// Whatever keeps the database from answering.
    fn waits(&self, head: i64) -> BoxFuture<'_, Result<bool>>;

    /// How much is there.
    ///
    /// # Errors
    /// Whatever keeps the database from answering.
    fn backlog(&self) -> BoxFuture<'_, Result<Backlog>>;

    /// Which life of its data the database is in, and which one it was when this was last [noted](Self::note). Called
    /// every second: a database that has gone back in time makes everything in the cache wrong.
    ///
    /// # Errors
    /// Whatever keeps the database from answering, and that it is a standby, which takes no writes.
    fn lineage(&self) -> BoxFuture<'_, Result<(Lineage, Option<Lineage>)>>;

    /// Notes that the cache holds nothing from before this life of the data.
    ///
    /// # Errors
    /// Whatever keeps the database from answering; another relay then empties the cache once more.
    fn note<'a>(&'a self, lineage: &'a Lineage) -> BoxFuture<'a, Result<()>>;
}

/// Rows that one relay has taken. Dropped, they are there for others again, and so they are when they stay taken for
/// longer than the limit.
pub trait Delivery: Debug + Send {
    /// The rows, oldest first; at least one.
    fn rows(&self) -> &[OutboxRow];

    /// For how long they stay taken, from now on.
    fn limit(&self) -> Duration;

    /// Removes the rows from the outbox. Called when the cache has nothing left of their keys.
    ///
    /// # Errors
    /// Whatever keeps the database from answering; the rows may then come again.
    fn settle(self: Box<Self>) -> BoxFuture<'static, Result<()>>;
}

/// One row of an outbox: what one statement, or one commit, made wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutboxRow {
    /// Keys to remove.
    pub keys: Vec<Key>,
    /// Prefixes under which every key is to be removed.
    pub prefixes: Vec<Prefix>,
    /// How long ago it was written, on the database's clock, when it was taken.
    pub age: Duration,
}

/// What waits in an outbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Backlog {
    /// The rows.
    pub rows: u64,
    /// How long ago the oldest was written; zero where there is none.
    pub oldest: Duration,
}

impl Backlog {
    /// So many rows, the oldest of them written so long ago.
    #[must_use]
    pub fn new(rows: u64, oldest: Duration) -> Self {
        Self { rows, oldest }
    }
}

/// One life of a database's data: another one after a failover, a restore, or where it is another database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lineage {
    /// The server's own identifier.
    pub system: i64,
    /// Its timeline, which changes with each promotion of a standby and each recovery to a point in time.
    pub timeline: i64,
    /// The database on it.
    pub database: i64,
}
