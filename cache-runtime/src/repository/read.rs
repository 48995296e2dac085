//! The reads of a repository.

use std::collections::HashMap;
use std::collections::hash_map::Entry as MapEntry;
use std::sync::Arc;

use foldhash::fast::RandomState;
use sqlx::PgPool;
use sqlx::postgres::PgArguments;

use super::Repository;
use super::config::CachedRepository;
use super::core::{Approach, Core, Due, IdAnswer, IdsAnswer, Kind, RowAnswer, look_up_arguments};
use super::page::Page;
use super::share::{own, sharing};
use crate::key::Key;
use crate::mind::{
    Answer, Answers, AnyAnswer, Carried, Carry, Counters, Spec, Turn, erased, read_many,
};
use crate::policy::Level;
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
        self.get_for(&self.core.operations.get, id).await
    }

    /// The same as part of an operation.
    #[inline]
    async fn get_for(
        &self,
        operation: &Arc<Counters>,
        id: &<R::Entity as Entity>::Id,
    ) -> sqlx::Result<Row<R::Entity>> {
        let level = self.core.level.here();
        match self.core.approach_row(operation, level, id) {
            Approach::Near(row, None) => Ok(row),
            // Apart, so that a hit in the process passes as little as it can.
            approach => self.get_after(operation, level, id, approach).await,
        }
    }

    /// The rest of that way, where it goes on.
    async fn get_after(
        &self,
        operation: &Arc<Counters>,
        level: Level,
        id: &<R::Entity as Entity>::Id,
        approach: Approach<Row<R::Entity>>,
    ) -> sqlx::Result<Row<R::Entity>> {
        let core = self.core;
        let key = match approach {
            Approach::Near(row, due) => {
                if let Some(Due { key, nonce }) = due {
                    let spec = core.row_spec(level, key);
                    core.reader(operation).renew_near(spec, nonce, sharing(), self.loading(id));
                }
                return Ok(row);
            }
            Approach::Far(Ok(key)) => key,
            Approach::Far(Err(error)) => {
                core.reader(operation).failed("writing a key", &error);
                let load = self.loading(id);
                let answer = core.reader(operation).load_alone(None, own, load).await?;
                return Ok(answer.into_answer::<RowAnswer<R::Entity>>());
            }
        };
        let spec = core.row_spec(level, key);
        let load = (self.loading(id), carried());
        let answer = core.reader(operation).read(&spec, sharing(), load).await?;
        Ok(answer.into_answer::<RowAnswer<R::Entity>>())
    }

    /// The load of one row.
    fn loading(&self, id: &<R::Entity as Entity>::Id) -> Load {
        let (loading, pool, id) =
            (Arc::clone(&self.core.loading), self.host.db().clone(), id.clone());
        Box::new(|turn| Box::pin(erased::<RowAnswer<R::Entity>, _>(loading.row(pool, id, turn))))
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
        let row = AnyAnswer::into_answer::<RowAnswer<R::Entity>>;
        let level = core.level.here();
        let mut places = HashMap::with_capacity_and_hasher(ids.len(), RandomState::default());
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
                            distinct.push(id);
                            keys.push(key);
                            rows.push(None);
                        }
                        Approach::Far(Err(error)) => {
                            core.reader(operation).failed("writing a key", &error);
                            let pool = self.host.db().clone();
                            let load = |turn| load_in_order::<R::Entity>(pool, ids.to_vec(), turn);
                            let rows = core.reader(operation).load_alone(None, own, load).await?;
                            return Ok(rows.into_iter().map(row).collect());
                        }
                    }
                }
            }
        }
        if let Some((first, _)) = due.first() {
            let spec = core.row_spec(level, first.clone());
            let load = load_places::<R::Entity>(self.host.db(), near);
            core.reader(operation).renew_many_near(&spec, due, load);
        }
        if let Some(first) = keys.first() {
            let spec = core.row_spec(level, first.clone());
            let found = self.get_far(operation, &spec, &keys, &distinct).await?;
            for (place, answer) in far.into_iter().zip(found) {
                if let Some(empty) = rows.get_mut(place) {
                    *empty = answer.and_then(row);
                }
            }
        }
        if rows.len() == ids.len() {
            return Ok(rows);
        }
        // Some were asked for twice.
        Ok(order.into_iter().map(|at| rows.get(at).cloned().flatten()).collect())
    }

    /// Those rows of a batch that the tier in the process does not have.
    async fn get_far(
        &self,
        operation: &Arc<Counters>,
        spec: &Spec,
        keys: &[Key],
        ids: &[&<R::Entity as Entity>::Id],
    ) -> sqlx::Result<Vec<Option<AnyAnswer>>> {
        let reader = self.core.reader(operation);
        let id = |at: usize| ids.get(at).copied().cloned();
        let load: LoadPlaces<'_> = Box::new(|missing, turn| {
            let ids = missing.into_iter().filter_map(id).collect();
            Box::pin(load_in_order::<R::Entity>(self.host.db().clone(), ids, turn))
        });
        let Answers { answers, due } = read_many(reader, spec, keys, own, load).await?;
        if !due.is_empty() {
            let renewed = due.iter().filter_map(|(at, _)| id(*at)).collect();
            let load = load_places::<R::Entity>(self.host.db(), renewed);
            let key = |(at, seen): (usize, _)| Some((keys.get(at)?.clone(), seen));
            let due = due.into_iter().filter_map(key).collect();
            reader.renew_many_behind(spec, due, load);
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
        type Found<R> = IdAnswer<<R as CachedRepository>::Entity>;
        let core = self.core;
        let level = core.level.here();
        let operation = core.operations.look_up(Kind::Unique, number);
        let reader = core.reader(operation);
        let id = match core.approach_index::<Found<R>>(level, Kind::Unique, number, &value) {
            Approach::Near(id, None) => id,
            Approach::Near(id, Some(Due { key, nonce })) => {
                let load = self.look_up(Kind::Unique, number, &value).first::<R::Entity>();
                let spec = core.look_up_spec(level, Kind::Unique, key);
                reader.renew_near(spec, nonce, sharing(), load);
                id
            }
            Approach::Far(Ok(key)) => {
                let spec = core.look_up_spec(level, Kind::Unique, key);
                let load = self.look_up(Kind::Unique, number, &value).first::<R::Entity>();
                let answer = reader.read(&spec, sharing(), (load, carried())).await?;
                answer.into_answer::<Found<R>>()
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
        type Found<R> = IdsAnswer<<R as CachedRepository>::Entity>;
        let core = self.core;
        let level = core.level.here();
        let operation = core.operations.look_up(Kind::List, number);
        let reader = core.reader(operation);
        let ids = match core.approach_index::<Found<R>>(level, Kind::List, number, &value) {
            Approach::Near(ids, None) => ids,
            Approach::Near(ids, Some(Due { key, nonce })) => {
                let load = self.look_up(Kind::List, number, &value).all::<R::Entity>();
                let spec = core.look_up_spec(level, Kind::List, key);
                reader.renew_near(spec, nonce, sharing(), load);
                ids
            }
            Approach::Far(Ok(key)) => {
                let spec = core.look_up_spec(level, Kind::List, key);
                let load = self.look_up(Kind::List, number, &value).all::<R::Entity>();
                let answer = reader.read(&spec, sharing(), (load, carried())).await?;
                answer.into_answer::<Found<R>>()
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
                let answer = reader.load_alone(None, own, load).await?;
                return Ok(answer.into_answer::<RowAnswer<R::Entity>>());
            }
        };
        let spec = core.row_spec(core.level.here(), key.clone());
        let before = self.cached(&key).await.unwrap_or_default();
        let row = reader.refresh(&spec, own, load).await?.into_answer::<RowAnswer<R::Entity>>();
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

/// The load of an answer, which owns what it needs. One type for all answers of all repositories: so what is done around a
/// load is compiled once.
pub(super) type Load = Box<dyn FnOnce(Turn) -> Carried<sqlx::Result<AnyAnswer>> + Send>;

/// The same for rows in one statement, which is told their places.
type LoadPlaces<'l> =
    Box<dyn FnOnce(Vec<usize>, Turn) -> Carried<sqlx::Result<Vec<AnyAnswer>>> + Send + 'l>;

impl LookUp {
    /// What `query` makes of the statement.
    pub(super) fn load<Fut>(
        self,
        query: impl FnOnce(PgPool, &'static str, PgArguments) -> Fut + Send + 'static,
    ) -> Load
    where
        Fut: Future<Output = sqlx::Result<AnyAnswer>> + Send + 'static,
    {
        Box::new(|turn| {
            Box::pin(async {
                let query = query(self.pool, self.sql?, self.arguments?);
                detached(turn.during(query)).await
            })
        })
    }

    fn all<E: Entity>(self) -> Load {
        self.load(|pool, sql, arguments| async move {
            let ids = Rows::<E>::ids_by(&pool, sql, arguments).await?;
            Ok(IdsAnswer::<E>::erase(Arc::new(ids)))
        })
    }

    /// Where the database has several, because its index is not unique, the one that a page of one has as well.
    fn first<E: Entity>(self) -> Load {
        self.load(|pool, sql, arguments| async move {
            let ids = Rows::<E>::ids_by(&pool, sql, arguments).await?;
            Ok(IdAnswer::<E>::erase(ids.into_iter().next().map(Arc::new)))
        })
    }
}

/// Makes a load that owns what it needs go on without its caller.
pub(super) fn carried<T>() -> Option<Carry<Carried<T>, T>> {
    Some(|load| load)
}

/// The load of those rows whose places among `ids` are given later.
fn load_places<E: Entity>(pool: &PgPool, ids: Vec<E::Id>) -> LoadPlaces<'static> {
    let pool = pool.clone();
    Box::new(move |places, turn| {
        let ids = places.into_iter().filter_map(|at| ids.get(at).cloned()).collect();
        Box::pin(load_in_order::<E>(pool, ids, turn))
    })
}

/// The rows with these ids, in their order.
pub(super) async fn load_in_order<E: Entity>(
    pool: PgPool,
    ids: Vec<E::Id>,
    turn: Turn,
) -> sqlx::Result<Vec<AnyAnswer>> {
    detached(async move {
        let _turn = turn;
        let rows = Rows::<E>::load_many(&pool, &ids).await?;
        let rows = rows.into_iter().map(|row| (row.id(), Arc::new(row)));
        let by_id: HashMap<_, _, RandomState> = rows.collect();
        Ok(ids.iter().map(|id| RowAnswer::<E>::erase(by_id.get(id).cloned())).collect())
    })
    .await
}

/// The key of a row for whoever reports on it.
pub(super) fn shown_key(key: &crate::error::Result<Key>) -> String {
    key.as_ref().map_or_else(ToString::to_string, |key| key.as_str().to_owned())
}
