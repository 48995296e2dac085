//! A part of a transaction that can be rolled back by itself.

use std::ops::{Deref, DerefMut};

use sqlx::postgres::PgTransactionManager;
use sqlx_core::transaction::TransactionManager;

use super::{CacheTransaction, detached, ended};

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
        // sqlx takes a begin that fails, or is dropped halfway, for a reason to roll back the level around it. So it runs
        // in a task that has the connection, and gives it back only with the savepoint open.
        // Wherever it is dropped on the way, the connection is rolled back, as a transaction's is.
        let mut carrier = CacheTransaction {
            connection: Some(transaction.connection.take().ok_or_else(ended)?),
            touched: Vec::new(),
            unsettled: 0,
        };
        let mut carrier = detached(async move {
            PgTransactionManager::begin(carrier.live()?, None).await?;
            Ok(carrier)
        })
        .await?;
        transaction.connection = carrier.connection.take();
        let (mark, unsettled) = (transaction.mark(), transaction.unsettled);
        Ok(Self { transaction, mark, unsettled, open: true })
    }

    /// Keeps what was done in it, as part of the transaction around it.
    ///
    /// # Errors
    /// Those of sqlx.
    pub async fn commit(mut self) -> sqlx::Result<()> {
        PgTransactionManager::commit(self.transaction.live()?).await?;
        self.open = false;
        Ok(())
    }

    /// Takes back what was done in it, and forgets its keys.
    ///
    /// # Errors
    /// Those of sqlx.
    pub async fn rollback(mut self) -> sqlx::Result<()> {
        PgTransactionManager::rollback(self.transaction.live()?).await?;
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
            if let Ok(connection) = self.transaction.live() {
                PgTransactionManager::start_rollback(connection);
            }
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
