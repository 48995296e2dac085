//! The commit: holds first, or the outbox where they cannot be placed; then the commit; then the release.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgPool, PgTransactionManager};
use sqlx_core::transaction::TransactionManager;

use super::{CacheTransaction, Touched, ended, roll_back};
use crate::error::{Error, ErrorKind};
use crate::key::Key;
use crate::mind::{Context, Counters, Held, release_all, settle};
use crate::postgres::{delivered, is_refusal, record};

/// How long a write that went by the outbox waits for its delivery: longer than any process with a relay takes to
/// notice that the cache hangs.
const DELIVERY: Duration = Duration::from_secs(1);
/// Pauses between looks whether it was delivered.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(40);

/// What stands ready for a commit.
#[derive(Default)]
struct Prepared {
    held: Vec<Held>,
    posted: Vec<Posted>,
}

/// Keys that were left in the outbox, in this transaction.
struct Posted {
    context: Arc<Context>,
    keys: Vec<Key>,
    rows: Vec<i64>,
    /// They are not held: until they are delivered the cache may have what was there before.
    instead: bool,
}

impl CacheTransaction {
    pub(super) async fn commit_to_the_end(mut self) -> sqlx::Result<()> {
        self.live()?;
        if let Some((_, why)) = &self.refusal {
            return Err(sqlx::Error::Protocol(format!(
                "a call in this transaction was refused, so it is not known what to invalidate: it was rolled back ({why})"
            )));
        }
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
        let Prepared { mut held, posted } = self.prepare().await?;
        let mut connection = self.connection.take().ok_or_else(ended)?;
        let commit = PgTransactionManager::commit(&mut connection);
        match Held::while_standing(&mut held, commit).await {
            Ok(()) => {
                drop(connection);
                settle(held).await;
                for posted in posted.iter().filter(|posted| posted.instead) {
                    posted.delivered(&self.pool).await;
                }
                Ok(())
            }
            // The server refused: nothing was committed.
            Err(error) if is_refusal(&error) => {
                release_all(held);
                let _ = roll_back(connection).await;
                Err(error)
            }
            // It may have been committed, or may still be: the holds stay until they run out by themselves, and what is in
            // the outbox is delivered if it was.
            Err(error) => {
                connection.close_on_drop();
                drop(held);
                for posted in &posted {
                    posted.doubt().await;
                }
                Err(error)
            }
        }
    }

    async fn prepare(&mut self) -> sqlx::Result<Prepared> {
        self.touched.sort_unstable_by(|one, other| one.order().cmp(&other.order()));
        self.touched.dedup_by(|one, other| one.order() == other.order());
        let touched = std::mem::take(&mut self.touched);
        let mut prepared = Prepared::default();
        for group in touched.chunk_by(|one, other| Arc::ptr_eq(&one.context, &other.context)) {
            let Some(Touched { context, .. }) = group.first() else { continue };
            let keys: Vec<_> = group.iter().map(|touched| touched.key.clone()).collect();
            let counters = counters_of(group);
            let placed = match self.ahead.take_if(|ahead| ahead.is_in(context)) {
                Some(ahead) => ahead.and(&counters, keys.clone(), self.strict).await,
                None => Held::place_for(context, &counters, keys.clone(), self.strict).await,
            };
            match placed {
                Ok(held) => {
                    prepared.held.push(held);
                    let besides = self.by_outbox && context.gate.is_relayed();
                    if context.policy.always_outbox || besides {
                        prepared.posted.push(self.post(context, keys, false).await?);
                    }
                }
                Err(error) => {
                    let posted = self.post_instead(context, &counters, keys, error).await?;
                    prepared.posted.push(posted);
                }
            }
            group.iter().for_each(|touched| touched.counters.invalidations.up());
        }
        for held in &mut prepared.held {
            if let Err(error) = held.renew_if_old().await {
                let (context, keys) = held.what();
                let posted = self.post_instead(&context, held.counters(), keys, error).await?;
                prepared.posted.push(posted);
            }
        }
        for held in &prepared.held {
            held.before_commit().await;
        }
        for posted in prepared.posted.iter().filter(|posted| posted.instead) {
            posted.context.before_each(crate::port::Step::Commit, &posted.keys).await;
        }
        Ok(prepared)
    }

    /// Leaves keys that could not be held in the outbox, where that is the policy and somebody will deliver them.
    async fn post_instead(
        &mut self,
        context: &Arc<Context>,
        counters: &[Arc<Counters>],
        keys: Vec<Key>,
        error: Error,
    ) -> sqlx::Result<Posted> {
        let refused = || counters.iter().for_each(|counters| counters.refused.up());
        if !context.goes_by_outbox() {
            refused();
            return Err(error.into());
        }
        let posted = self.post(context, keys, true).await.map_err(|failure| {
            match Error::of(&failure) {
                Some(cause) => {
                    refused();
                    Error::new(
                        ErrorKind::HoldNotPlaced,
                        "the write was rolled back, because its keys could neither be held in the cache nor be left in \
                         the outbox (see the cause): call cache_runtime::migrate(&pool), or mend the cache",
                    )
                    .because(cause.clone())
                    .into()
                }
                // The transaction has failed, and not the outbox.
                None => failure,
            }
        })?;
        // Before anyone can see the change. A drain that began earlier does not know of it.
        posted.doubt().await;
        counters.iter().for_each(|counters| counters.outboxed.up());
        Ok(posted)
    }

    async fn post(
        &mut self,
        context: &Arc<Context>,
        keys: Vec<Key>,
        instead: bool,
    ) -> sqlx::Result<Posted> {
        let rows = record(self.live()?, &context.namespace, &keys).await?;
        Ok(Posted { context: Arc::clone(context), keys, rows, instead })
    }
}

/// The counters of the repositories whose keys these are, each once.
fn counters_of(group: &[Touched]) -> Vec<Arc<Counters>> {
    let mut all: Vec<Arc<Counters>> = Vec::new();
    for Touched { counters, .. } in group {
        if !all.iter().any(|known| Arc::ptr_eq(known, counters)) {
            all.push(Arc::clone(counters));
        }
    }
    all
}

impl Posted {
    /// What the cache has is not to be believed until the outbox has been drained; and this process forgets the keys.
    async fn doubt(&self) {
        if self.instead {
            self.context.gate.doubt();
            self.context.forget(&self.keys).await;
        }
    }

    /// Waits for the delivery, so that a process that still reaches the cache finds nothing old there once the write has
    /// returned. Where nobody delivers, because nobody reaches the cache, only the first write waits: while the rows that it
    /// has waited for are there, the others need not try.
    async fn delivered(&self, pool: &PgPool) {
        // Once more, because a relay may have drained between the doubt before the commit and the commit.
        self.doubt().await;
        let waiting = async {
            let before = self.context.gate.undelivered();
            if !before.is_empty() && self.is_delivered(pool, &before).await == Some(false) {
                return;
            }
            let mut pause = FIRST_PAUSE;
            while self.is_delivered(pool, &self.rows).await != Some(true) {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            self.context.gate.waited_in_vain(Vec::new());
        };
        if tokio::time::timeout(DELIVERY, waiting).await.is_err() {
            self.context.gate.waited_in_vain(self.rows.clone());
        }
    }

    /// `None` where the database does not say.
    async fn is_delivered(&self, pool: &PgPool, rows: &[i64]) -> Option<bool> {
        delivered(pool, &self.context.namespace, rows)
            .await
            .inspect_err(|error| self.context.complain("waiting for a delivery", error))
            .ok()
    }
}
