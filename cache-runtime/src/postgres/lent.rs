//! A connection that goes back to its pool only when its work was done.

use std::fmt;
use std::ops::{Deref, DerefMut};

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres};

use super::outbox::failed;
use crate::error::Result;

/// A connection out of a pool. Dropped before [`give_back`](Self::give_back), by an error, a timeout or a caller who went
/// away, it is closed: nobody else gets it in the middle of a statement or a transaction, and the server rolls back.
pub(crate) struct Lent {
    connection: PoolConnection<Postgres>,
    done: bool,
}

impl Lent {
    pub(crate) async fn of(pool: &PgPool) -> Result<Self> {
        Ok(Self { connection: pool.acquire().await.map_err(failed)?, done: false })
    }

    /// The same for who speaks sqlx.
    pub(super) async fn out_of(pool: &PgPool) -> sqlx::Result<Self> {
        Ok(Self { connection: pool.acquire().await?, done: false })
    }

    pub(crate) fn give_back(mut self) {
        self.done = true;
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !self.done {
            self.connection.close_on_drop();
        }
    }
}

impl Deref for Lent {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

impl fmt::Debug for Lent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lent").finish_non_exhaustive()
    }
}
