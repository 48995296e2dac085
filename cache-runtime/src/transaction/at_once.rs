//! A write of one statement, whose keys are known before it is sent: it commits by itself, without a transaction around it.

use std::sync::Arc;

use sqlx::Postgres;
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgPool;

use super::detached;
use crate::key::Key;
use crate::mind::{Context, Counters, Held, release_all, settle};
use crate::postgres::is_refusal;

/// Holds the keys, runs the statement, and releases them, whoever waits for it. `None` where they cannot be held and the
/// policy is to leave them in the outbox: that takes a transaction, and nothing was sent yet.
///
/// # Errors
/// Those of the statement; those of a hold that the policy does not go on without.
pub(crate) async fn at_once<T, Fut>(
    context: &Arc<Context>,
    counters: &Arc<Counters>,
    keys: Vec<Key>,
    pool: &PgPool,
    statement: impl FnOnce(PoolConnection<Postgres>) -> Fut + Send + 'static,
) -> sqlx::Result<Option<T>>
where
    T: Send + 'static,
    Fut: Future<Output = sqlx::Result<T>> + Send,
{
    // Before the hold, which would stand for as long as it takes to get one.
    let connection = pool.acquire().await?;
    let (context, counters) = (Arc::clone(context), Arc::clone(counters));
    // Counted before anyone can go away, so that a drain waits for the whole of it.
    let under_way = context.tasks.begin();
    detached(async move {
        let _under_way = under_way;
        let several = keys.len();
        let held = match Held::place(&context, std::slice::from_ref(&counters), keys).await {
            Ok(held) => held,
            Err(_) if context.goes_by_outbox() => return Ok(None),
            Err(error) => {
                counters.refused.up();
                return Err(error.into());
            }
        };
        held.before_commit().await;
        let mut held = [held];
        let outcome = Held::while_standing(&mut held, statement(connection)).await;
        counters.invalidations.add(several);
        match outcome {
            Ok(done) => {
                settle(held.into()).await;
                Ok(Some(done))
            }
            // The server refused: nothing was changed.
            Err(error) if is_refusal(&error) => {
                drop(release_all(held.into()));
                Err(error)
            }
            // It may have been done, or may still be: the hold stays until it runs out by itself.
            Err(error) => Err(error),
        }
    })
    .await
}
