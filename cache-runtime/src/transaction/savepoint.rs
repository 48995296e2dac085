//! A part of a transaction that can be rolled back by itself.

use std::ops::{Deref, DerefMut};

use sqlx::PgConnection;
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
    /// How many levels are open while it is the innermost.
    depth: usize,
    open: bool,
    /// Its commit is on the way: nobody knows whether it is still there.
    ending: bool,
}

impl<'t> Savepoint<'t> {
    pub(super) async fn begin(transaction: &'t mut CacheTransaction) -> sqlx::Result<Self> {
        // sqlx takes a begin that fails, or is dropped halfway, for a reason to roll back the level around it. So it runs
        // in a task that has the connection, and gives it back only with the savepoint open.
        // Wherever it is dropped on the way, the connection is rolled back, as a transaction's is.
        transaction.live()?;
        let connection = transaction.connection.take().ok_or_else(ended)?;
        let mut carrier = CacheTransaction::over(connection, transaction.pool.clone());
        let mut carrier = detached(async move {
            PgTransactionManager::begin(carrier.live()?, None).await?;
            Ok(carrier)
        })
        .await?;
        transaction.connection = carrier.connection.take();
        let depth = PgTransactionManager::get_transaction_depth(transaction.live()?);
        let (mark, unsettled) = (transaction.mark(), transaction.unsettled);
        Ok(Self { transaction, mark, unsettled, depth, open: true, ending: false })
    }

    /// Keeps what was done in it, as part of the transaction around it.
    ///
    /// # Errors
    /// Those of sqlx. When this call is dropped before it returns, the whole transaction is rolled back and has ended:
    /// nobody can tell whether the savepoint is still there.
    pub async fn commit(mut self) -> sqlx::Result<()> {
        self.innermost()?;
        self.ending = true;
        let released = PgTransactionManager::commit(self.transaction.live()?).await;
        self.ending = false;
        released?;
        self.open = false;
        Ok(())
    }

    /// Takes back what was done in it, and forgets its keys.
    ///
    /// # Errors
    /// Those of sqlx.
    pub async fn rollback(mut self) -> sqlx::Result<()> {
        PgTransactionManager::rollback(self.innermost()?).await?;
        self.open = false;
        self.forget();
        Ok(())
    }

    /// The connection, if this is the innermost level there. It is not where one was begun on the raw connection: sqlx
    /// rolls back this one where that call is dropped, and whatever is sent then belongs to the level around it.
    fn innermost(&mut self) -> sqlx::Result<&mut PgConnection> {
        let depth = self.depth;
        let connection = self.transaction.live()?;
        if PgTransactionManager::get_transaction_depth(connection) == depth {
            return Ok(connection);
        }
        Err(sqlx::Error::Protocol(
            "a savepoint that was begun on the raw connection is still open, or its begin was dropped: the transaction was \
             rolled back"
                .to_owned(),
        ))
    }

    fn forget(&mut self) {
        self.transaction.forget_since(self.mark, self.unsettled);
    }
}

impl Drop for Savepoint<'_> {
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        let ending = self.ending;
        match self.innermost() {
            // Queued here, and sent before the next statement.
            Ok(connection) if !ending => PgTransactionManager::start_rollback(connection),
            // To roll back to a savepoint of which nobody knows whether it is there could take back more than it.
            _ => self.transaction.end(),
        }
        self.forget();
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
