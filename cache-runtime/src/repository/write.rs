//! The writes of a repository: each in a transaction of its own.

use std::collections::BTreeSet;
use std::sync::Arc;

use sqlx::PgConnection;

use super::Repository;
use super::ahead;
use super::config::CachedRepository;
use super::within::Within;
use crate::entry::Entry;
use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;
use crate::mind::{Answer, Optional, Stats, Whole};
use crate::postgres::{Change, Entity, Lent, Rows, SchemaError, record, verify};
use crate::transaction::CacheTransaction;

type Id<R> = <<R as CachedRepository>::Entity as Entity>::Id;

/// Runs one write of [`Within`] in a transaction of its own; one of the row with a known id with its keys held ahead.
macro_rules! in_a_transaction {
    ($self:ident, $id:expr, |$within:ident| $write:expr) => {{
        let pool = $self.host.db();
        // Nothing is held by those who wait for a connection.
        let connection = pool.acquire().await?;
        let work = async {
            let mut transaction = CacheTransaction::begin_on(connection, pool, "BEGIN").await?;
            let mut $within = Within::new($self.host, &mut transaction);
            let stored = $write.await?;
            Ok((transaction, stored))
        };
        let (transaction, stored) = ahead::holding($self.core, $id, work).await?;
        transaction.commit().await?;
        Ok(stored)
    }};
    ($self:ident, |$within:ident| $write:expr) => {{
        let mut transaction = $self.begin().await?;
        let mut $within = Within::new($self.host, &mut transaction);
        let stored = $write.await?;
        transaction.commit().await?;
        Ok(stored)
    }};
}

