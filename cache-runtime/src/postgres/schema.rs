//! Whether the database really has what the annotations claim.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use sqlx::postgres::PgTypeInfo;
use sqlx::{AssertSqlSafe, Column as _, Executor, PgConnection, Statement, TypeInfo};

use super::entity::{Column, Entity};
use super::sql::Statements;

/// What an entity and its repository claim, and the database does not have: every difference, not the first.
#[derive(Debug)]
pub struct SchemaError {
    table: &'static str,
    differences: Vec<SchemaDifference>,
    source: Option<sqlx::Error>,
}

/// One claim that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SchemaDifference {
    /// There is no such table, or it is not visible on the search path.
    NoTable,
    /// The table has no such column.
    NoColumn {
        /// The column.
        column: String,
    },
    /// The column's type cannot be read into the field.
    OtherType {
        /// The column.
        column: String,
        /// Its type in the database.
        found: String,
        /// The field's type in the program.
        claimed: String,
    },
    /// The column may be `NULL`, and the field is no `Option`.
    Nullable {
        /// The column.
        column: String,
    },
    /// No unique index covers exactly these columns, without a condition: two rows may share what is looked up as unique.
    /// The id's must not be deferrable, because an upsert goes by it.
    NoUniqueIndex {
        /// The columns.
        columns: Vec<String>,
    },
    /// The database takes values for equal that are different keys in the cache (`citext`, `char(n)`, `numeric`,
    /// floating point, a nondeterministic collation), so a look-up, a list or a tag by this column could miss a change.
    LooseEquality {
        /// The column.
        column: String,
        /// Its type or collation in the database.
        found: String,
    },
}

impl SchemaError {
    /// Every difference; empty where the database could not be asked.
    #[must_use]
    pub fn differences(&self) -> &[SchemaDifference] {
        &self.differences
    }
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.source.is_some() {
            return write!(f, "the schema of table {} could not be read", self.table);
        }
        write!(f, "table {} differs from its annotations:", self.table)?;
        self.differences.iter().try_for_each(|difference| write!(f, "\n  - {difference}"))
    }
}

impl std::error::Error for SchemaError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}

impl fmt::Display for SchemaDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTable => f.write_str("there is no such table on the search path"),
            Self::NoColumn { column } => write!(f, "there is no column {column}"),
            Self::OtherType { column, found, claimed } => {
                write!(f, "column {column} is {found}, which cannot be read into {claimed}")
            }
            Self::Nullable { column } => {
                write!(
                    f,
                    "column {column} may be NULL: make the field an Option or the column NOT NULL"
                )
            }
            Self::NoUniqueIndex { columns } => {
                let columns = columns.join(", ");
                write!(
                    f,
                    "no unique index covers exactly ({columns}): CREATE UNIQUE INDEX ON … ({columns})"
                )
            }
            Self::LooseEquality { column, found } => write!(
                f,
                "column {column} is {found}, under which different values are equal: it cannot be a cache key"
            ),
        }
    }
}

/// Compares the table with the claims. `unique` and `keyed` are sets of places in [`Entity::COLUMNS`].
pub(crate) async fn verify<E: Entity>(
    on: &mut PgConnection,
    unique: &[&[usize]],
    keyed: &BTreeSet<usize>,
) -> Result<(), SchemaError> {
    let mut differences = Vec::new();
    match differences_of::<E>(on, unique, keyed, &mut differences).await {
        Ok(()) if differences.is_empty() => Ok(()),
        Ok(()) => Err(SchemaError { table: E::TABLE, differences, source: None }),
        Err(error) => Err(SchemaError::unreadable::<E>(error)),
    }
}

impl SchemaError {
    pub(crate) fn unreadable<E: Entity>(error: sqlx::Error) -> Self {
        Self { table: E::TABLE, differences: Vec::new(), source: Some(error) }
    }
}

struct Found {
    not_null: bool,
    /// The name of the collation where it is nondeterministic.
    loose_collation: Option<String>,
}

