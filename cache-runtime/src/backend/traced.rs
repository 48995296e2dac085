//! A cache that says what it is asked, for whoever debugs.

mod call;
mod forward;
mod limits;
mod ports;
mod sessions;

use std::fmt;
use std::sync::Arc;

use self::call::Call;

/// Any cache, with one debug event for each call: the operation, the key, how many keys there are, how many bytes went
/// or came, how long it took, and what came of it. Never a value, and never a secret of the connection.
///
/// Turn it on with [`debug(true)`](crate::CacheManagerBuilder::debug) or `CACHE_DEBUG=true`, and let the log say it:
/// `RUST_LOG=cache_runtime::backend=debug`. While that level is off, a call goes straight on: nothing is timed, made or
/// allocated.
///
/// What a write-behind sends to its queue is not told.
///
/// A key bears what it was made of: the id of a row, the value that a row was looked up by. Where those are nothing for
/// a log, leave this off.
///
/// ```
/// use std::sync::Arc;
///
/// use cache_runtime::CacheManager;
/// use cache_runtime::backend::{NullCache, Traced};
///
/// # fn example() -> cache_runtime::Result<()> {
/// let cache = Traced::over(Arc::new(NullCache::new()));
/// let manager = CacheManager::builder("shop").backend(Arc::new(cache)).build()?;
/// # Ok(())
/// # }
/// # example().unwrap();
/// ```
pub struct Traced<C: ?Sized> {
    inner: Arc<C>,
}

impl<C: ?Sized> Traced<C> {
    /// This cache, traced.
    #[must_use]
    pub fn over(inner: Arc<C>) -> Self {
        Self { inner }
    }

    /// Whether anybody wants to know.
    fn is_on() -> bool {
        tracing::enabled!(target: call::TARGET, tracing::Level::DEBUG)
    }

    fn begin(operation: &'static str) -> Call {
        Call::begin(operation)
    }
}

impl<C: ?Sized> Clone for Traced<C> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<C: fmt::Debug + ?Sized> fmt::Debug for Traced<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Traced").field(&self.inner).finish()
    }
}
