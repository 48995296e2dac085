//! Rows: loading and changing them. And the data source that does so on a pool.

use std::collections::HashMap;
use std::marker::PhantomData;

use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArguments, PgPool, PgRow};
use sqlx::{Arguments, AssertSqlSafe, Executor, PgConnection, Postgres, Row};

use super::entity::Entity;
use super::refusal::is_refusal;
use super::sql::{SIDE, Statements};
use crate::port::DataSource;

/// Ids in one `= ANY($1)`: large enough that the round trip is shared by many, small enough for one reply.
const MOST_IDS: usize = 1000;
/// Parameters that one statement of the wire protocol may have, and rows that one insert carries.
const MOST_PARAMETERS: usize = 65_535;
const MOST_ROWS: usize = 500;
/// Rounds of an upsert whose row keeps coming and going.
const MOST_UPSERT_TRIES: usize = 16;

/// A row before and after a change.
#[derive(Clone, Debug)]
pub(crate) struct Change<E> {
    pub(crate) old: Option<E>,
    pub(crate) new: Option<E>,
}

/// The statements of `E`, on whatever connection is given.
pub(crate) struct Rows<E>(PhantomData<E>);

fn arguments(
    bind: impl FnOnce(&mut PgArguments) -> Result<(), BoxDynError>,
) -> sqlx::Result<PgArguments> {
    let mut arguments = PgArguments::default();
    bind(&mut arguments).map_err(sqlx::Error::Encode)?;
    Ok(arguments)
}

fn rows_of<E: Entity>(rows: &[PgRow]) -> sqlx::Result<Vec<E>> {
    rows.iter().map(E::from_row).collect()
}

impl<E: Entity> Rows<E> {
    pub(crate) async fn load<'c>(
        on: impl Executor<'c, Database = Postgres>,
        id: &E::Id,
    ) -> sqlx::Result<Option<E>> {
        let arguments = arguments(|arguments| E::bind_id(id, arguments))?;
        let statement = sqlx::query_with(Statements::of::<E>().select.as_str(), arguments);
        statement.fetch_optional(on).await?.as_ref().map(E::from_row).transpose()
    }

    /// The rows that are there, in no order.
    pub(crate) async fn load_many<'c, X>(on: X, ids: &[E::Id]) -> sqlx::Result<Vec<E>>
    where
        X: Executor<'c, Database = Postgres> + Copy,
    {
        let mut rows = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(MOST_IDS) {
            let arguments = arguments(|arguments| E::bind_ids(chunk, arguments))?;
            let statement = sqlx::query_with(Statements::of::<E>().select_many.as_str(), arguments);
            rows.extend(rows_of(&statement.fetch_all(on).await?)?);
        }
        Ok(rows)
    }

    /// The rows that are there, in no order; nobody else changes them before this transaction ends, if `lock`.
    pub(crate) async fn load_many_in(
        on: &mut PgConnection,
        ids: &[E::Id],
        lock: bool,
    ) -> sqlx::Result<Vec<E>> {
        let statements = Statements::of::<E>();
        let sql = if lock { &statements.select_many_for_update } else { &statements.select_many };
        let mut rows = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(MOST_IDS) {
            let arguments = arguments(|arguments| E::bind_ids(chunk, arguments))?;
            rows.extend(rows_of(
                &sqlx::query_with(sql.as_str(), arguments).fetch_all(&mut *on).await?,
            )?);
        }
        Ok(rows)
    }

    /// For this and the other writes: `held` names the namespace whose caller holds the keys of what is changed, so that
    /// triggers need not write them down.
    pub(crate) async fn insert(
        on: &mut PgConnection,
        row: &E,
        held: Option<&str>,
    ) -> sqlx::Result<E> {
        let statements = Statements::of::<E>();
        let statement = sqlx::query_with(statements.insert.as_str(), Self::inserted(row, held)?);
        E::from_row(&statement.fetch_one(on).await?)
    }

    pub(crate) async fn insert_many(
        on: &mut PgConnection,
        rows: &[E],
        held: Option<&str>,
    ) -> sqlx::Result<Vec<E>> {
        let statements = Statements::of::<E>();
        let width = statements.inserted.len();
        let most =
            (MOST_PARAMETERS - 1).checked_div(width).map_or(1, |rows| rows.clamp(1, MOST_ROWS));
        let mut stored = Vec::with_capacity(rows.len());
        for chunk in rows.chunks(most) {
            let arguments = arguments(|arguments| {
                chunk.iter().try_for_each(|row| bind(row, &statements.inserted, arguments))?;
                arguments.add(held)
            })?;
            let sql = AssertSqlSafe(statements.insert_rows(chunk.len()));
            // Only the full chunk comes again: others are not worth a place among the prepared statements.
            let statement = sqlx::query_with(sql, arguments).persistent(chunk.len() == most);
            stored.extend(rows_of(&statement.fetch_all(&mut *on).await?)?);
        }
        Ok(stored)
    }

    /// Both sides of an update; none where there is no such row.
    pub(crate) async fn update(
        on: &mut PgConnection,
        row: &E,
        held: Option<&str>,
    ) -> sqlx::Result<Option<Change<E>>> {
        let statements = Statements::of::<E>();
        let arguments = arguments(|arguments| {
            E::bind_id(&row.id(), arguments)?;
            bind(row, &statements.updated, arguments)?;
            arguments.add(held)
        })?;
        let mut change = Change { old: None, new: None };
        for row in sqlx::query_with(statements.update.as_str(), arguments).fetch_all(on).await? {
            let side: i32 = row.try_get(SIDE)?;
            let place = if side == 0 { &mut change.old } else { &mut change.new };
            *place = Some(E::from_row(&row)?);
        }
        Ok(change.new.is_some().then_some(change))
    }

    /// Updates the row, or inserts it where it is not there. Each try is exact about the row before; another writer
    /// who inserts or deletes the same row between two tries costs one more.
    pub(crate) async fn upsert(
        on: &mut PgConnection,
        row: &E,
        held: Option<&str>,
    ) -> sqlx::Result<Change<E>> {
        let statements = Statements::of::<E>();
        for _ in 0..MOST_UPSERT_TRIES {
            if let Some(change) = Self::update(on, row, held).await? {
                return Ok(change);
            }
            let statement =
                sqlx::query_with(statements.insert_or_nothing.as_str(), Self::inserted(row, held)?);
            if let Some(stored) = statement.fetch_optional(&mut *on).await? {
                return Ok(Change { old: None, new: Some(E::from_row(&stored)?) });
            }
        }
        // The row can be neither inserted nor updated: a policy or a trigger hides it.
        Err(sqlx::Error::RowNotFound)
    }

    pub(crate) async fn delete(
        on: &mut PgConnection,
        id: &E::Id,
        held: Option<&str>,
    ) -> sqlx::Result<Option<E>> {
        let arguments = arguments(|arguments| {
            E::bind_id(id, arguments)?;
            arguments.add(held)
        })?;
        let statement = sqlx::query_with(Statements::of::<E>().delete.as_str(), arguments);
        statement.fetch_optional(on).await?.as_ref().map(E::from_row).transpose()
    }

    pub(crate) async fn delete_many(
        on: &mut PgConnection,
        ids: &[E::Id],
        held: Option<&str>,
    ) -> sqlx::Result<Vec<E>> {
        let mut rows = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(MOST_IDS) {
            let arguments = arguments(|arguments| {
                E::bind_ids(chunk, arguments)?;
                arguments.add(held)
            })?;
            let statement = sqlx::query_with(Statements::of::<E>().delete_many.as_str(), arguments);
            rows.extend(rows_of(&statement.fetch_all(&mut *on).await?)?);
        }
        Ok(rows)
    }

    pub(crate) async fn ids_by<'c>(
        on: impl Executor<'c, Database = Postgres>,
        sql: &'static str,
        values: PgArguments,
    ) -> sqlx::Result<Vec<E::Id>> {
        sqlx::query_with(sql, values).fetch_all(on).await?.iter().map(E::id_of_row).collect()
    }

    pub(crate) async fn rows_by<'c>(
        on: impl Executor<'c, Database = Postgres>,
        sql: &'static str,
        values: PgArguments,
    ) -> sqlx::Result<Vec<E>> {
        rows_of(&sqlx::query_with(sql, values).fetch_all(on).await?)
    }

    fn inserted(row: &E, held: Option<&str>) -> sqlx::Result<PgArguments> {
        arguments(|arguments| {
            bind(row, &Statements::of::<E>().inserted, arguments)?;
            arguments.add(held)
        })
    }
}

