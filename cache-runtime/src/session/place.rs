//! Where sessions stand.

use std::sync::Arc;

use super::turns::Kind;
use super::{SessionConfig, SessionData, Sessions};
use crate::error::Result;
use crate::key::Namespace;
use crate::port::{CoherentCache, SessionBackend, Unsupported};

#[derive(Clone, Debug)]
pub(super) enum Place {
    /// In the backend of a cache.
    Backend(Arc<dyn CoherentCache>),
    /// Elsewhere.
    Sessions(Arc<dyn SessionBackend>),
}

impl Place {
    /// What stands in for sessions that a backend does not have answers every call with an error.
    pub(super) fn port(&self) -> &dyn SessionBackend {
        match self {
            Self::Backend(backend) => backend.sessions().unwrap_or(&Unsupported),
            Self::Sessions(sessions) => &**sessions,
        }
    }
}

impl<D: SessionData> Sessions<D> {
    /// Sessions by hand: `Sessions::new(cache.backend(), cache.namespace(), &config)`. Keep it, and do not make one for
    /// each call: the changes that one process makes to one session wait in it for each other.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) for an empty name, limits of no time, or an idle limit above the absolute one.
    pub fn new(
        backend: &Arc<dyn CoherentCache>,
        namespace: &Namespace,
        config: &SessionConfig<D>,
    ) -> Result<Self> {
        let place = Place::Backend(Arc::clone(backend));
        config.check()?;
        Self::of_kind(place, namespace, config, Arc::new(Kind::new(config.tolerant)))
    }

    /// Sessions by hand that stand elsewhere than in the backend of a cache: in a database, by
    /// `CacheManager::kept_sessions`, or in what has a [`SessionBackend`] of one's own.
    ///
    /// ```no_run
    /// # #[cfg(all(feature = "postgres", feature = "redis"))]
    /// # async fn example(pool: sqlx::PgPool) -> cache_runtime::Result<()> {
    /// use std::time::Duration;
    ///
    /// use cache_runtime::CacheManager;
    /// use cache_runtime::session::{SessionConfig, SessionUser, Sessions};
    ///
    /// let cache = CacheManager::builder("shop").redis("redis://localhost").build()?;
    /// cache_runtime::migrate(&pool).await?;
    /// let _relay = cache.relay(&pool).spawn()?;
    ///
    /// let (idle, absolute) = (Duration::from_secs(30 * 60), Duration::from_secs(12 * 3600));
    /// let mut config = SessionConfig::<Option<i64>>::new("logins", idle, absolute);
    /// config.user = |login| SessionUser::of(login);
    /// let logins = Sessions::over(cache.kept_sessions(&pool), cache.namespace(), &config)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of [`new`](Self::new).
    pub fn over(
        sessions: Arc<dyn SessionBackend>,
        namespace: &Namespace,
        config: &SessionConfig<D>,
    ) -> Result<Self> {
        config.check()?;
        let kind = Arc::new(Kind::new(config.tolerant));
        Self::of_kind(Place::Sessions(sessions), namespace, config, kind)
    }
}
