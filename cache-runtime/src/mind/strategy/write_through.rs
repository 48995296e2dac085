//! Writes that go to the source first, and then into the cache.

use super::reads;
use crate::error::Error;
use crate::mind::{CacheableSource, Sourced};
use crate::port::DataSource;

/// Write-through: a write goes to the source first; then the cache has it.
///
/// # Promise
///
/// A read is never older than what was committed when it began, or as old as its [`Level`](crate::Level) allows, with regard
/// to writes that go through [`WriteThrough`](crate::WriteThrough) or [`CacheAside`](crate::CacheAside) of the same name over the
/// same namespace, in whatever process, to [`invalidate`](Self::invalidate), and to the [tags](crate::DataSource::tags) of the
/// source.
/// The source is first: a store that fails leaves nothing of its value in the cache. The key is held from before the store until
/// after it; then the value is read back, under a lease like every other, because two writers that run at once are in an order
/// that the source alone knows. A write whose outcome is unknown ([`DataSource::is_settled`](crate::DataSource::is_settled)) keeps its key
/// out of the cache for the life of a hold, 30 seconds.
///
/// # Costs
///
/// Reads as [`ReadThrough`](crate::ReadThrough). A write: a hold before the source's own, a release after it, and behind the caller one load.
///
/// # When
///
/// What is written is read soon: sessions, profiles, settings.
///
/// ```
/// # use std::collections::HashMap;
/// # use std::sync::{Arc, Mutex};
/// # use serde::{Deserialize, Serialize};
/// # use cache_runtime::{CacheManager, DataSource, Error, Result};
/// # #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
/// # struct User { id: u64, name: String }
/// # #[derive(Default)]
/// # struct Users { rows: Mutex<HashMap<u64, User>>, loads: Mutex<usize> }
/// # impl DataSource for Users {
/// #     type Key = u64;
/// #     type Value = User;
/// #     type Error = Error;
/// #     async fn load(&self, id: &u64) -> Result<Option<User>> {
/// #         *self.loads.lock().unwrap() += 1;
/// #         Ok(self.rows.lock().unwrap().get(id).cloned())
/// #     }
/// #     async fn load_many(&self, ids: &[u64]) -> Result<Vec<Option<User>>> {
/// #         *self.loads.lock().unwrap() += 1;
/// #         Ok(ids.iter().map(|id| self.rows.lock().unwrap().get(id).cloned()).collect())
/// #     }
/// #     async fn store(&self, user: &User) -> Result<User> {
/// #         self.rows.lock().unwrap().insert(user.id, user.clone());
/// #         Ok(user.clone())
/// #     }
/// #     async fn delete(&self, id: &u64) -> Result<bool> {
/// #         Ok(self.rows.lock().unwrap().remove(id).is_some())
/// #     }
/// # }
/// # fn user(name: &str) -> User { User { id: 7, name: name.into() } }
/// # async fn example() -> Result<()> {
/// let cache = CacheManager::builder("shop").memory().build()?;
/// let users = cache.write_through("users", Users::default());
///
/// users.put(&7, &user("ada")).await?;
/// # cache.drain().await;
/// let loads = *users.source().loads.lock().unwrap();
/// assert_eq!(users.get(&7).await?.as_deref(), Some(&user("ada")));
/// assert_eq!(*users.source().loads.lock().unwrap(), loads, "the cache had it");
/// assert!(users.delete(&7).await?);
/// assert_eq!(users.get(&7).await?, None);
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[must_use]
pub struct WriteThrough<S: DataSource>(pub(crate) Sourced<S>);

reads!(WriteThrough);

impl<S: CacheableSource> WriteThrough<S> {
    /// Stores a value in the source, and then puts it into the cache, behind the caller; returns it as it is stored. `key` is
    /// the value's own. Runs to its end also when the caller goes away.
    ///
    /// # Errors
    /// The source's own; and [`ErrorKind::HoldNotPlaced`](crate::ErrorKind::HoldNotPlaced) in it, where the cache is out of
    /// reach and the manager's policy is not to proceed without it: the source was then not asked.
    pub async fn put(&self, key: &S::Key, value: &S::Value) -> Result<S::Value, S::Error>
    where
        S::Value: Clone,
        S::Error: From<Error>,
    {
        let stored = self.0.store(key, value).await?;
        self.0.read_behind(key);
        Ok(stored)
    }

    /// Removes a value from the source, and then has the cache know that there is none; says whether there was one.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub async fn delete(&self, key: &S::Key) -> Result<bool, S::Error>
    where
        S::Error: From<Error>,
    {
        let deleted = self.0.delete(key).await?;
        self.0.read_behind(key);
        Ok(deleted)
    }
}
