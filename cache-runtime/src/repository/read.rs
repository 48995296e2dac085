//! The reads of a repository.

use std::collections::HashMap;
use std::collections::hash_map::Entry as MapEntry;
use std::sync::Arc;

use sqlx::PgPool;

use super::Repository;
use super::answer::{Optional, Shared, Whole};
use super::config::CachedRepository;
use super::core::{Core, Kind, look_up_arguments};
use super::page::Page;
use super::share::sharing;
use crate::key::Key;
use crate::mind::read_many;
use crate::postgres::{Entity, IndexValue, Rows};
use crate::transaction::detached;

/// Rows in one batch: a longer one goes in several.
const MOST_IN_BATCH: usize = 1000;

type Row<E> = Option<Arc<E>>;

impl<R: CachedRepository> Repository<'_, R> {
    /// The row with this id, from the cache or the database; `None` where there is none.
    ///
    /// # Errors
    /// Those of the plain query. The cache's own failures go to the log.
    pub async fn get(&self, id: &<R::Entity as Entity>::Id) -> sqlx::Result<Row<R::Entity>> {
        let core = self.core;
        let key = match core.row_key(id) {
            Ok(key) => key,
            Err(error) => {
                core.reader().failed("writing a key", &error);
                return load_row(self.host.db().clone(), id.clone()).await;
            }
        };
        let spec = core.row_spec(key);
        let load = || load_row::<R::Entity>(self.host.db().clone(), id.clone());
        core.reader().read::<Optional<Shared<R::Entity>>, _, _, _>(&spec, sharing(), load).await
    }

    /// The rows with these ids, in their order, duplicates included: one batch read of the cache, and one query for
    /// what is missing. Nothing is asked of anyone for no ids. Above a thousand ids it goes in several batches.
    ///
    /// # Errors
    /// Those of the plain query.
    pub async fn get_many(
        &self,
        ids: &[<R::Entity as Entity>::Id],
    ) -> sqlx::Result<Vec<Row<R::Entity>>> {
        let mut rows = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(MOST_IN_BATCH) {
            rows.extend(self.get_batch(chunk).await?);
        }
        Ok(rows)
    }

    async fn get_batch(
        &self,
        ids: &[<R::Entity as Entity>::Id],
    ) -> sqlx::Result<Vec<Row<R::Entity>>> {
        let core = self.core;
        let mut places = HashMap::with_capacity(ids.len());
        let mut order = Vec::with_capacity(ids.len());
        let (mut distinct, mut keys) =
            (Vec::with_capacity(ids.len()), Vec::with_capacity(ids.len()));
        for id in ids {
            match places.entry(id) {
                MapEntry::Occupied(place) => order.push(*place.get()),
                MapEntry::Vacant(place) => {
                    match core.row_key(id) {
                        Ok(key) => keys.push(key),
                        Err(error) => {
                            core.reader().failed("writing a key", &error);
                            return self.load_in_order(ids.to_vec()).await;
                        }
                    }
                    order.push(*place.insert(distinct.len()));
                    distinct.push(id.clone());
                }
            }
        }
        let Some(first) = keys.first() else { return Ok(Vec::new()) };
        let spec = core.row_spec(first.clone());
        let load = |missing: Vec<usize>| {
            let ids = missing.into_iter().filter_map(|at| distinct.get(at).cloned()).collect();
            self.load_in_order(ids)
        };
        let found =
            read_many::<Optional<Shared<R::Entity>>, _, _, _>(core.reader(), &spec, &keys, load)
                .await?;
        Ok(order.into_iter().map(|at| found.get(at).cloned().flatten().flatten()).collect())
    }

    async fn load_in_order(
        &self,
        ids: Vec<<R::Entity as Entity>::Id>,
    ) -> sqlx::Result<Vec<Row<R::Entity>>> {
        let pool = self.host.db().clone();
        detached(async move {
            let rows = Rows::<R::Entity>::load_many(&pool, &ids).await?;
            let by_id: HashMap<_, _> =
                rows.into_iter().map(|row| (row.id(), Arc::new(row))).collect();
            Ok(ids.iter().map(|id| by_id.get(id).cloned()).collect())
        })
        .await
    }

    /// The row that is unique by the index of this number in the annotation: the index entry says its id, and the row
    /// must still bear the value, else it is loaded anew.
    ///
    /// # Errors
    /// Those of the plain query.
    pub async fn find(
        &self,
        number: usize,
        value: impl IndexValue,
    ) -> sqlx::Result<Row<R::Entity>> {
        let core = self.core;
        let key = match core.look_up_key(Kind::Unique, number, &value) {
            Ok(key) => key,
            Err(error) => {
                core.reader().failed("writing a key", &error);
                return Ok(self
                    .load_page(Kind::Unique, number, &value, Page::limit(1))
                    .await?
                    .pop());
            }
        };
        let spec = core.look_up_spec(Kind::Unique, key);
        let load = || async { Ok(self.load_ids(Kind::Unique, number, &value).await?.pop()) };
        let id = core
            .reader()
            .read::<Optional<Whole<<R::Entity as Entity>::Id>>, sqlx::Error, _, _>(
                &spec,
                sharing(),
                load,
            )
            .await?;
        let Some(id) = id else { return Ok(None) };
        match self.get(&id).await? {
            Some(row) if core.bears(&row, Kind::Unique, number, &spec.key) => Ok(Some(row)),
            // The row has moved on between the two reads.
            _ => Ok(self.load_page(Kind::Unique, number, &value, Page::limit(1)).await?.pop()),
        }
    }

    /// A page of the rows that the list of this number has for a value, in the order of their ids. The list holds ids
    /// alone; its rows come through [`get_many`](Self::get_many) and must still bear the value, else the page is
    /// loaded anew.
    ///
    /// # Errors
    /// Those of the plain query.
    pub async fn list(
        &self,
        number: usize,
        value: impl IndexValue,
        page: Page,
    ) -> sqlx::Result<Vec<Arc<R::Entity>>> {
        let core = self.core;
        let key = match core.look_up_key(Kind::List, number, &value) {
            Ok(key) => key,
            Err(error) => {
                core.reader().failed("writing a key", &error);
                return self.load_page(Kind::List, number, &value, page).await;
            }
        };
        let spec = core.look_up_spec(Kind::List, key);
        let load = || self.load_ids(Kind::List, number, &value);
        let ids = core
            .reader()
            .read::<Whole<Vec<<R::Entity as Entity>::Id>>, sqlx::Error, _, _>(
                &spec,
                sharing(),
                load,
            )
            .await?;
        let rows: Option<Vec<_>> = self
            .get_many(page.of(&ids))
            .await?
            .into_iter()
            .map(|row| row.filter(|row| core.bears(row, Kind::List, number, &spec.key)))
            .collect();
        match rows {
            Some(rows) => Ok(rows),
            // A row has moved on between the two reads.
            None => self.load_page(Kind::List, number, &value, page).await,
        }
    }

    async fn load_ids(
        &self,
        kind: Kind,
        number: usize,
        value: &impl IndexValue,
    ) -> sqlx::Result<Vec<<R::Entity as Entity>::Id>> {
        let sql = self.core.sql(kind, number).ok_or_else(|| no_such_index(number))?.0;
        let (pool, arguments) = (self.host.db().clone(), look_up_arguments(value)?);
        detached(async move { Rows::<R::Entity>::ids_by(&pool, sql, arguments).await }).await
    }

    async fn load_page(
        &self,
        kind: Kind,
        number: usize,
        value: &impl IndexValue,
        page: Page,
    ) -> sqlx::Result<Vec<Arc<R::Entity>>> {
        let (sql, arguments) = page_query(self.core, kind, number, value, page)?;
        let pool = self.host.db().clone();
        let rows = detached(async move { Rows::<R::Entity>::rows_by(&pool, sql, arguments).await })
            .await?;
        Ok(rows.into_iter().map(Arc::new).collect())
    }

    /// Reads these rows into the cache; says how many there are. For a start with a warm cache.
    ///
    /// # Errors
    /// Those of the plain query.
    pub async fn warm(&self, ids: &[<R::Entity as Entity>::Id]) -> sqlx::Result<usize> {
        Ok(self.get_many(ids).await?.into_iter().flatten().count())
    }

    /// Loads the row in any case, and puts it in place of what the cache has. The look-ups, lists and tags of both are
    /// forgotten.
    ///
    /// # Errors
    /// Those of the plain query.
    pub async fn refresh(&self, id: &<R::Entity as Entity>::Id) -> sqlx::Result<Row<R::Entity>> {
        let core = self.core;
        let load = || load_row::<R::Entity>(self.host.db().clone(), id.clone());
        let key = match core.row_key(id) {
            Ok(key) => key,
            Err(error) => {
                core.reader().failed("writing a key", &error);
                return load().await;
            }
        };
        let spec = core.row_spec(key.clone());
        let before = self.cached(&key).await.unwrap_or_default();
        let row = core.reader().renew::<Optional<Shared<R::Entity>>, _, _, _>(&spec, load).await?;
        let after = row.as_deref().cloned();
        let forgotten = async {
            let mut keys = self.ways_to(before.into_iter().chain(after))?;
            keys.remove(&key);
            self.forget(keys).await
        };
        if let Err(error) = forgotten.await {
            core.reader().failed("removing the look-ups of a row", &error);
        }
        Ok(row)
    }
}

