//! A repository inside a transaction.

use std::sync::Arc;

use super::condition;
use super::config::CachedRepository;
use super::core::{Core, Kind, Registry};
use super::page::Page;
use super::read::page_query;
use crate::codec::same;
use crate::postgres::{Change, Entity, IndexValue, Rows, in_order};
use crate::transaction::CacheTransaction;

/// The reads and writes of one repository inside a [`CacheTransaction`].
///
/// Reads see what the transaction sees: they pass the cache over, and fill nothing. Writes leave the keys of the old
/// and the new row with the transaction, which holds them before its commit.
#[derive(Debug)]
pub struct Within<'t, R: CachedRepository> {
    core: &'t Arc<Core<R::Entity>>,
    transaction: &'t mut CacheTransaction,
}

type Id<R> = <<R as CachedRepository>::Entity as Entity>::Id;

impl<'t, R: CachedRepository> Within<'t, R> {
    /// `repository` inside `transaction`.
    pub fn new(repository: &'t R, transaction: &'t mut CacheTransaction) -> Self {
        Self { core: Registry::core::<R>(repository.cache()), transaction }
    }

    /// Said before a statement that changes rows: from here on their keys are not known, and the transaction refuses to
    /// commit. [`settled`](Self::settled) takes it back. Gives the namespace in which the keys will be held.
    fn changing(&mut self) -> Option<&'t str> {
        self.transaction.changing();
        self.core.held()
    }

    /// Said with the statement's outcome. It stays unknown what changed where the call was dropped before, the
    /// connection broke, or the returned rows could not be read.
    fn settled<T>(&mut self, outcome: sqlx::Result<T>) -> sqlx::Result<T> {
        use sqlx::Error::{Database, Encode, RowNotFound};
        if matches!(outcome, Ok(_) | Err(Database(_) | Encode(_) | RowNotFound)) {
            self.transaction.settled();
        }
        outcome
    }

    fn changed(&mut self, change: &Change<R::Entity>) -> sqlx::Result<()> {
        if let Change { old: Some(old), new: Some(new) } = change
            && same(old, new)
        {
            return Ok(());
        }
        let keys = self.core.keys_of(change).inspect_err(|_| self.transaction.changing())?;
        self.transaction.touch(&self.core.context, &self.core.operations.write, keys);
        Ok(())
    }

    /// The row with this id.
    ///
    /// # Errors
    /// Those of the plain query.
    pub async fn get(&mut self, id: &Id<R>) -> sqlx::Result<Option<Arc<R::Entity>>> {
        Ok(Rows::<R::Entity>::load(self.transaction.live()?, id).await?.map(Arc::new))
    }

    /// The row with this id, locked: nobody else changes it before this transaction ends. For a change that depends on
    /// what the row is.
    ///
    /// # Errors
    /// Those of the plain query.
    pub async fn get_for_update(&mut self, id: &Id<R>) -> sqlx::Result<Option<Arc<R::Entity>>> {
        let ids = std::slice::from_ref(id);
        let mut rows = Rows::<R::Entity>::load_many_in(self.transaction.live()?, ids, true).await?;
        Ok(rows.pop().map(Arc::new))
    }

    /// The rows with these ids, in their order, duplicates included.
    ///
    /// # Errors
    /// Those of the plain query.
    pub async fn get_many(&mut self, ids: &[Id<R>]) -> sqlx::Result<Vec<Option<Arc<R::Entity>>>> {
        let rows = Rows::<R::Entity>::load_many_in(self.transaction.live()?, ids, false).await?;
        Ok(in_order(ids, rows).into_iter().map(|row| row.map(Arc::new)).collect())
    }

    /// The row that is unique by the index of this number.
    ///
    /// # Errors
    /// Those of the plain query.
    pub async fn find(
        &mut self,
        number: usize,
        value: impl IndexValue,
    ) -> sqlx::Result<Option<Arc<R::Entity>>> {
        Ok(self.page(Kind::Unique, number, value, Page::limit(1)).await?.pop())
    }

    /// A page of the rows that the list of this number has for a value.
    ///
    /// # Errors
    /// Those of the plain query.
    pub async fn list(
        &mut self,
        number: usize,
        value: impl IndexValue,
        page: Page,
    ) -> sqlx::Result<Vec<Arc<R::Entity>>> {
        self.page(Kind::List, number, value, page).await
    }

    /// A page of the rows that meet the condition of this number, in the list's order.
    ///
    /// # Errors
    /// Those of the plain query.
    pub async fn list_where(
        &mut self,
        number: usize,
        value: impl IndexValue,
        page: Page,
    ) -> sqlx::Result<Vec<Arc<R::Entity>>> {
        let (sql, arguments) = condition::page_query(self.core, number, &value, page)?;
        let rows = Rows::<R::Entity>::rows_by(self.transaction.live()?, sql, arguments).await?;
        Ok(rows.into_iter().map(Arc::new).collect())
    }

    async fn page(
        &mut self,
        kind: Kind,
        number: usize,
        value: impl IndexValue,
        page: Page,
    ) -> sqlx::Result<Vec<Arc<R::Entity>>> {
        let (sql, arguments) = page_query(self.core, kind, number, &value, page)?;
        let rows = Rows::<R::Entity>::rows_by(self.transaction.live()?, sql, arguments).await?;
        Ok(rows.into_iter().map(Arc::new).collect())
    }

    /// Inserts a row; returns it as the database stored it, with what the database made.
    ///
    /// # Errors
    /// Those of the plain statement.
    pub async fn insert(&mut self, row: &R::Entity) -> sqlx::Result<Arc<R::Entity>> {
        let held = self.changing();
        let stored = Rows::insert(self.transaction.live()?, row, held).await;
        let stored = self.settled(stored)?;
        let change = Change { old: None, new: Some(stored) };
        self.changed(&change)?;
        change.new.map(Arc::new).ok_or(sqlx::Error::RowNotFound)
    }

    /// Inserts rows, many in one statement; returns them as they were stored, in their order.
    ///
    /// # Errors
    /// Those of the plain statement.
    pub async fn insert_many(&mut self, rows: &[R::Entity]) -> sqlx::Result<Vec<Arc<R::Entity>>> {
        let held = self.changing();
        let stored = Rows::insert_many(self.transaction.live()?, rows, held).await;
        let stored = self.settled(stored)?;
        let mut shared = Vec::with_capacity(stored.len());
        for row in stored {
            let change = Change { old: None, new: Some(row) };
            self.changed(&change)?;
            shared.extend(change.new.map(Arc::new));
        }
        Ok(shared)
    }

    /// Updates the row with this row's id; returns it as it was stored, or `None` where there is no such row.
    ///
    /// # Errors
    /// Those of the plain statement.
    pub async fn update(&mut self, row: &R::Entity) -> sqlx::Result<Option<Arc<R::Entity>>> {
        let held = self.changing();
        let change = Rows::update(self.transaction.live()?, row, held).await;
        let Some(change) = self.settled(change)? else { return Ok(None) };
        self.changed(&change)?;
        Ok(change.new.map(Arc::new))
    }

    /// Updates the row with this row's id, or inserts it; returns it as it was stored.
    ///
    /// # Errors
    /// Those of the plain statement.
    pub async fn upsert(&mut self, row: &R::Entity) -> sqlx::Result<Arc<R::Entity>> {
        let held = self.changing();
        let change = Rows::upsert(self.transaction.live()?, row, held).await;
        let change = self.settled(change)?;
        self.changed(&change)?;
        change.new.map(Arc::new).ok_or(sqlx::Error::RowNotFound)
    }

    /// Deletes the row with this id; returns it, or `None` where there was none.
    ///
    /// # Errors
    /// Those of the plain statement.
    pub async fn delete(&mut self, id: &Id<R>) -> sqlx::Result<Option<Arc<R::Entity>>> {
        let held = self.changing();
        let old = Rows::<R::Entity>::delete(self.transaction.live()?, id, held).await;
        let old = self.settled(old)?;
        let change = Change { old, new: None };
        if change.old.is_some() {
            self.changed(&change)?;
        }
        Ok(change.old.map(Arc::new))
    }

    /// Deletes the rows with these ids; returns those that were there, in no order.
    ///
    /// # Errors
    /// Those of the plain statement.
    pub async fn delete_many(&mut self, ids: &[Id<R>]) -> sqlx::Result<Vec<Arc<R::Entity>>> {
        let mut shared = Vec::new();
        let held = self.changing();
        let deleted = Rows::<R::Entity>::delete_many(self.transaction.live()?, ids, held).await;
        for old in self.settled(deleted)? {
            let change = Change { old: Some(old), new: None };
            self.changed(&change)?;
            shared.extend(change.old.map(Arc::new));
        }
        Ok(shared)
    }
}