impl<R: CachedRepository> Repository<'_, R> {
    /// Begins a transaction on this repository's database.
    ///
    /// # Errors
    /// Those of [`CacheTransaction::begin`].
    pub async fn begin(&self) -> sqlx::Result<CacheTransaction> {
        CacheTransaction::begin(self.host.db()).await
    }

    /// [`Within::insert`], in a transaction of its own.
    ///
    /// # Errors
    /// Those of the plain statement, and of [`CacheTransaction::commit`].
    pub async fn insert(&self, row: &R::Entity) -> sqlx::Result<Arc<R::Entity>> {
        in_a_transaction!(self, |within| within.insert(row))
    }

    /// [`Within::insert_many`], in a transaction of its own: all rows or none.
    ///
    /// # Errors
    /// Those of the plain statement, and of [`CacheTransaction::commit`].
    pub async fn insert_many(&self, rows: &[R::Entity]) -> sqlx::Result<Vec<Arc<R::Entity>>> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        in_a_transaction!(self, |within| within.insert_many(rows))
    }

    /// [`Within::update`], in a transaction of its own.
    ///
    /// # Errors
    /// Those of the plain statement, and of [`CacheTransaction::commit`].
    pub async fn update(&self, row: &R::Entity) -> sqlx::Result<Option<Arc<R::Entity>>> {
        in_a_transaction!(self, &row.id(), |within| within.update(row))
    }

    /// [`Within::upsert`], in a transaction of its own.
    ///
    /// # Errors
    /// Those of the plain statement, and of [`CacheTransaction::commit`].
    pub async fn upsert(&self, row: &R::Entity) -> sqlx::Result<Arc<R::Entity>> {
        in_a_transaction!(self, &row.id(), |within| within.upsert(row))
    }

    /// [`Within::delete`], in a transaction of its own.
    ///
    /// # Errors
    /// Those of the plain statement, and of [`CacheTransaction::commit`].
    pub async fn delete(&self, id: &Id<R>) -> sqlx::Result<Option<Arc<R::Entity>>> {
        in_a_transaction!(self, id, |within| within.delete(id))
    }

    /// [`Within::delete_many`], in a transaction of its own: all rows or none.
    ///
    /// # Errors
    /// Those of the plain statement, and of [`CacheTransaction::commit`].
    pub async fn delete_many(&self, ids: &[Id<R>]) -> sqlx::Result<Vec<Arc<R::Entity>>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        in_a_transaction!(self, |within| within.delete_many(ids))
    }

    /// Makes the cache forget this row, after a change that passed the repository by: the row, its look-ups and lists
    /// as the cache and the database have them now, and its tags. A list or look-up that only an older state of the
    /// row belonged to is not known here, and stays until its TTL.
    ///
    /// # Errors
    /// What keeps the cache or the database from answering; other processes may then still serve the row as it was. Where
    /// there is a relay, and the policy is `Outbox`, the keys that are known have been left in the outbox all the same.
    pub async fn invalidate(&self, id: &Id<R>) -> Result<()> {
        let core = self.core;
        let key = core.row_key(id)?;
        // Whatever fails below, this process does not go on with what it has.
        core.context.forget(std::slice::from_ref(&key)).await;
        let cached = self.cached(&key).await;
        let stored = Rows::<R::Entity>::load(self.host.db(), id).await.map_err(|error| {
            Error::new(
                ErrorKind::Backend,
                "the row could not be read, so its look-ups are not known",
            )
            .because(error)
        })?;
        let (cached, unknown) = match cached {
            Ok(cached) => (cached, None),
            Err(error) => {
                core.operations.write.errors.up();
                (None, Some(error))
            }
        };
        let mut keys = self.ways_to(cached.into_iter().chain(stored))?;
        keys.insert(key);
        self.forget(keys).await?;
        // The look-ups of the row as the cache had it are not among them.
        unknown.map_or(Ok(()), Err)
    }

    /// The row as the cache has it.
    pub(super) async fn cached(&self, key: &Key) -> Result<Option<R::Entity>> {
        let found = self.core.context.cache.get(key).await?;
        Ok(match found.as_ref().map(Entry::parse) {
            Some(Entry::Value(value)) if value.fingerprint == self.core.row_fingerprint() => {
                let body = value.body.unpacked(self.core.context.policy.max_unpacked_bytes);
                body.and_then(|body| Optional::<Whole<R::Entity>>::decode(&body)).flatten()
            }
            _ => None,
        })
    }

    /// The keys of these rows, their look-ups, lists and tags; and the tag of the table, also where nobody knows the row
    /// any more: an answer over many rows may.
    pub(super) fn ways_to(
        &self,
        rows: impl IntoIterator<Item = R::Entity>,
    ) -> Result<BTreeSet<Key>> {
        let mut keys = BTreeSet::from([self.core.table_tag()?]);
        for row in rows {
            keys.extend(self.core.keys_of(&Change { old: Some(row), new: None })?);
        }
        Ok(keys)
    }

    /// Removes what stands at these keys, and leaves writers' holds alone. Where the cache is out of reach they go by the
    /// outbox, as a write's do.
    pub(super) async fn forget(&self, keys: BTreeSet<Key>) -> Result<()> {
        let keys: Vec<_> = keys.into_iter().collect();
        let write = &self.core.operations.write;
        if let Err(error) = self.core.context.remove(&keys).await {
            write.errors.up();
            let left = self.leave(&keys, error).await;
            if left.is_ok() {
                write.outboxed.up()
            } else {
                write.refused.up()
            }
            left?;
        }
        write.invalidations.add(keys.len());
        Ok(())
    }

    /// Leaves keys in the outbox, where that is the policy and somebody will deliver them.
    pub(super) async fn leave(&self, keys: &[Key], error: Error) -> Result<()> {
        let context = &self.core.context;
        if !context.goes_by_outbox() {
            return Err(error);
        }
        let mut on = Lent::of(self.host.db()).await?;
        record(&mut on, &context.namespace, keys).await.map_err(|error| {
            Error::new(ErrorKind::Outbox, "the keys could not be left in the outbox").because(error)
        })?;
        on.give_back();
        // A drain that began before does not know of them.
        context.gate.doubt();
        context.forget(keys).await;
        Ok(())
    }

    /// Compares the table with what the annotations claim: its columns, their types and nullability, and a unique
    /// index for the id and for each `unique(…)`. Run it at the start of a service, or in a test.
    ///
    /// # Errors
    /// A [`SchemaError`] that lists every difference.
    pub async fn verify_schema(&self) -> std::result::Result<(), SchemaError> {
        let mut connection =
            self.host.db().acquire().await.map_err(SchemaError::unreadable::<R::Entity>)?;
        self.differences(&mut connection).await
    }

    pub(super) async fn differences(
        &self,
        on: &mut PgConnection,
    ) -> std::result::Result<(), SchemaError> {
        let id: Vec<usize> = (0..)
            .zip(R::Entity::COLUMNS)
            .filter(|(_, column)| column.id)
            .map(|(at, _)| at)
            .collect();
        let unique: Vec<&[usize]> = std::iter::once(&id[..])
            .chain(R::CONFIG.unique.iter().map(|index| index.columns))
            .collect();
        verify::<R::Entity>(on, &unique, &self.core.keyed()).await
    }

    /// What this repository did since the manager began.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.core.operations.total()
    }
}
