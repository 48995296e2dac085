//! Lists at keys.

use std::fmt::Debug;

use bytes::Bytes;

use super::BoxFuture;
use crate::error::Result;
use crate::key::Key;

/// Values in an order, with two ends.
///
/// An absent key is an empty list, and a list that has become empty is gone, with its lifetime. A change keeps what is
/// left of the key's life.
///
/// Every method fails with [`WrongType`](crate::ErrorKind::WrongType), and changes nothing, where something other than
/// a list stands at the key.
///
/// ```
/// # async fn example() -> cache_runtime::Result<()> {
/// use bytes::Bytes;
/// use cache_runtime::CacheManager;
///
/// let cache = CacheManager::builder("shop").memory().build()?;
/// let recent = cache.key().text("recent").value(&5).finish()?;
/// let lists = cache.lists();
/// lists.list_push_front(&recent, &[Bytes::from("tea"), Bytes::from("milk")]).await?;
/// assert_eq!(lists.list_range(&recent, 0, -1).await?, ["milk", "tea"]);
/// assert_eq!(lists.list_pop_back(&recent).await?, Some(Bytes::from("tea")));
/// assert_eq!(lists.list_length(&recent).await?, 1);
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(example()).unwrap();
/// ```
pub trait Lists: Debug + Send + Sync + 'static {
    /// Puts each of `values`, one after the other, before the first one: the last of them is the first of the list
    /// then. Answers with the length. No values change nothing.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType), [`OutOfMemory`](crate::ErrorKind::OutOfMemory) where the backend
    /// has no room for the list, and whatever keeps it from answering.
    fn list_push_front<'a>(
        &'a self,
        key: &'a Key,
        values: &'a [Bytes],
    ) -> BoxFuture<'a, Result<u64>>;

    /// Puts each of `values`, one after the other, behind the last one. Answers with the length. No values change
    /// nothing.
    ///
    /// # Errors
    /// Those of [`list_push_front`](Self::list_push_front).
    fn list_push_back<'a>(
        &'a self,
        key: &'a Key,
        values: &'a [Bytes],
    ) -> BoxFuture<'a, Result<u64>>;

    /// Takes the first one out; `None` where the list is empty.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType), and whatever keeps the backend from answering.
    fn list_pop_front<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Bytes>>>;

    /// Takes the last one out; `None` where the list is empty.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType), and whatever keeps the backend from answering.
    fn list_pop_back<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Bytes>>>;

    /// How many values it has.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType), and whatever keeps the backend from answering.
    fn list_length<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<u64>>;

    /// The values from the place `first` to the place `last`, both included. Places count from zero; negative ones from
    /// the end, -1 being the last value. What lies outside of the list is left out, so `0, -1` is the whole of it, and
    /// a range that is empty or the wrong way round has no values.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType), and whatever keeps the backend from answering.
    fn list_range<'a>(
        &'a self,
        key: &'a Key,
        first: i64,
        last: i64,
    ) -> BoxFuture<'a, Result<Vec<Bytes>>>;

    /// Keeps the values that [`list_range`](Self::list_range) would give, and drops all others: after a push to the
    /// front, `0, 99` bounds the list at a hundred.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType), and whatever keeps the backend from answering.
    fn list_trim<'a>(&'a self, key: &'a Key, first: i64, last: i64) -> BoxFuture<'a, Result<()>>;
}
