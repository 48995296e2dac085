//! Rows by which the keys of the triggers are compared with those of the program.

use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection, Row};

use super::table::{ColumnType, Table};
use super::{Plan, literal, quote};
use crate::error::Result;
use crate::postgres::outbox::failed;

/// Rows of the table that are looked at.
const MOST: usize = 50;

/// A row, with what the triggers would write of it.
#[derive(Debug)]
pub(crate) struct Sampled(PgRow);

impl Sampled {
    pub(crate) fn row(&self) -> &PgRow {
        &self.0
    }

    /// A column's text as a part of a key.
    pub(crate) fn part(&self, column: usize) -> sqlx::Result<Option<String>> {
        self.0.try_get(part_name(column).as_str())
    }

    /// A whole key, by its place among [`Plan::keys`].
    pub(crate) fn key(&self, number: usize) -> sqlx::Result<Option<String>> {
        self.0.try_get(key_name(number).as_str())
    }
}

fn part_name(column: usize) -> String {
    format!("__cache_part_{column}")
}

fn key_name(number: usize) -> String {
    format!("__cache_key_{number}")
}

/// Rows of the table, and rows that are made up: one for each value that a column of the keys might bear, the other
/// columns being those of some row, or made up as well where there is none. A made-up row need not be one that the program
/// can read.
pub(crate) async fn samples(
    on: &mut PgConnection,
    plan: &Plan,
    table: &Table,
) -> Result<(Vec<Sampled>, Vec<Sampled>)> {
    let columns = plan.columns.iter().map(|column| quote(column.name)).collect::<Vec<_>>();
    let columns = columns.join(", ");
    let real = read(on, plan, table, &format!("SELECT {columns} FROM {} LIMIT {MOST}", table.name))
        .await?;
    let base = if real.is_empty() {
        let made = plan.columns.iter().map(|column| {
            let value = table.types.get(column.name).map_or_else(|| "NULL".to_owned(), any_value);
            format!("{value} AS {}", quote(column.name))
        });
        format!("SELECT {}", made.collect::<Vec<_>>().join(", "))
    } else {
        format!("SELECT {columns} FROM {} LIMIT 1", table.name)
    };
    let mut made_up = Vec::new();
    for column in plan.keyed() {
        let Some(kind) = table.types.get(plan.name_of(column)) else { continue };
        for value in values(kind) {
            let replaced = plan.columns.iter().enumerate().map(|(at, other)| {
                let name = quote(other.name);
                if at == column { format!("{value} AS {name}") } else { format!("base.{name}") }
            });
            let replaced = replaced.collect::<Vec<_>>().join(", ");
            made_up.push(format!("SELECT {replaced} FROM base"));
        }
    }
    let made_up = format!("WITH base AS ({base}) {}", made_up.join(" UNION ALL "));
    Ok((real, read(on, plan, table, &made_up).await?))
}

async fn read(
    on: &mut PgConnection,
    plan: &Plan,
    table: &Table,
    rows: &str,
) -> Result<Vec<Sampled>> {
    let parts = plan
        .keyed()
        .into_iter()
        .map(|column| format!("({}) AS {}", table.part(plan, column, "r"), part_name(column)));
    let keys = plan
        .keys()
        .enumerate()
        .map(|(number, key)| format!("({}) AS {}", table.key(plan, key, "r"), key_name(number)));
    let written = parts.chain(keys).collect::<Vec<_>>().join(", ");
    let sql = format!("SELECT r.*, {written} FROM ({rows}) AS r");
    let found = sqlx::query(AssertSqlSafe(sql)).persistent(false).fetch_all(on).await;
    Ok(found.map_err(failed)?.into_iter().map(Sampled).collect())
}

/// Values that a type might be written differently for: none, the extremes, everything that is special in a key.
fn values(kind: &ColumnType) -> Vec<String> {
    if !kind.labels.is_empty() {
        return kind.labels.iter().map(|label| cast(label, kind)).collect();
    }
    let texts: &[&str] = match kind.name.as_str() {
        "boolean" => &["true", "false"],
        "smallint" => &["0", "-1", "-32768", "32767"],
        "integer" => &["0", "-1", "-2147483648", "2147483647"],
        "bigint" => &["0", "-1", "-9223372036854775808", "9223372036854775807"],
        "uuid" => &["00000000-0000-0000-0000-000000000000", "0a1B2c3D-4e5F-6071-8293-a4b5c6d7e8f9"],
        "bytea" => &["", "\\x00ff0a"],
        "date" => &["2024-02-29", "0987-06-05", "1969-12-31"],
        _ => &["", "plain", "Two Words", " a:b=c{d}*?[e]\\%f ", "Größe\t\u{3000}", "%N"],
    };
    texts.iter().map(|text| cast(text, kind)).collect()
}

/// Some value of a type, for a column that is in no key.
fn any_value(kind: &ColumnType) -> String {
    if let Some(label) = kind.labels.first() {
        return cast(label, kind);
    }
    let text = match (kind.name.as_str(), kind.category.as_str()) {
        ("uuid", _) => "00000000-0000-0000-0000-000000000000",
        ("json" | "jsonb", _) => "{}",
        ("bytea" | "xml", _) | (_, "S") => "",
        ("inet" | "cidr", _) => "127.0.0.1",
        (_, "N" | "T") => "0",
        (_, "B") => "false",
        (_, "D") => return format!("'2024-02-29 12:00'::{}", kind.name),
        (_, "A") => "{}",
        (_, "R") => "empty",
        _ => return format!("NULL::{}", kind.name),
    };
    cast(text, kind)
}

fn cast(text: &str, kind: &ColumnType) -> String {
    format!("{}::{}", literal(text), kind.name)
}
