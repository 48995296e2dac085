//! Reads that go through the cache.

use super::reads;
use crate::mind::Sourced;
use crate::port::DataSource;

/// Read-through: what is asked for comes from the cache, which loads what it does not have from the source.
///
/// The reading half alone, for data that this program does not write, or writes elsewhere.
///
/// # Promise
///
/// A read is never older than what was committed when it began, or as old as its [`Level`](crate::Level) allows, with regard
/// to writes that go through [`WriteThrough`](crate::WriteThrough) or [`CacheAside`](crate::CacheAside) of the same name over the
/// same namespace, in whatever process, to [`invalidate`](Self::invalidate), and to the [tags](crate::DataSource::tags) of the
/// source.
/// For all other changes of the source it is fresh to its TTL. Where the cache is out of reach the source answers.
///
/// # Costs
///
/// A hit in the process: no round trip. A hit in the backend: one. A miss: a lease, the load, and a fill behind the caller.
///
/// # When
///
/// The default. A repository is read-through over its table already, with look-ups and lists beside it.
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::Mutex;
///
/// use cache_runtime::{CacheManager, DataSource, Error, Result};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
/// struct User { id: u64, name: String }
///
/// #[derive(Default)]
/// struct Users { rows: Mutex<HashMap<u64, User>>, loads: Mutex<usize> }
///
/// impl DataSource for Users {
///     type Key = u64;
///     type Value = User;
///     type Error = Error;
///
///     async fn load(&self, id: &u64) -> Result<Option<User>> {
///         *self.loads.lock().unwrap() += 1;
///         Ok(self.rows.lock().unwrap().get(id).cloned())
///     }
///
///     async fn load_many(&self, ids: &[u64]) -> Result<Vec<Option<User>>> {
///         *self.loads.lock().unwrap() += 1;
///         Ok(ids.iter().map(|id| self.rows.lock().unwrap().get(id).cloned()).collect())
///     }
///
///     async fn store(&self, user: &User) -> Result<User> {
///         self.rows.lock().unwrap().insert(user.id, user.clone());
///         Ok(user.clone())
///     }
///
///     async fn delete(&self, id: &u64) -> Result<bool> {
///         Ok(self.rows.lock().unwrap().remove(id).is_some())
///     }
/// }
///
/// # async fn example() -> Result<()> {
/// let cache = CacheManager::builder("shop").memory().build()?;
/// let users = cache.read_through("users", Users::default());
/// # let user = |name: &str| User { id: 7, name: name.into() };
/// users.source().rows.lock().unwrap().insert(7, user("ada"));
///
/// assert_eq!(users.get(&7).await?.as_deref(), Some(&user("ada")));
/// # cache.drain().await;
/// users.get(&7).await?;
/// assert_eq!(*users.source().loads.lock().unwrap(), 1, "the second answer came from the cache");
/// assert_eq!(users.get_many(&[7, 8]).await?.len(), 2);
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[must_use]
pub struct ReadThrough<S: DataSource>(pub(crate) Sourced<S>);

reads!(ReadThrough);
