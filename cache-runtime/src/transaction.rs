//! A transaction that knows which keys it changes.

mod savepoint;

use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgDatabaseError, PgPool, PgSeverity, PgTransactionManager};
use sqlx::{PgConnection, Postgres, SqlSafeStr};
use sqlx_core::transaction::TransactionManager;
use tracing::Instrument;

pub use self::savepoint::Savepoint;
use crate::key::Key;
use crate::mind::{Context, Counters, Held};

/// A database transaction that any repository over the same database takes part in.
///
/// It remembers the keys of every row that repositories change in it. [`commit`](Self::commit) holds all of them,
/// commits, and releases them; it runs to its end even when the caller's future is dropped. Dropped without a commit,
/// the transaction is rolled back, and nothing was held. Reads inside pass the cache over: they see what the
/// transaction sees, and fill nothing.
///
/// It owns its connection and borrows nothing, so it can be kept in a struct, moved and passed on. It dereferences to
/// the [`PgConnection`], so any sqlx statement runs in it: `sqlx::query("…").execute(&mut **tx)`. The cache does not
/// know what such a statement changes: `#[invalidates(…)]` is for methods that run one.
///
/// ```no_run
/// # use cache_runtime::CacheTransaction;
/// # async fn example(pool: sqlx::PgPool) -> sqlx::Result<()> {
/// let mut tx = CacheTransaction::begin(&pool).await?;
/// sqlx::query("UPDATE cities SET population = 0").execute(&mut *tx).await?;
/// tx.rollback().await
/// # }
/// ```
#[must_use = "a transaction that is dropped is rolled back"]
pub struct CacheTransaction {
    /// `None` once it was committed or rolled back.
    connection: Option<PoolConnection<Postgres>>,
    touched: Vec<Touched>,
    /// Changes that were begun, and whose keys are not known yet.
    unsettled: usize,
}

struct Touched {
    context: Arc<Context>,
    counters: Arc<Counters>,
    key: Key,
}

impl Touched {
    /// Groups keys by the cache that they stand in.
    fn order(&self) -> (usize, &Key) {
        (Arc::as_ptr(&self.context).addr(), &self.key)
    }
}

impl CacheTransaction {
    /// Begins a transaction.
    ///
    /// # Errors
    /// Those of [`PgPool::begin`].
    pub async fn begin(pool: &PgPool) -> sqlx::Result<Self> {
        Self::begin_with(pool, "BEGIN").await
    }

    /// Begins a transaction with a statement of one's own, such as `BEGIN ISOLATION LEVEL SERIALIZABLE`.
    ///
    /// # Errors
    /// Those of [`PgPool::begin_with`].
    pub async fn begin_with(pool: &PgPool, statement: impl SqlSafeStr) -> sqlx::Result<Self> {
        let mut connection = pool.acquire().await?;
        let statement = statement.into_sql_str();
        // sqlx's begin must not be dropped halfway: the connection would go back to the pool with a transaction open.
        detached(async move {
            if let Err(error) = PgTransactionManager::begin(&mut connection, Some(statement)).await
            {
                connection.close_on_drop();
                return Err(error);
            }
            Ok(Self { connection: Some(connection), touched: Vec::new(), unsettled: 0 })
        })
        .await
    }

    /// The raw connection, for plain sqlx.
    ///
    /// # Panics
    /// When the transaction has ended, because [`savepoint`](Self::savepoint) failed or was dropped before it returned.
    ///
    /// Do not send `COMMIT` or `ROLLBACK` on it: the keys that this transaction remembers would not follow.
    pub fn connection(&mut self) -> &mut PgConnection {
        self
    }