fn bind<E: Entity>(
    row: &E,
    columns: &[usize],
    arguments: &mut PgArguments,
) -> Result<(), BoxDynError> {
    columns.iter().try_for_each(|column| row.bind(*column, arguments))
}

/// Puts rows in the order of `ids`, duplicates included.
pub(crate) fn in_order<E: Entity>(ids: &[E::Id], rows: Vec<E>) -> Vec<Option<E>> {
    let mut by_id: HashMap<E::Id, E> = rows.into_iter().map(|row| (row.id(), row)).collect();
    let mut left: HashMap<&E::Id, usize> = HashMap::new();
    for id in ids {
        *left.entry(id).or_default() += 1;
    }
    ids.iter()
        .map(|id| {
            let left = left.get_mut(id)?;
            *left -= 1;
            if *left == 0 { by_id.remove(id) } else { by_id.get(id).cloned() }
        })
        .collect()
}

/// The table of an entity as a [`DataSource`]: plain statements on a pool, no cache. Its writes invalidate nothing: a
/// repository's own do.
#[derive(Clone, Debug)]
pub struct PgSource<E> {
    pool: PgPool,
    entity: PhantomData<fn() -> E>,
}

impl<E: Entity> PgSource<E> {
    /// The table behind this pool.
    #[must_use]
    pub fn new(pool: &PgPool) -> Self {
        Self { pool: pool.clone(), entity: PhantomData }
    }

    pub(super) fn pool(&self) -> &PgPool {
        &self.pool
    }
}

impl<E: Entity> DataSource for PgSource<E> {
    type Key = E::Id;
    type Value = E;
    type Error = sqlx::Error;

    async fn load(&self, key: &E::Id) -> sqlx::Result<Option<E>> {
        Rows::load(&self.pool, key).await
    }

    async fn load_many(&self, keys: &[E::Id]) -> sqlx::Result<Vec<Option<E>>> {
        Ok(in_order(keys, Rows::load_many(&self.pool, keys).await?))
    }

    async fn store(&self, value: &E) -> sqlx::Result<E> {
        // Each try is one statement, so it needs no transaction around it.
        let mut connection = self.pool.acquire().await?;
        let change = Rows::upsert(&mut connection, value, None).await?;
        change.new.ok_or(sqlx::Error::RowNotFound)
    }

    async fn delete(&self, key: &E::Id) -> sqlx::Result<bool> {
        let mut connection = self.pool.acquire().await?;
        Ok(Rows::<E>::delete(&mut connection, key, None).await?.is_some())
    }

    fn is_settled(error: &sqlx::Error) -> bool {
        is_refusal(error)
    }
}
