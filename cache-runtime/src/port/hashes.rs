//! Hashes at keys: fields with values.

use std::collections::HashMap;
use std::fmt::Debug;

use bytes::Bytes;

use super::BoxFuture;
use crate::error::Result;
use crate::key::Key;

/// Fields with values under one key, each read and written on its own.
///
/// An absent key is a hash without fields, and a hash that has lost its last field is gone, with its lifetime. A change
/// keeps what is left of the key's life; fields have none of their own.
///
/// Every method fails with [`WrongType`](crate::ErrorKind::WrongType), and changes nothing, where something other than
/// a hash stands at the key.
///
/// ```
/// # async fn example() -> cache_runtime::Result<()> {
/// use bytes::Bytes;
/// use cache_runtime::CacheManager;
///
/// let cache = CacheManager::builder("shop").memory().build()?;
/// let basket = cache.key().text("basket").value(&5).finish()?;
/// let hashes = cache.hashes();
/// hashes.hash_set(&basket, &[(Bytes::from("tea"), Bytes::from("2"))]).await?;
/// assert_eq!(hashes.hash_increment_by(&basket, b"tea", 1).await?, 3);
/// assert_eq!(hashes.hash_get(&basket, b"tea").await?, Some(Bytes::from("3")));
/// assert_eq!(hashes.hash_get_all(&basket).await?.len(), 1);
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(example()).unwrap();
/// ```
pub trait Hashes: Debug + Send + Sync + 'static {
    /// Puts each value at its field, whatever was there; says how many of the fields are new. The last value of a field
    /// that is named twice stays. No fields change nothing.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType), [`OutOfMemory`](crate::ErrorKind::OutOfMemory) where the backend
    /// has no room for the hash, and whatever keeps it from answering.
    fn hash_set<'a>(
        &'a self,
        key: &'a Key,
        fields: &'a [(Bytes, Bytes)],
    ) -> BoxFuture<'a, Result<u64>>;

    /// The value at `field`.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType), and whatever keeps the backend from answering.
    fn hash_get<'a>(
        &'a self,
        key: &'a Key,
        field: &'a [u8],
    ) -> BoxFuture<'a, Result<Option<Bytes>>>;

    /// All fields with their values.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType), and whatever keeps the backend from answering.
    fn hash_get_all<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<HashMap<Bytes, Bytes>>>;

    /// Removes `fields`; says how many of them were there. No fields change nothing.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType), and whatever keeps the backend from answering.
    fn hash_delete<'a>(&'a self, key: &'a Key, fields: &'a [Bytes]) -> BoxFuture<'a, Result<u64>>;

    /// How many fields there are.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType), and whatever keeps the backend from answering.
    fn hash_length<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<u64>>;

    /// Adds `by`, which may be negative, to the number at `field`, an absent one being zero; answers with the sum.
    ///
    /// # Errors
    /// Each of these leaves the field as it is: [`NotANumber`](crate::ErrorKind::NotANumber) where it is no whole
    /// number of 64 bits, [`Overflow`](crate::ErrorKind::Overflow) where the sum would be none,
    /// [`WrongType`](crate::ErrorKind::WrongType). Beside them, whatever keeps the backend from answering.
    fn hash_increment_by<'a>(
        &'a self,
        key: &'a Key,
        field: &'a [u8],
        by: i64,
    ) -> BoxFuture<'a, Result<i64>>;
}
