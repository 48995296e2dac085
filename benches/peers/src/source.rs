//! The database behind every cache.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::PgPool;

use crate::world::User;
use crate::{Result, plain};

/// Users by their ids. Rows that were read ahead come from memory, so that a warm-up takes seconds.
#[derive(Clone)]
pub(crate) struct Source {
    pool: PgPool,
    ahead: Arc<[User]>,
    loads: Arc<AtomicU64>,
}

impl Source {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { pool, ahead: Arc::from([]), loads: Arc::default() }
    }

    /// With every user read ahead.
    pub(crate) async fn ahead(pool: &PgPool) -> Result<Self> {
        let all = sqlx::query_as("SELECT * FROM users ORDER BY id").fetch_all(pool).await?;
        Ok(Self { pool: pool.clone(), ahead: all.into(), loads: Arc::default() })
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// How often something was asked for here that no cache had.
    pub(crate) fn loads(&self) -> u64 {
        self.loads.load(Ordering::Relaxed)
    }

    pub(crate) async fn load(&self, id: i64) -> Option<User> {
        self.loads.fetch_add(1, Ordering::Relaxed);
        let place = usize::try_from(id - 1).ok()?;
        match self.ahead.get(place) {
            Some(user) => Some(user.clone()),
            None => plain::load(&self.pool, id).await,
        }
    }
}
