//! Methods that change rows by statements of their own.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use super::Repository;
use super::call::call_key;
use super::config::CachedRepository;
use super::core::Core;
use crate::error::Result;
use crate::key::{Key, KeyBuilder};
use crate::mind::{Held, settle};
use crate::postgres::{Change, Entity, Rows};
use crate::transaction::{CacheTransaction, detached};
use sqlx::{Connection, PgConnection};

type Id<R> = <<R as CachedRepository>::Entity as Entity>::Id;

/// What a method makes wrong: rows, cached answers, tags.
#[must_use]
pub struct Invalidation<'r, R: CachedRepository> {
    core: &'r Arc<Core<R::Entity>>,
    rows: Vec<Id<R>>,
    keys: Vec<Result<Key>>,
}

impl<'r, R: CachedRepository> Repository<'r, R> {
    /// Begins to name what a method makes wrong.
    pub fn invalidation(&self) -> Invalidation<'r, R> {
        Invalidation { core: self.core, rows: Vec::new(), keys: Vec::new() }
    }
}

impl<'r, R: CachedRepository> Invalidation<'r, R> {
    /// The rows with these ids.
    pub fn rows(mut self, ids: Vec<Id<R>>) -> Self {
        self.rows.extend(ids);
        self
    }

    /// A cached method's answer.
    pub fn key(mut self, write: impl FnOnce(KeyBuilder) -> KeyBuilder) -> Self {
        self.keys.push(call_key(self.core, write));
        self
    }

    /// Everything under a tag.
    pub fn tag(mut self, write: impl FnOnce(KeyBuilder) -> KeyBuilder) -> Self {
        self.keys.push(write(self.core.context.namespace.tag()).finish());
        self
    }

    /// Reads the rows and locks them, before the method's statements run in `transaction`.
    ///
    /// # Errors
    /// Those of the plain query.
    pub async fn before(self, transaction: &mut CacheTransaction) -> sqlx::Result<Changing<'r, R>> {
        let keys = self.keys.into_iter().collect::<Result<Vec<_>>>()?;
        transaction.live()?;
        transaction.touch(&self.core.context, &self.core.operations.write, keys);
        let old = if self.rows.is_empty() {
            Vec::new()
        } else {
            Rows::<R::Entity>::load_many_in(transaction.live()?, &self.rows, true).await?
        };
        transaction.changing();
        Ok(Changing { core: self.core, rows: self.rows, old })
    }

    /// Holds the keys, runs `change`, and releases them: for a method whose keys all follow from its arguments.
    ///
    /// Dropped once `change` has begun, or failed in a way that leaves open whether the database has changed, the keys
    /// stay held until the hold runs out.
    ///
    /// # Errors
    /// Those of `change`; and, made into its type, that the keys could not be held, in which case it did not run.
    pub async fn around<T, E, F, Fut>(self, change: F) -> std::result::Result<T, E>
    where
        E: From<sqlx::Error> + 'static,
        F: FnOnce() -> Fut,
        Fut: Future<Output = std::result::Result<T, E>>,
    {
        let core = self.core;
        let keys = || -> Result<Vec<Key>> {
            let mut keys = self.keys.into_iter().collect::<Result<Vec<_>>>()?;
            if !self.rows.is_empty() {
                keys.push(core.table_tag()?);
            }
            for id in &self.rows {
                keys.push(core.row_key(id)?);
            }
            keys.sort();
            keys.dedup();
            Ok(keys)
        };
        let keys = keys().map_err(sqlx::Error::from)?;
        let count = keys.len();
        let write = &core.operations.write;
        let held = Held::place(&core.context, &[Arc::clone(write)], keys).await;
        let mut held = [held.inspect_err(|_| write.refused.up()).map_err(sqlx::Error::from)?];
        write.invalidations.add(count);
        for held in &held {
            held.before_commit().await;
        }
        let outcome = Held::while_standing(&mut held, change()).await;
        match &outcome {
            Err(error) if may_have_changed(error) => drop(held),
            _ => settle(held.into()).await,
        }
        outcome
    }
}

