//! The reads of a repository.

use std::collections::HashMap;
use std::collections::hash_map::Entry as MapEntry;
use std::sync::Arc;

use sqlx::PgPool;
use sqlx::postgres::PgArguments;

use super::Repository;
use super::config::CachedRepository;
use super::core::{Approach, Core, Due, Kind, look_up_arguments};
use super::page::Page;
use super::share::{own, sharing};
use crate::key::Key;
use crate::mind::{Answers, Carried, Carry, Counters, Optional, Shared, Spec, Turn, read_many};
use crate::postgres::{Entity, IndexValue, Rows};
use crate::transaction::detached;

/// Rows in one batch: a longer one goes in several.
const MOST_IN_BATCH: usize = 1000;

type Row<E> = Option<Arc<E>>;
type RowAnswer<E> = Optional<Shared<E>>;

impl<R: CachedRepository> Repository<'_, R> {
    /// The row with this id, from the cache or the database; `None` where there is none.
    ///
    /// # Errors
    /// Those of the plain query. The cache's own failures go to the log.
    pub async fn get(&self, id: &<R::Entity as Entity>::Id) -> sqlx::Result<Row<R::Entity>> {
        self.get_for(&self.core.operations.get, id).await
    }

    /// The same as part of an operation.
    async fn get_for(
        &self,
        operation: &Arc<Counters>,
        id: &<R::Entity as Entity>::Id,
    ) -> sqlx::Result<Row<R::Entity>> {
        let core = self.core;
        let level = core.level.here();
        let key = match core.approach_row(operation, level, id) {
            Approach::Near(row, None) => return Ok(row),
            Approach::Near(row, Some(Due { key, nonce })) => {
                let load = self.loading(id);
                let spec = core.row_spec(level, key);
                let reader = core.reader(operation);
                reader.renew_near::<RowAnswer<R::Entity>, _, _, _>(spec, nonce, sharing(), load);
                return Ok(row);
            }
            Approach::Far(Ok(key)) => key,
            Approach::Far(Err(error)) => {
                core.reader(operation).failed("writing a key", &error);
                return core.reader(operation).load_alone(None, own, self.loading(id)).await;
            }
        };
        let spec = core.row_spec(level, key);
        let load = (self.loading(id), carried());
        core.reader(operation).read::<RowAnswer<R::Entity>, _, _, _>(&spec, sharing(), load).await
    }

    /// The load of one row, which owns what it needs.
    fn loading(
        &self,
        id: &<R::Entity as Entity>::Id,
    ) -> impl FnOnce(Turn) -> Carried<sqlx::Result<Row<R::Entity>>> + Send + 'static + use<R> {
        let (loading, pool, id) =
            (Arc::clone(&self.core.loading), self.host.db().clone(), id.clone());
        move |turn| Box::pin(loading.row(pool, id, turn))
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
        self.get_many_for(&self.core.operations.get_many, ids).await
    }

    /// The same as part of an operation.
    async fn get_many_for(
        &self,
        operation: &Arc<Counters>,
        ids: &[<R::Entity as Entity>::Id],
    ) -> sqlx::Result<Vec<Row<R::Entity>>> {
        let mut rows = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(MOST_IN_BATCH) {
            rows.extend(self.get_batch(operation, chunk).await?);
        }
        Ok(rows)
    }

    async fn get_batch(
        &self,
        operation: &Arc<Counters>,
        ids: &[<R::Entity as Entity>::Id],
    ) -> sqlx::Result<Vec<Row<R::Entity>>> {
        let core = self.core;
        let level = core.level.here();
        let mut places = HashMap::with_capacity(ids.len());
        let mut order = Vec::with_capacity(ids.len());
        // What the tier has, and of the rest the places, ids and keys.
        let mut rows: Vec<Row<R::Entity>> = Vec::with_capacity(ids.len());
        let (mut far, mut distinct, mut keys) = (Vec::new(), Vec::new(), Vec::new());
        // Of what the tier has: what is to be renewed.
        let (mut near, mut due) = (Vec::new(), Vec::new());
        for id in ids {
            match places.entry(id) {
                MapEntry::Occupied(place) => order.push(*place.get()),
                MapEntry::Vacant(place) => {
                    order.push(*place.insert(rows.len()));
                    match core.approach_row(operation, level, id) {
                        Approach::Near(row, renewed) => {
                            rows.push(row);
                            if let Some(Due { key, nonce }) = renewed {
                                near.push(id.clone());
                                due.push((key, nonce));
                            }
                        }
                        Approach::Far(Ok(key)) => {
                            far.push(rows.len());
                            distinct.push(id.clone());
                            keys.push(key);
                            rows.push(None);
                        }
                        Approach::Far(Err(error)) => {
                            core.reader(operation).failed("writing a key", &error);
                            let pool = self.host.db().clone();
                            let load = |turn| load_in_order(pool, ids.to_vec(), turn);
                            return core.reader(operation).load_alone(None, own, load).await;
                        }
                    }
                }
            }
        }
        if let Some((first, _)) = due.first() {
            let spec = core.row_spec(level, first.clone());
            let load = load_places::<R::Entity>(self.host.db(), near);
            core.reader(operation).renew_many_near::<RowAnswer<R::Entity>, _>(&spec, due, load);
        }
        if let Some(first) = keys.first() {
            let spec = core.row_spec(level, first.clone());
            let found = self.get_far(operation, &spec, &keys, &distinct).await?;
            for (place, row) in far.into_iter().zip(found) {
                if let Some(empty) = rows.get_mut(place) {
                    *empty = row.flatten();
                }
            }
        }
        Ok(order.into_iter().map(|at| rows.get(at).cloned().flatten()).collect())
    }

    /// Those rows of a batch that the tier in the process does not have.
    async fn get_far(
        &self,
        operation: &Arc<Counters>,
        spec: &Spec,
        keys: &[Key],
        ids: &[<R::Entity as Entity>::Id],
    ) -> sqlx::Result<Vec<Option<Row<R::Entity>>>> {
        let reader = self.core.reader(operation);
        let load = |missing: Vec<usize>, turn| {
            let ids = missing.into_iter().filter_map(|at| ids.get(at).cloned()).collect();
            load_in_order(self.host.db().clone(), ids, turn)
        };
        let Answers { answers, due } =
            read_many::<RowAnswer<R::Entity>, _, _, _>(reader, spec, keys, own, load).await?;
        if !due.is_empty() {
            let renewed = due.iter().filter_map(|(at, _)| ids.get(*at).cloned()).collect();
            let load = load_places::<R::Entity>(self.host.db(), renewed);
            let key = |(at, seen): (usize, _)| Some((keys.get(at)?.clone(), seen));
            let due = due.into_iter().filter_map(key).collect();
            reader.renew_many_behind::<RowAnswer<R::Entity>, _>(spec, due, load);
        }
        Ok(answers)
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
        type Found<R> = Optional<Shared<<<R as CachedRepository>::Entity as Entity>::Id>>;
        let core = self.core;
        let level = core.level.here();
        let operation = core.operations.look_up(Kind::Unique, number);
        let reader = core.reader(operation);
        let id = match core.approach_index::<Found<R>>(level, Kind::Unique, number, &value) {
            Approach::Near(id, None) => id,
            Approach::Near(id, Some(Due { key, nonce })) => {
                let look_up = self.look_up(Kind::Unique, number, &value);
                let load = |turn| look_up.first::<R::Entity>(turn);
                let spec = core.look_up_spec(level, Kind::Unique, key);
                reader.renew_near::<Found<R>, _, _, _>(spec, nonce, sharing(), load);
                id
            }
            Approach::Far(Ok(key)) => {
                let spec = core.look_up_spec(level, Kind::Unique, key);
                let look_up = self.look_up(Kind::Unique, number, &value);
                let load = (|turn| look_up.first::<R::Entity>(turn), carried());
                reader.read::<Found<R>, sqlx::Error, _, _>(&spec, sharing(), load).await?
            }
            Approach::Far(Err(error)) => {
                reader.failed("writing a key", &error);
                return Ok(self
                    .load_page(operation, Kind::Unique, number, &value, Page::limit(1))
                    .await?
                    .pop());
            }
        };
        let Some(id) = id else { return Ok(None) };
        match self.get_for(operation, &id).await? {
            Some(row) if core.bears(&row, Kind::Unique, number, &value) => Ok(Some(row)),
            // The row has moved on between the two reads.
            _ => Ok(self
                .load_page(operation, Kind::Unique, number, &value, Page::limit(1))
                .await?
                .pop()),
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
        type Found<R> = Shared<Vec<<<R as CachedRepository>::Entity as Entity>::Id>>;
        let core = self.core;
        let level = core.level.here();
        let operation = core.operations.look_up(Kind::List, number);
        let reader = core.reader(operation);
        let ids = match core.approach_index::<Found<R>>(level, Kind::List, number, &value) {
            Approach::Near(ids, None) => ids,
            Approach::Near(ids, Some(Due { key, nonce })) => {
                let look_up = self.look_up(Kind::List, number, &value);
                let load = |turn| look_up.all::<R::Entity>(turn);
                let spec = core.look_up_spec(level, Kind::List, key);
                reader.renew_near::<Found<R>, _, _, _>(spec, nonce, sharing(), load);
                ids
            }
            Approach::Far(Ok(key)) => {
                let spec = core.look_up_spec(level, Kind::List, key);
                let look_up = self.look_up(Kind::List, number, &value);
                let load = (|turn| look_up.all::<R::Entity>(turn), carried());
                reader.read::<Found<R>, sqlx::Error, _, _>(&spec, sharing(), load).await?
            }
            Approach::Far(Err(error)) => {
                reader.failed("writing a key", &error);
                return self.load_page(operation, Kind::List, number, &value, page).await;
            }
        };
        let rows: Option<Vec<_>> = self
            .get_many_for(operation, page.of(&ids))
            .await?
            .into_iter()
            .map(|row| row.filter(|row| core.bears(row, Kind::List, number, &value)))
            .collect();
        match rows {
            Some(rows) => Ok(rows),
            // A row has moved on between the two reads.
            None => self.load_page(operation, Kind::List, number, &value, page).await,
        }
    }

    /// What a look-up's load needs: it owns it, so that the load can go on without its caller.
    fn look_up(&self, kind: Kind, number: usize, value: &impl IndexValue) -> LookUp {
        LookUp {
            pool: self.host.db().clone(),
            sql: self
                .core
                .sql(kind, number)
                .map(|(ids, _)| ids)
                .ok_or_else(|| no_such_index(number)),
            arguments: look_up_arguments(value),
        }
    }

    async fn load_page(
        &self,
        operation: &Arc<Counters>,
        kind: Kind,
        number: usize,
        value: &impl IndexValue,
        page: Page,
    ) -> sqlx::Result<Vec<Arc<R::Entity>>> {
        let (sql, arguments) = page_query(self.core, kind, number, value, page)?;
        let pool = self.host.db().clone();
        let load = |turn| {
            detached(async move {
                let _turn = turn;
                Rows::<R::Entity>::rows_by(&pool, sql, arguments).await
            })
        };
        let rows = self.core.reader(operation).load_alone(None, own, load).await?;
        Ok(rows.into_iter().map(Arc::new).collect())
    }

    /// Reads these rows into the cache; says how many there are. For a start with a warm cache.
    ///
    /// # Errors
    /// Those of the plain query.
    pub async fn warm(&self, ids: &[<R::Entity as Entity>::Id]) -> sqlx::Result<usize> {
        let rows = self.get_many_for(&self.core.operations.warm, ids).await?;
        Ok(rows.into_iter().flatten().count())
    }

    /// Loads the row in any case, and puts it in place of what the cache has. The look-ups, lists and tags of both are
    /// forgotten.
    ///
    /// # Errors
    /// Those of the plain query.
    pub async fn refresh(&self, id: &<R::Entity as Entity>::Id) -> sqlx::Result<Row<R::Entity>> {
        let core = self.core;
        let reader = core.reader(&core.operations.refresh);
        let load = self.loading(id);
        let key = match core.row_key(id) {
            Ok(key) => key,
            Err(error) => {
                reader.failed("writing a key", &error);
                return reader.load_alone(None, own, load).await;
            }
        };
        let spec = core.row_spec(core.level.here(), key.clone());
        let before = self.cached(&key).await.unwrap_or_default();
        let row = reader.refresh::<RowAnswer<R::Entity>, _, _, _>(&spec, own, load).await?;
        let after = row.as_deref().cloned();
        let forgotten = async {
            let mut keys = self.ways_to(before.into_iter().chain(after))?;
            keys.remove(&key);
            self.forget(keys).await
        };
        if let Err(error) = forgotten.await {
            reader.failed("removing the look-ups of a row", &error);
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
) -> sqlx::Result<(&'static str, PgArguments)> {
    let sql = core.sql(kind, number).ok_or_else(|| no_such_index(number))?.1;
    Ok((sql, page.bound(look_up_arguments(value)?)?))
}

pub(super) fn no_such_index(number: usize) -> sqlx::Error {
    sqlx::Error::InvalidArgument(format!(
        "the repository's annotation has no index of number {number}"
    ))
}

pub(super) struct LookUp {
    pub(super) pool: PgPool,
    pub(super) sql: sqlx::Result<&'static str>,
    pub(super) arguments: sqlx::Result<PgArguments>,
}

impl LookUp {
    async fn all<E: Entity>(self, turn: Turn) -> sqlx::Result<Arc<Vec<E::Id>>> {
        let (sql, arguments) = (self.sql?, self.arguments?);
        let pool = self.pool;
        let ids = detached(async move {
            let _turn = turn;
            Rows::<E>::ids_by(&pool, sql, arguments).await
        })
        .await?;
        Ok(Arc::new(ids))
    }

    /// Where the database has several, because its index is not unique, the one that a page of one has as well.
    async fn first<E: Entity>(self, turn: Turn) -> sqlx::Result<Option<Arc<E::Id>>> {
        Ok(self.all::<E>(turn).await?.first().cloned().map(Arc::new))
    }
}

/// Makes a load that owns what it needs go on without its caller.
pub(super) fn carried<Fut>() -> Option<Carry<Fut, Fut::Output>>
where
    Fut: Future<Output: Send> + Send + 'static,
{
    Some(|load| Box::pin(load))
}

/// The load of those rows whose places among `ids` are given later.
fn load_places<E: Entity>(
    pool: &PgPool,
    ids: Vec<E::Id>,
) -> impl FnOnce(Vec<usize>, Turn) -> Carried<sqlx::Result<Vec<Row<E>>>> + Send + 'static {
    let pool = pool.clone();
    move |places, turn| {
        let ids = places.into_iter().filter_map(|at| ids.get(at).cloned()).collect();
        Box::pin(load_in_order::<E>(pool, ids, turn))
    }
}

/// The rows with these ids, in their order.
pub(super) async fn load_in_order<E: Entity>(
    pool: PgPool,
    ids: Vec<E::Id>,
    turn: Turn,
) -> sqlx::Result<Vec<Row<E>>> {
    detached(async move {
        let _turn = turn;
        let rows = Rows::<E>::load_many(&pool, &ids).await?;
        let by_id: HashMap<_, _> = rows.into_iter().map(|row| (row.id(), Arc::new(row))).collect();
        Ok(ids.iter().map(|id| by_id.get(id).cloned()).collect())
    })
    .await
}

/// The key of a row for whoever reports on it.
pub(super) fn shown_key(key: &crate::error::Result<Key>) -> String {
    key.as_ref().map_or_else(ToString::to_string, |key| key.as_str().to_owned())
}
