//! Sets at keys.

use std::collections::HashSet;
use std::fmt::Debug;

use bytes::Bytes;

use super::BoxFuture;
use crate::error::Result;
use crate::key::Key;

/// Values of which each is there once, in no order.
///
/// An absent key is an empty set, and a set that has become empty is gone, with its lifetime. A change keeps what is
/// left of the key's life.
///
/// Every method fails with [`WrongType`](crate::ErrorKind::WrongType), and changes nothing, where something other than
/// a set stands at the key.
///
/// ```
/// # async fn example() -> cache_runtime::Result<()> {
/// use bytes::Bytes;
/// use cache_runtime::CacheManager;
///
/// let cache = CacheManager::builder("shop").memory().build()?;
/// let online = cache.key().text("online").finish()?;
/// let sets = cache.sets();
/// assert_eq!(sets.set_add(&online, &[Bytes::from("ann"), Bytes::from("bob")]).await?, 2);
/// assert!(sets.set_is_member(&online, b"ann").await?);
/// assert_eq!(sets.set_remove(&online, &[Bytes::from("ann")]).await?, 1);
/// assert_eq!(sets.set_members(&online).await?.len(), 1);
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(example()).unwrap();
/// ```
pub trait Sets: Debug + Send + Sync + 'static {
    /// Puts `members` in; says how many of them were not there. No members change nothing.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType), [`OutOfMemory`](crate::ErrorKind::OutOfMemory) where the backend
    /// has no room for the set, and whatever keeps it from answering.
    fn set_add<'a>(&'a self, key: &'a Key, members: &'a [Bytes]) -> BoxFuture<'a, Result<u64>>;

    /// Takes `members` out; says how many of them were there. No members change nothing.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType), and whatever keeps the backend from answering.
    fn set_remove<'a>(&'a self, key: &'a Key, members: &'a [Bytes]) -> BoxFuture<'a, Result<u64>>;

    /// All members.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType), and whatever keeps the backend from answering.
    fn set_members<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<HashSet<Bytes>>>;

    /// Whether `member` is one.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType), and whatever keeps the backend from answering.
    fn set_is_member<'a>(&'a self, key: &'a Key, member: &'a [u8]) -> BoxFuture<'a, Result<bool>>;

    /// How many members there are.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType), and whatever keeps the backend from answering.
    fn set_cardinality<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<u64>>;
}