async fn differences_of<E: Entity>(
    on: &mut PgConnection,
    unique: &[&[usize]],
    keyed: &BTreeSet<usize>,
    differences: &mut Vec<SchemaDifference>,
) -> sqlx::Result<()> {
    let table = &Statements::of::<E>().table;
    let oid: Option<i64> = sqlx::query_scalar("SELECT to_regclass($1)::oid::int8")
        .bind(table)
        .fetch_one(&mut *on)
        .await?;
    let Some(oid) = oid else {
        differences.push(SchemaDifference::NoTable);
        return Ok(());
    };
    let found = columns_of(on, oid).await?;
    let there: Vec<&Column> =
        E::COLUMNS.iter().filter(|column| found.contains_key(column.name)).collect();
    let types = types_of(on, table, &there).await?;
    for (at, column) in E::COLUMNS.iter().enumerate() {
        let name = || column.name.to_owned();
        let (Some(found), Some(kind)) = (found.get(column.name), types.get(column.name)) else {
            differences.push(SchemaDifference::NoColumn { column: name() });
            continue;
        };
        if !(column.compatible)(kind) {
            differences.push(SchemaDifference::OtherType {
                column: name(),
                found: kind.name().to_owned(),
                claimed: column.rust_type.to_owned(),
            });
        }
        if !found.not_null && !column.nullable {
            differences.push(SchemaDifference::Nullable { column: name() });
        }
        if (keyed.contains(&at) || column.id)
            && let Some(found) = loose(kind, found)
        {
            differences.push(SchemaDifference::LooseEquality { column: name(), found });
        }
    }
    let indexes = unique_indexes_of(on, oid).await?;
    for columns in unique {
        let is_id = columns.iter().all(|at| E::COLUMNS.get(*at).is_some_and(|column| column.id));
        let columns: BTreeSet<&str> =
            columns.iter().filter_map(|at| E::COLUMNS.get(*at)).map(|column| column.name).collect();
        let covered = indexes.iter().any(|(index, immediate)| {
            index.iter().map(String::as_str).collect::<BTreeSet<_>>() == columns
                // An upsert cannot go by a constraint that is checked later.
                && (*immediate || !is_id)
        });
        if !covered {
            differences.push(SchemaDifference::NoUniqueIndex {
                columns: columns.into_iter().map(str::to_owned).collect(),
            });
        }
    }
    Ok(())
}

fn loose(kind: &PgTypeInfo, found: &Found) -> Option<String> {
    let name = kind.name().to_lowercase();
    let is_loose = matches!(
        name.as_str(),
        "citext"
            | "char"
            | "bpchar"
            | "numeric"
            | "float4"
            | "float8"
            | "json"
            | "jsonb"
            | "interval"
            | "timestamp"
            | "timestamptz"
            | "time"
            | "timetz"
    );
    if is_loose { Some(kind.name().to_owned()) } else { found.loose_collation.clone() }
}

async fn columns_of(on: &mut PgConnection, oid: i64) -> sqlx::Result<BTreeMap<String, Found>> {
    let rows: Vec<(String, bool, Option<String>)> = sqlx::query_as(
        "SELECT a.attname::text, a.attnotnull OR t.typnotnull, \
                CASE WHEN NOT c.collisdeterministic THEN c.collname::text END \
         FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_collation c ON c.oid = a.attcollation \
         WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped",
    )
    .bind(oid)
    .fetch_all(on)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(name, not_null, loose_collation)| (name, Found { not_null, loose_collation }))
        .collect())
}

/// The types as sqlx knows them, from a statement that is prepared and never run.
async fn types_of(
    on: &mut PgConnection,
    table: &str,
    columns: &[&Column],
) -> sqlx::Result<BTreeMap<String, PgTypeInfo>> {
    if columns.is_empty() {
        return Ok(BTreeMap::new());
    }
    let names = columns
        .iter()
        .map(|column| format!("\"{}\"", column.name.replace('"', "\"\"")))
        .collect::<Vec<_>>();
    let sql = AssertSqlSafe(format!("SELECT {} FROM {table}", names.join(", ")));
    let statement = on.prepare(sqlx::SqlSafeStr::into_sql_str(sql)).await?;
    Ok(statement
        .columns()
        .iter()
        .map(|column| (column.name().to_owned(), column.type_info().clone()))
        .collect())
}

/// The columns of each unique index, and whether it is checked at once.
async fn unique_indexes_of(
    on: &mut PgConnection,
    oid: i64,
) -> sqlx::Result<Vec<(Vec<String>, bool)>> {
    sqlx::query_as(
        "SELECT array_agg(a.attname::text), bool_and(i.indimmediate) \
         FROM pg_index i \
         CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place) \
         JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum \
         WHERE i.indrelid = $1::oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL \
           AND k.place <= i.indnkeyatts \
         GROUP BY i.indexrelid",
    )
    .bind(oid)
    .fetch_all(on)
    .await
}