/// The statement of a page and its arguments.
pub(super) fn page_query<E: Entity>(
    core: &Core<E>,
    kind: Kind,
    number: usize,
    value: &impl IndexValue,
    page: Page,
) -> sqlx::Result<(&'static str, sqlx::postgres::PgArguments)> {
    use sqlx::Arguments;
    let sql = core.sql(kind, number).ok_or_else(|| no_such_index(number))?.1;
    let mut arguments = look_up_arguments(value)?;
    let (limit, offset) = page.to_sql();
    arguments.add(limit).and_then(|()| arguments.add(offset)).map_err(sqlx::Error::Encode)?;
    Ok((sql, arguments))
}

fn no_such_index(number: usize) -> sqlx::Error {
    sqlx::Error::InvalidArgument(format!(
        "the repository's annotation has no index of number {number}"
    ))
}

async fn load_row<E: Entity>(pool: PgPool, id: E::Id) -> sqlx::Result<Row<E>> {
    detached(async move { Ok(Rows::load(&pool, &id).await?.map(Arc::new)) }).await
}

/// The key of a row for whoever reports on it.
pub(super) fn shown_key(key: &crate::error::Result<Key>) -> String {
    key.as_ref().map_or_else(ToString::to_string, |key| key.as_str().to_owned())
}
