//! Reads that load what is not cached, and writes that take it out of the cache.

use super::reads;
use crate::error::Error;
use crate::mind::{CacheableSource, Sourced};
use crate::port::DataSource;

/// Cache-aside: reads load what is not cached; a write goes to the source, and what was cached is gone.
///
/// # Promise
///
/// A read is never older than what was committed when it began, or as old as its [`Level`](crate::Level) allows, with regard
/// to writes that go through [`WriteThrough`](crate::WriteThrough) or [`CacheAside`](crate::CacheAside) of the same name over the
/// same namespace, in whatever process, to [`invalidate`](Self::invalidate), and to the [tags](crate::DataSource::tags) of the
/// source.
/// A write is not a removal before or after the change: the key is held from before the change until after it, so that no reader
/// can put back what it loaded before. A write whose outcome is unknown ([`DataSource::is_settled`](crate::DataSource::is_settled)) keeps its
/// key out of the cache for the life of a hold, 30 seconds.
///
/// # Costs
///
/// Reads as [`ReadThrough`](crate::ReadThrough). A write: a hold before the source's own, a release after it, and the next read is a miss.
///
/// # When
///
/// Data that is written more often than it is read again, where filling the cache at every write would be for nobody.
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
/// let users = cache.cache_aside("users", Users::default());
///
/// users.put(&7, &user("ada")).await?;
/// assert_eq!(users.get(&7).await?.as_deref(), Some(&user("ada")));
/// users.put(&7, &user("grace")).await?;
/// assert_eq!(users.get(&7).await?.as_deref(), Some(&user("grace")));
/// assert!(users.delete(&7).await?);
/// assert_eq!(users.get(&7).await?, None);
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[must_use]
pub struct CacheAside<S: DataSource>(pub(crate) Sourced<S>);

reads!(CacheAside);

impl<S: CacheableSource> CacheAside<S> {
    /// Stores a value in the source; returns it as it is stored there. `key` is the value's own. What is cached under it is
    /// gone, for every process, before the source is asked. Runs to its end also when the caller goes away.
    ///
    /// # Errors
    /// The source's own; and [`ErrorKind::HoldNotPlaced`](crate::ErrorKind::HoldNotPlaced) in it, where the cache is out of
    /// reach and the manager's policy is not to proceed without it: the source was then not asked.
    pub async fn put(&self, key: &S::Key, value: &S::Value) -> Result<S::Value, S::Error>
    where
        S::Value: Clone,
        S::Error: From<Error>,
    {
        self.0.store(key, value).await
    }

    /// Removes a value from the source; says whether there was one.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub async fn delete(&self, key: &S::Key) -> Result<bool, S::Error>
    where
        S::Error: From<Error>,
    {
        self.0.delete(key).await
    }
}