    /// Begins a savepoint: a part of this transaction that can be rolled back by itself, with its keys.
    ///
    /// # Errors
    /// Those of sqlx. The whole transaction is then rolled back and has ended, and so it is when this call is dropped
    /// before it returns: sqlx cannot tell what became of the statement.
    pub async fn savepoint(&mut self) -> sqlx::Result<Savepoint<'_>> {
        Savepoint::begin(self).await
    }

    /// Commits: holds the keys of all changed rows, commits, and releases them in the background.
    ///
    /// # Errors
    /// Those of sqlx. Where the keys cannot be held and the policy is `Reject`, the transaction is rolled back and the
    /// error carries an [`ErrorKind::HoldNotPlaced`](crate::ErrorKind::HoldNotPlaced), which
    /// [`Error::of`](crate::Error::of) finds.
    pub async fn commit(self) -> sqlx::Result<()> {
        detached(self.commit_to_the_end()).await
    }

    /// Rolls back. No key was held, so none is released.
    ///
    /// # Errors
    /// Those of sqlx.
    pub async fn rollback(mut self) -> sqlx::Result<()> {
        let connection = self.connection.take();
        detached(async move {
            match connection {
                Some(connection) => roll_back(connection).await,
                None => Ok(()),
            }
        })
        .await
    }

    async fn commit_to_the_end(mut self) -> sqlx::Result<()> {
        self.live()?;
        if self.unsettled > 0 {
            return Err(sqlx::Error::Protocol(
                "a call that changes rows was dropped halfway in this transaction, or gave rows that could not be read, so \
                 their keys are not known: it was rolled back"
                    .to_owned(),
            ));
        }
        if PgTransactionManager::get_transaction_depth(self.live()?) != 1 {
            return Err(sqlx::Error::Protocol(
                "a savepoint that was begun on the raw connection is still open: the transaction was rolled back"
                    .to_owned(),
            ));
        }
        let mut held = self.hold().await?;
        let mut connection = self.connection.take().ok_or_else(ended)?;
        let commit = PgTransactionManager::commit(&mut connection);
        match Held::while_standing(&mut held, commit).await {
            Ok(()) => {
                held.into_iter().for_each(Held::release);
                Ok(())
            }
            // The server refused: nothing was committed.
            Err(error) if is_refusal(&error) => {
                held.into_iter().for_each(Held::release);
                let _ = roll_back(connection).await;
                Err(error)
            }
            // It may have been committed, or may still be: the holds stay until they run out by themselves.
            Err(error) => {
                connection.close_on_drop();
                drop(held);
                Err(error)
            }
        }
    }

    /// The connection, unless the transaction has ended with a savepoint that could not be begun.
    pub(crate) fn live(&mut self) -> sqlx::Result<&mut PgConnection> {
        self.connection.as_deref_mut().ok_or_else(ended)
    }

    async fn hold(&mut self) -> sqlx::Result<Vec<Held>> {
        self.touched.sort_unstable_by(|one, other| one.order().cmp(&other.order()));
        self.touched.dedup_by(|one, other| one.order() == other.order());
        let mut all: Vec<Held> = Vec::new();
        for group in self.touched.chunk_by(|one, other| Arc::ptr_eq(&one.context, &other.context)) {
            let Some(Touched { context, .. }) = group.first() else { continue };
            let keys = group.iter().map(|touched| touched.key.clone()).collect();
            match Held::place(context, keys).await {
                Ok(held) => {
                    group.iter().for_each(|touched| touched.counters.invalidations.up());
                    all.push(held);
                }
                Err(error) => {
                    all.into_iter().for_each(Held::release);
                    return Err(error.into());
                }
            }
        }
        for held in &mut all {
            if let Err(error) = held.renew_if_old().await {
                all.into_iter().for_each(Held::release);
                return Err(error.into());
            }
        }
        for held in &all {
            held.before_commit().await;
        }
        Ok(all)
    }

    pub(crate) fn touch(
        &mut self,
        context: &Arc<Context>,
        counters: &Arc<Counters>,
        keys: impl IntoIterator<Item = Key>,
    ) {
        self.touched.extend(keys.into_iter().map(|key| Touched {
            context: Arc::clone(context),
            counters: Arc::clone(counters),
            key,
        }));
    }

    /// A change begins whose keys are not known yet: until [`settled`](Self::settled) there is no commit.
    pub(crate) fn changing(&mut self) {
        self.unsettled += 1;
    }

    /// The keys of a change are known. The count may have gone back meanwhile, with a savepoint.
    pub(crate) fn settled(&mut self) {
        self.unsettled = self.unsettled.saturating_sub(1);
    }

    fn mark(&self) -> usize {
        self.touched.len()
    }

    fn forget_since(&mut self, mark: usize) {
        self.touched.truncate(mark);
    }
}

/// Runs to its end on the runtime, whoever waits for it.
pub(crate) async fn detached<T: Send + 'static>(
    work: impl Future<Output = sqlx::Result<T>> + Send + 'static,
) -> sqlx::Result<T> {
    match tokio::spawn(work.in_current_span()).await {
        Ok(outcome) => outcome,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(sqlx::Error::WorkerCrashed),
        },
    }
}

/// Whether this answer to a `COMMIT` proves that nothing was committed. A server that ends the connection (severity
/// `FATAL`) may have committed before.
fn is_refusal(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(|error| error.try_downcast_ref::<PgDatabaseError>())
        .is_some_and(|error| error.severity() == PgSeverity::Error)
}

async fn roll_back(mut connection: PoolConnection<Postgres>) -> sqlx::Result<()> {
    while PgTransactionManager::get_transaction_depth(&connection) > 0 {
        if let Err(error) = PgTransactionManager::rollback(&mut connection).await {
            connection.close_on_drop();
            return Err(error);
        }
    }
    Ok(())
}

fn ended() -> sqlx::Error {
    sqlx::Error::Protocol(ENDED.to_owned())
}

const ENDED: &str =
    "the transaction has ended: a savepoint in it could not be begun, or its call was dropped";

impl Deref for CacheTransaction {
    type Target = PgConnection;

    #[expect(clippy::expect_used, reason = "see the message")]
    fn deref(&self) -> &PgConnection {
        self.connection.as_ref().expect(ENDED)
    }
}

impl DerefMut for CacheTransaction {
    #[expect(clippy::expect_used, reason = "see the message")]
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.connection.as_mut().expect(ENDED)
    }
}

impl Drop for CacheTransaction {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => {
                runtime.spawn(roll_back(connection));
            }
            Err(_) => connection.close_on_drop(),
        }
    }
}

impl fmt::Debug for CacheTransaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheTransaction")
            .field("touched", &self.touched.len())
            .finish_non_exhaustive()
    }
}
