//! A part of a transaction that can be rolled back by itself.

use std::ops::{Deref, DerefMut};

use sqlx::postgres::PgTransactionManager;
use sqlx_core::transaction::TransactionManager;

use super::CacheTransaction;

/// A savepoint in a [`CacheTransaction`], to which it dereferences: repositories take part in it alike.
///
/// Dropped without [`commit`](Self::commit) it is rolled back to where it began, and the keys that were changed in it
/// are forgotten; the transaction around it goes on.
#[must_use = "a savepoint that is dropped is rolled back"]
#[derive(Debug)]
pub struct Savepoint<'t> {
    transaction: &'t mut CacheTransaction,
    mark: usize,
    unsettled: usize,
    open: bool,
}

impl<'t> Savepoint<'t> {
    pub(super) async fn begin(transaction: &'t mut CacheTransaction) -> sqlx::Result<Self> {
        PgTransactionManager::begin(transaction.connection(), None).await?;
        let (mark, unsettled) = (transaction.mark(), transaction.unsettled);
        Ok(Self { transaction, mark, unsettled, open: true })
    }

    /// Keeps what was done in it, as part of the transaction around it.
    ///
    /// # Errors
    /// Those of sqlx.
    pub async fn commit(mut self) -> sqlx::Result<()> {
        PgTransactionManager::commit(self.transaction.connection()).await?;
        self.open = false;
        Ok(())
    }

    /// Takes back what was done in it, and forgets its keys.
    ///
    /// # Errors
    /// Those of sqlx.
    pub async fn rollback(mut self) -> sqlx::Result<()> {
        PgTransactionManager::rollback(self.transaction.connection()).await?;
        self.open = false;
        self.forget();
        Ok(())
    }

    fn forget(&mut self) {
        self.transaction.forget_since(self.mark);
        self.transaction.unsettled = self.unsettled;
    }
}

impl Drop for Savepoint<'_> {
    fn drop(&mut self) {
        if self.open {
            // Queued here, and sent before the next statement.
            PgTransactionManager::start_rollback(self.transaction.connection());
            self.forget();
        }
    }
}

impl Deref for Savepoint<'_> {
    type Target = CacheTransaction;

    fn deref(&self) -> &CacheTransaction {
        self.transaction
    }
}

impl DerefMut for Savepoint<'_> {
    fn deref_mut(&mut self) -> &mut CacheTransaction {
        self.transaction
    }
}
