//! Whole numbers at keys.

use std::fmt::Debug;

use super::BoxFuture;
use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;

/// Numbers that many callers change at once without losing a step.
///
/// A counter is a text of decimal digits at its key, so that [`Cache::get`](crate::Cache::get) reads it and
/// [`Cache::set`](crate::Cache::set) begins it. An absent key counts as zero. A step keeps what is left of the key's
/// life; a counter that a step has made lives for ever, until [`Cache::expire`](crate::Cache::expire) says otherwise.
///
/// ```
/// # async fn example() -> cache_runtime::Result<()> {
/// use cache_runtime::CacheManager;
///
/// let cache = CacheManager::builder("shop").memory().build()?;
/// let views = cache.key().text("views").value(&5).finish()?;
/// assert_eq!(cache.counters().increment(&views).await?, 1);
/// assert_eq!(cache.counters().increment_by(&views, 10).await?, 11);
/// assert_eq!(cache.counters().decrement(&views).await?, 10);
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(example()).unwrap();
/// ```
pub trait Counters: Debug + Send + Sync + 'static {
    /// Adds `by`, which may be negative, to the number at `key`; answers with the sum.
    ///
    /// # Errors
    /// Each of these leaves the key as it is: [`NotANumber`](ErrorKind::NotANumber) where the bytes at the key are no
    /// whole number of 64 bits, [`Overflow`](ErrorKind::Overflow) where the sum would be none,
    /// [`WrongType`](ErrorKind::WrongType) where something other than bytes stands there. Beside them, whatever keeps
    /// the backend from answering.
    fn increment_by<'a>(&'a self, key: &'a Key, by: i64) -> BoxFuture<'a, Result<i64>>;

    /// Adds one.
    ///
    /// # Errors
    /// Those of [`increment_by`](Self::increment_by).
    fn increment<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<i64>> {
        self.increment_by(key, 1)
    }

    /// Takes one away.
    ///
    /// # Errors
    /// Those of [`increment_by`](Self::increment_by).
    fn decrement<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<i64>> {
        self.increment_by(key, -1)
    }

    /// Takes `by`, which may be negative, away from the number at `key`; answers with the difference.
    ///
    /// # Errors
    /// Those of [`increment_by`](Self::increment_by), and [`Overflow`](ErrorKind::Overflow) for [`i64::MIN`], whose
    /// opposite is no number of 64 bits.
    fn decrement_by<'a>(&'a self, key: &'a Key, by: i64) -> BoxFuture<'a, Result<i64>> {
        match opposite(by) {
            Ok(opposite) => self.increment_by(key, opposite),
            Err(error) => Box::pin(async move { Err(error) }),
        }
    }
}

/// What to add in order to take `by` away.
pub(super) fn opposite(by: i64) -> Result<i64> {
    by.checked_neg().ok_or_else(|| {
        Error::new(
            ErrorKind::Overflow,
            format!("a counter cannot be decremented by {by}: take it away in two steps"),
        )
    })
}
