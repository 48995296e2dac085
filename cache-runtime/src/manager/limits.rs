//! Rate limits under this manager.

use std::sync::Arc;

use super::CacheManager;
use crate::rate_limit::{
    ConcurrencyLimit, ConcurrencyLimitBuilder, ConcurrencySpec, Ground, LimitSpec, RateLimit,
    RateLimitBuilder,
};

/// Limits are counted in the namespace, and stay when it is emptied.
impl CacheManager {
    /// Begins a rate limit of this name: letters, digits, `_`, `-` and `.`. Two of one name count together.
    pub fn rate_limit(&self, name: &str) -> RateLimitBuilder {
        RateLimitBuilder::new(self.ground(), name)
    }

    /// Begins a limit of what happens at the same time.
    ///
    /// ```
    /// # async fn example() -> cache_runtime::Result<()> {
    /// use std::time::Duration;
    /// use cache_runtime::{Acquired, CacheManager, OnError, Seats};
    ///
    /// let cache = CacheManager::builder("shop").memory().build()?;
    /// let reports = cache
    ///     .concurrency_limit("reports")
    ///     .seats(Seats::new(1, Duration::from_secs(10))?)
    ///     .on_error(OnError::Deny)
    ///     .build()?;
    /// let Acquired::Admitted(permit) = reports.acquire("customer 7").await? else { panic!("a seat") };
    /// assert!(reports.acquire("customer 7").await?.permit().is_none());
    /// permit.release().await?; // or dropped, which gives it back in the background
    /// assert!(reports.acquire("customer 7").await?.permit().is_some());
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn concurrency_limit(&self, name: &str) -> ConcurrencyLimitBuilder {
        ConcurrencyLimitBuilder::new(self.ground(), name)
    }

    fn ground(&self) -> Ground {
        let context = &self.0.context;
        Ground {
            cache: Arc::clone(&context.cache),
            clock: Arc::clone(&context.clock),
            namespace: context.namespace.clone(),
        }
    }
}

/// What annotations make.
impl CacheManager {
    /// What `rate_limit(…)` generates.
    #[doc(hidden)]
    #[must_use]
    pub fn generated_rate_limit(
        &self,
        spec: &'static LimitSpec,
        secret: Option<&[u8]>,
    ) -> RateLimit {
        self.0.limits.rate(spec, secret, || self.ground())
    }

    /// What `rate_limit(algorithm = "concurrency", …)` generates.
    #[doc(hidden)]
    #[must_use]
    pub fn generated_concurrency_limit(
        &self,
        spec: &'static ConcurrencySpec,
        secret: Option<&[u8]>,
    ) -> ConcurrencyLimit {
        self.0.limits.concurrency(spec, secret, || self.ground())
    }
}
