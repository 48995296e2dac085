//! A transaction that knows which keys it changes.

mod commit;
mod savepoint;

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::sync::Arc;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgPool, PgTransactionManager};
use sqlx::{PgConnection, Postgres, SqlSafeStr};
use sqlx_core::transaction::TransactionManager;
use tracing::Instrument;

pub use self::savepoint::Savepoint;
use crate::key::Key;
use crate::mind::{Context, Counters, Held, ToTheEnd, UnderWay};

/// A database transaction that any repository over the same database takes part in.
///
/// It remembers the keys of every row that repositories change in it. [`commit`](Self::commit) holds all of them,
/// commits, and releases them; it runs to its end even when the caller's future is dropped. Dropped without a commit,
/// the transaction is rolled back, and nothing was held. Reads inside pass the cache over: they see what the
/// transaction sees, and fill nothing.
///
/// It owns its connection and borrows nothing, so it can be kept in a struct, moved and passed on. It dereferences to
/// the [`PgConnection`], so any sqlx statement runs in it: `sqlx::query("…").execute(tx.connection())`. The cache does not
/// know what such a statement changes: `#[invalidates(…)]` is for methods that run one.
///
/// ```no_run
/// # use cache_runtime::CacheTransaction;
/// # async fn example(pool: sqlx::PgPool) -> sqlx::Result<()> {
/// let mut tx = CacheTransaction::begin(&pool).await?;
/// sqlx::query("UPDATE cities SET population = 0").execute(tx.connection()).await?;
/// tx.rollback().await
/// # }
/// ```
#[must_use = "a transaction that is dropped is rolled back"]
pub struct CacheTransaction {
    /// `None` once it was committed or rolled back.
    connection: Option<PoolConnection<Postgres>>,
    touched: Vec<Touched>,
    /// What is held before the commit asks for it.
    ahead: Option<Held>,
    /// Changes that were begun, and whose keys are not known yet.
    unsettled: usize,
    /// Why the keys of the first change that was refused are not known, and how many were unsettled with it.
    refusal: Option<(usize, String)>,
    /// Where there is a relay, the keys go by the outbox as well, whatever the policy says.
    by_outbox: bool,
    /// It is never committed without a word to the cache, whatever the policy says.
    strict: bool,
    pool: PgPool,
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
        Self::begin_on(pool.acquire().await?, pool, statement).await
    }

    /// The same on a connection of the pool.
    pub(crate) async fn begin_on(
        mut connection: PoolConnection<Postgres>,
        pool: &PgPool,
        statement: impl SqlSafeStr,
    ) -> sqlx::Result<Self> {
        let pool = pool.clone();
        let statement = statement.into_sql_str();
        // sqlx's begin must not be dropped halfway: the connection would go back to the pool with a transaction open.
        ToTheEnd::of(async move {
            if let Err(error) = PgTransactionManager::begin(&mut connection, Some(statement)).await
            {
                connection.close_on_drop();
                return Err(error);
            }
            Ok(Self::over(connection, pool))
        })
        .await
    }

    /// The pool that its connection is out of.
    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    fn over(connection: PoolConnection<Postgres>, pool: PgPool) -> Self {
        Self {
            connection: Some(connection),
            touched: Vec::new(),
            ahead: None,
            unsettled: 0,
            refusal: None,
            by_outbox: false,
            strict: false,
            pool,
        }
    }

    /// The raw connection, for plain sqlx.
    ///
    /// # Panics
    /// When the transaction has ended, because [`savepoint`](Self::savepoint) failed, or was dropped before it returned,
    /// or [`Savepoint::commit`] was.
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

    /// Commits: holds the keys of all changed rows, commits, and releases them.
    ///
    /// # Errors
    /// Those of sqlx. Where the keys cannot be held in the cache and the policy is `Reject`, or is `Outbox` and there is
    /// no relay or no outbox, the transaction is rolled back and the error carries an [`ErrorKind::HoldNotPlaced`](crate::ErrorKind::HoldNotPlaced), which
    /// [`Error::of`](crate::Error::of) finds.
    pub async fn commit(self) -> sqlx::Result<()> {
        // Counted before anyone can go away, so that a drain waits for the whole of it.
        let under_way = self.under_way();
        ToTheEnd::of(async move {
            let _under_way = under_way;
            self.commit_to_the_end().await
        })
        .await
    }

    /// Rolls back. No key was held, so none is released.
    ///
    /// # Errors
    /// Those of sqlx.
    pub async fn rollback(mut self) -> sqlx::Result<()> {
        let connection = self.connection.take();
        ToTheEnd::of(async move {
            match connection {
                Some(connection) => roll_back(connection).await,
                None => Ok(()),
            }
        })
        .await
    }

    /// The connection, unless the transaction has ended: with a savepoint, or behind our back. sqlx rolls everything back
    /// where the begin of a part on the raw connection is dropped, and what is sent then commits by itself.
    pub(crate) fn live(&mut self) -> sqlx::Result<&mut PgConnection> {
        let connection = self.connection.as_deref_mut();
        let in_it = |connection: &&mut PgConnection| {
            PgTransactionManager::get_transaction_depth(connection) > 0
        };
        connection.filter(in_it).ok_or_else(ended)
    }

    /// Marks this commit as under way in each cache that it changes.
    fn under_way(&self) -> Vec<UnderWay> {
        let mut contexts: Vec<&Arc<Context>> = Vec::new();
        for Touched { context, .. } in &self.touched {
            if !contexts.iter().any(|known| Arc::ptr_eq(known, context)) {
                contexts.push(context);
            }
        }
        contexts.into_iter().map(|context| context.tasks.begin()).collect()
    }

    /// Rolls back in the background.
    fn end(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => {
                runtime.spawn(roll_back(connection));
            }
            Err(_) => connection.close_on_drop(),
        }
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

    /// Whether something was changed whose keys are to be held.
    pub(crate) fn has_touched(&self) -> bool {
        !self.touched.is_empty()
    }

    /// These keys need not be held once more.
    pub(crate) fn held_ahead(&mut self, ahead: Option<Held>) {
        self.ahead = ahead;
    }

    /// The keys are left in the outbox besides, where somebody will deliver them: for what must not be undone, even where
    /// this process dies and the cache loses its hold in the same instant.
    #[cfg(feature = "session")]
    pub(crate) fn also_by_outbox(&mut self) {
        self.by_outbox = true;
    }

    /// There is no commit where the keys can neither be held nor be left in the outbox, also where the policy is to proceed.
    #[cfg(feature = "session")]
    pub(crate) fn never_proceeds(&mut self) {
        self.strict = true;
    }

    /// A change begins whose keys are not known yet: until [`settled`](Self::settled) there is no commit.
    pub(crate) fn changing(&mut self) {
        self.unsettled += 1;
    }

    /// The keys of a change are known. The count may have gone back meanwhile, with a savepoint.
    pub(crate) fn settled(&mut self) {
        self.unsettled = self.unsettled.saturating_sub(1);
    }

    /// The keys of a change will not be known, and this is why: there is no commit.
    pub(crate) fn refused(&mut self, why: impl fmt::Display) {
        let unsettled = self.unsettled;
        self.refusal.get_or_insert_with(|| (unsettled, why.to_string()));
    }

    fn mark(&self) -> usize {
        self.touched.len()
    }

    /// Goes back to what was known, and what was not, at a savepoint.
    fn forget_since(&mut self, mark: usize, unsettled: usize) {
        self.touched.truncate(mark);
        self.unsettled = unsettled;
        self.refusal.take_if(|(with, _)| *with > unsettled);
    }
}

/// Runs to its end on the runtime, whoever waits for it.
pub(crate) async fn detached<T: Send + 'static>(
    work: impl Future<Output = sqlx::Result<T>> + Send + 'static,
) -> sqlx::Result<T> {
    let outcome = run(Box::pin(async { Box::new(work.await) as Outcome })).await?;
    outcome.downcast().map_or(Err(sqlx::Error::WorkerCrashed), |outcome| *outcome)
}

/// What a task comes to, of whatever type: one type of task for all, so that a program does not compile one for each query
/// of each of its repositories.
type Outcome = Box<dyn Any + Send>;

async fn run(work: Pin<Box<dyn Future<Output = Outcome> + Send>>) -> sqlx::Result<Outcome> {
    match tokio::spawn(work.in_current_span()).await {
        Ok(outcome) => Ok(outcome),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(sqlx::Error::WorkerCrashed),
        },
    }
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

const ENDED: &str = "the transaction has ended: a savepoint in it could not be begun, or a call that began or kept one was dropped";

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
        self.end();
    }
}

impl fmt::Debug for CacheTransaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheTransaction")
            .field("touched", &self.touched.len())
            .finish_non_exhaustive()
    }
}
