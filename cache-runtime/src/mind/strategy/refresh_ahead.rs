//! Values that are renewed ahead of their TTL.

use super::reads;
use crate::mind::Sourced;
use crate::port::DataSource;

/// Refresh-ahead: read-through, and a value that is read is renewed before its TTL is over.
///
/// Which reader renews it is a matter of chance: XFetch, from Vattani, Chierichetti, Lowenstein, "Optimal Probabilistic Cache
/// Stampede Prevention", PVLDB 8(8), 2015. A reader that finds a value with so much left until its TTL renews it with the
/// probability `exp(-left / (beta * cost))`, where the cost is what its load took. So a value that many read, or that is
/// expensive, is renewed early enough that nobody ever waits; one that nobody reads is left to expire.
///
/// # Promise
///
/// A read is never older than what was committed when it began, or as old as its [`Level`](crate::Level) allows, with regard
/// to writes that go through [`WriteThrough`](crate::WriteThrough) or [`CacheAside`](crate::CacheAside) of the same name over the
/// same namespace, in whatever process, to [`invalidate`](Self::invalidate), and to the [tags](crate::DataSource::tags) of the
/// source.
/// What was loaded takes the value's place only if this very value still stands there, so a renewal never brings back what a
/// write has changed. No reader is served after the TTL.
///
/// # Costs
///
/// Reads as [`ReadThrough`](crate::ReadThrough); at [`Level::Strong`](crate::Level::Strong) a hit asks for what is left of the value's
/// life, too. A renewal runs behind its reader: one load, one step on the backend. In one process one renewal at a time; two
/// processes may both be chosen.
///
/// # When
///
/// Keys that are always read, whose load is slow compared to the time between reads. Where loads are quick and keys many, the
/// load of one reader after the TTL is as good.
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
/// let users = cache.refresh_ahead("users", Users::default(), 1.0);
/// users.source().rows.lock().unwrap().insert(7, user("ada"));
/// assert_eq!(users.get(&7).await?.as_deref(), Some(&user("ada")));
///
/// // So large a beta renews at every read; 1.0 does near the end of the TTL.
/// let eager = cache.refresh_ahead("eager", Users::default(), 1e12);
/// eager.source().rows.lock().unwrap().insert(7, user("ada"));
/// eager.get(&7).await?;
/// # cache.drain().await;
/// eager.source().rows.lock().unwrap().insert(7, user("grace"));
/// assert_eq!(eager.get(&7).await?.as_deref(), Some(&user("ada")), "served, and renewed behind");
/// # cache.drain().await;
/// assert_eq!(eager.get(&7).await?.as_deref(), Some(&user("grace")));
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[must_use]
pub struct RefreshAhead<S: DataSource>(pub(crate) Sourced<S>);

reads!(RefreshAhead);
