//! Values that are served for a while after their TTL.

use super::reads;
use crate::mind::Sourced;
use crate::port::DataSource;

/// Stale-while-revalidate: read-through, and a value is served for a while after its TTL while one reader renews it.
///
/// # Promise
///
/// A read is never older than what was committed when it began, or as old as its [`Level`](crate::Level) allows, with regard
/// to writes that go through [`WriteThrough`](crate::WriteThrough) or [`CacheAside`](crate::CacheAside) of the same name over the
/// same namespace, in whatever process, to [`invalidate`](Self::invalidate), and to the [tags](crate::DataSource::tags) of the
/// source.
/// Staleness is for what has expired, never for what was invalidated: what a write has changed is gone at once, whatever is left of
/// the while. What was loaded takes the value's place only if this very value still stands there. A change that nobody tells the
/// cache of is seen so much later.
///
/// # Costs
///
/// Reads as [`ReadThrough`](crate::ReadThrough); at [`Level::Strong`](crate::Level::Strong) a hit asks for what is left of the value's
/// life, too. A renewal runs behind its reader: a claim, one load, one step on the backend. One reader in one process has it; where
/// its load fails the next try comes when its claim has run out (10 seconds, or half the while if that is shorter).
///
/// # When
///
/// Nobody may wait for a load after the TTL, and the TTL is a matter of taste: front pages, rates, counts. Where the value may not
/// be older than its TTL, refresh-ahead.
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
/// use std::time::Duration;
/// let cache = CacheManager::builder("shop").memory().jitter(0.0).build()?;
/// let (ttl, after) = (Duration::from_millis(1), Duration::from_secs(60));
/// let users = cache.stale_while_revalidate("users", Users::default(), after).ttl(ttl);
/// users.source().rows.lock().unwrap().insert(7, user("ada"));
/// users.get(&7).await?;
/// # cache.drain().await;
/// tokio::time::sleep(ttl * 5).await;
/// users.source().rows.lock().unwrap().insert(7, user("grace"));
/// assert_eq!(users.get(&7).await?.as_deref(), Some(&user("ada")), "served, and renewed behind");
/// # cache.drain().await;
/// assert_eq!(users.get(&7).await?.as_deref(), Some(&user("grace")));
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[must_use]
pub struct StaleWhileRevalidate<S: DataSource>(pub(crate) Sourced<S>);

reads!(StaleWhileRevalidate);