/// Whether the statement may have changed the database although it failed, now or later. The server's own refusal
/// settles it; a broken connection does not, and of an error of another type nothing is known.
pub(crate) fn may_have_changed<E: 'static>(error: &E) -> bool {
    !matches!(
        (error as &dyn Any).downcast_ref::<sqlx::Error>(),
        Some(
            sqlx::Error::Database(_)
                | sqlx::Error::RowNotFound
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
        )
    )
}

/// Rows that a method is changing.
#[must_use = "the rows have to be read again after the change"]
pub struct Changing<'r, R: CachedRepository> {
    core: &'r Arc<Core<R::Entity>>,
    rows: Vec<Id<R>>,
    old: Vec<R::Entity>,
}

impl<R: CachedRepository> Changing<'_, R> {
    /// Reads the rows again, and leaves the keys of both states with the transaction: also where the method failed, since
    /// it may have changed rows before.
    ///
    /// # Errors
    /// Those of the plain query.
    pub async fn after(
        self,
        transaction: &mut CacheTransaction,
        succeeded: bool,
    ) -> sqlx::Result<()> {
        let new = if self.rows.is_empty() {
            Vec::new()
        } else {
            let on = transaction.live()?;
            match Rows::<R::Entity>::load_many_in(on, &self.rows, false).await {
                Ok(new) => new,
                // The transaction is aborted: nothing of the method will be committed.
                Err(sqlx::Error::Database(_)) if !succeeded => Vec::new(),
                // The caller is told of the method's own failure, and the commit will be refused.
                Err(_) if !succeeded => return Ok(()),
                Err(error) => return Err(error),
            }
        };
        let by_id = |rows: Vec<R::Entity>| -> HashMap<Id<R>, R::Entity> {
            rows.into_iter().map(|row| (row.id(), row)).collect()
        };
        let (mut old, mut new) = (by_id(self.old), by_id(new));
        let unlocked: Vec<Id<R>> =
            self.rows.iter().filter(|id| !old.contains_key(id)).cloned().collect();
        if self.core.config.tags.is_empty() && self.core.config.conditions.is_empty() {
            // Look-ups and lists by columns find out by themselves that a row is not what it was.
            for id in &unlocked {
                let keys = vec![self.core.row_key(id)?, self.core.table_tag()?];
                transaction.touch(&self.core.context, &self.core.operations.write, keys);
            }
        } else if !unlocked.is_empty() {
            old.extend(by_id(as_others_see::<R::Entity>(transaction, unlocked).await?));
        }
        for id in &self.rows {
            let change = Change { old: old.remove(id), new: new.remove(id) };
            if change.old.is_some() || change.new.is_some() {
                let keys = self.core.keys_of(&change)?;
                transaction.touch(&self.core.context, &self.core.operations.write, keys);
            }
        }
        transaction.settled();
        Ok(())
    }
}

/// The rows as they are committed. One that was not there before the method's statements could not be locked; somebody may
/// have inserted it since, and the statements then changed a state that the transaction itself sees no more. Another
/// connection does: that one out of the pool that is idle, else a new one, because waiting for one while the transaction has
/// the last is a deadlock.
pub(super) async fn as_others_see<E: Entity>(
    transaction: &CacheTransaction,
    ids: Vec<E::Id>,
) -> sqlx::Result<Vec<E>> {
    let pool = transaction.pool().clone();
    let reading = async move {
        match pool.try_acquire() {
            Some(mut idle) => Rows::<E>::load_many_in(&mut idle, &ids, false).await,
            None => {
                let options = pool.connect_options();
                let connecting = PgConnection::connect_with(&options);
                let patience = pool.options().get_acquire_timeout();
                let mut new = tokio::time::timeout(patience, connecting)
                    .await
                    .map_err(|_| sqlx::Error::PoolTimedOut)??;
                let rows = Rows::<E>::load_many_in(&mut new, &ids, false).await;
                let _ = new.close().await;
                rows
            }
        }
    };
    // A caller who goes away must not leave an answer half read on a connection of the pool.
    detached(reading).await
}

impl<R: CachedRepository> fmt::Debug for Invalidation<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Invalidation");
        out.field("rows", &self.rows.len()).field("keys", &self.keys).finish_non_exhaustive()
    }
}

impl<R: CachedRepository> fmt::Debug for Changing<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changing").field("rows", &self.rows.len()).finish_non_exhaustive()
    }
}
