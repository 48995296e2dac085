//! The statements of an entity: written once for each type, and prepared once on each connection by sqlx.

mod pages;

use std::any::TypeId;
use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::sync::{LazyLock, Mutex, PoisonError, RwLock};

pub(crate) use self::pages::Pages;
use super::entity::{Column, Entity};

/// The fixed statements of one entity.
#[derive(Debug)]
pub(crate) struct Statements {
    /// The table, quoted.
    pub(crate) table: String,
    /// All columns, quoted and separated by commas.
    pub(crate) columns: String,
    /// Places of the columns that an insert names.
    pub(crate) inserted: Vec<usize>,
    /// Places of the columns that an update sets.
    pub(crate) updated: Vec<usize>,
    pub(crate) select: String,
    pub(crate) select_many: String,
    pub(crate) select_many_for_update: String,
    pub(crate) insert: String,
    pub(crate) insert_or_nothing: String,
    pub(crate) update: String,
    pub(crate) delete: String,
    pub(crate) delete_many: String,
    order: String,
    ids: String,
}

/// The column that tells the row before a change from the row after it.
pub(crate) const SIDE: &str = "__cache_side";

/// The setting in which a statement tells the triggers that it fires for which table and namespace its keys are held.
pub(crate) const MARK: &str = "cache_runtime.held";

impl Statements {
    /// The statements of `E`, which live as long as the program: there is one set for each type in it.
    pub(crate) fn of<E: Entity>() -> &'static Self {
        static ALL: RwLock<Option<HashMap<TypeId, &'static Statements>>> = RwLock::new(None);
        let known = TypeId::of::<E>();
        if let Some(found) = ALL
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .and_then(|all| all.get(&known).copied())
        {
            return found;
        }
        let mut all = ALL.write().unwrap_or_else(PoisonError::into_inner);
        all.get_or_insert_default()
            .entry(known)
            .or_insert_with(|| Box::leak(Box::new(Self::write(E::TABLE, E::COLUMNS))))
    }

    fn write(table: &str, columns: &[Column]) -> Self {
        let table = table.split('.').map(quote).collect::<Vec<_>>().join(".");
        let all = list(columns.iter());
        let id_names: Vec<_> =
            columns.iter().filter(|column| column.id).map(|column| quote(column.name)).collect();
        let ids = id_names.join(", ");
        let places = |keep: &dyn Fn(&Column) -> bool| -> Vec<usize> {
            columns
                .iter()
                .enumerate()
                .filter(|(_, column)| keep(column))
                .map(|(at, _)| at)
                .collect()
        };
        let inserted = places(&|column| !column.generated);
        let updated = places(&|column| !column.generated && !column.id);

        let by_id = equal(&id_names);
        let by_ids = match id_names.as_slice() {
            [one] => format!("{one} = ANY($1)"),
            several => {
                format!("({ids}) IN (SELECT * FROM UNNEST({}))", parameters(1, several.len()))
            }
        };
        let select_many = format!("SELECT {all} FROM {table} WHERE {by_ids}");
        let names = list(inserted.iter().filter_map(|at| columns.get(*at)));
        let into = if inserted.is_empty() {
            format!("INSERT INTO {table} DEFAULT VALUES")
        } else {
            format!("INSERT INTO {table} ({names}) VALUES ({})", parameters(1, inserted.len()))
        };
        let mut sets = updated
            .iter()
            .filter_map(|at| columns.get(*at))
            .zip(id_names.len() + 1..)
            .map(|(column, number)| format!("{} = ${number}", quote(column.name)))
            .collect::<Vec<_>>();
        if sets.is_empty() {
            // A row that is all id: the update still locks it and runs its triggers.
            sets.extend(id_names.iter().map(|name| format!("{name} = target.{name}")));
        }
        let same_row = id_names
            .iter()
            .map(|name| format!("target.{name} = before.{name}"))
            .collect::<Vec<_>>()
            .join(" AND ");
        let returned = columns
            .iter()
            .map(|column| format!("target.{}", quote(column.name)))
            .collect::<Vec<_>>()
            .join(", ");
        Self {
            select: format!("SELECT {all} FROM {table} WHERE {by_id}"),
            // In the order of the ids, so that two writers of the same rows never wait for each other in a circle.
            select_many_for_update: format!("{select_many} ORDER BY {ids} FOR UPDATE"),
            select_many,
            insert: format!("{into} RETURNING {all}, {}", mark(&table, inserted.len() + 1)),
            insert_or_nothing: format!(
                "{into} ON CONFLICT ({ids}) DO NOTHING RETURNING {all}, {}",
                mark(&table, inserted.len() + 1)
            ),
            update: format!(
                "WITH before AS (SELECT {all} FROM {table} WHERE {by_id} FOR UPDATE), \
                 after AS (UPDATE {table} AS target SET {} FROM before WHERE {same_row} RETURNING {returned}, {}) \
                 SELECT 0 AS \"{SIDE}\", {all} FROM before UNION ALL SELECT 1, {all} FROM after",
                sets.join(", "),
                mark(&table, id_names.len() + updated.len() + 1)
            ),
            delete: format!(
                "DELETE FROM {table} WHERE {by_id} RETURNING {all}, {}",
                mark(&table, id_names.len() + 1)
            ),
            delete_many: format!(
                "WITH before AS (SELECT {ids} FROM {table} WHERE {by_ids} ORDER BY {ids} FOR UPDATE) \
                 DELETE FROM {table} AS target USING before WHERE {same_row} RETURNING {returned}, {}",
                mark(&table, id_names.len() + 1)
            ),
            order: ids.clone(),
            ids,
            table,
            columns: all,
            inserted,
            updated,
        }
    }

    /// `INSERT` of `rows` rows at once.
    pub(crate) fn insert_rows(&self, rows: usize) -> String {
        let width = self.inserted.len();
        let Some((head, _)) = self.insert.split_once("VALUES (") else {
            return self.insert.clone();
        };
        let mut sql = format!("{head}VALUES ");
        for row in 0..rows {
            let comma = if row > 0 { ", " } else { "" };
            // Writing to a string does not fail.
            let _ = write!(sql, "{comma}({})", parameters(row * width + 1, width));
        }
        let _ = write!(sql, " RETURNING {}, {}", self.columns, mark(&self.table, rows * width + 1));
        sql
    }

    /// The ids of the rows with these values in these columns.
    pub(crate) fn ids_by(&self, columns: &[&str]) -> &'static str {
        kept(format!(
            "SELECT {} FROM {} WHERE {} ORDER BY {}",
            self.ids,
            self.table,
            equal(&quoted(columns)),
            self.order
        ))
    }

    /// A page of the rows with these values in these columns.
    pub(crate) fn rows_by(&self, columns: &[&str]) -> &'static str {
        let next = columns.len() + 1;
        kept(format!(
            "SELECT {} FROM {} WHERE {} ORDER BY {} LIMIT ${next} OFFSET ${}",
            self.columns,
            self.table,
            equal(&quoted(columns)),
            self.order,
            next + 1
        ))
    }

    /// A page of the rows that meet a condition with so many parameters. `order` ends with a comma where it is not empty.
    pub(crate) fn rows_where(
        &self,
        condition: &str,
        order: &str,
        parameters: usize,
    ) -> &'static str {
        kept(format!(
            "SELECT {} FROM {} WHERE {condition} ORDER BY {order}{} LIMIT ${} OFFSET ${}",
            self.columns,
            self.table,
            self.order,
            parameters + 1,
            parameters + 2
        ))
    }
}

/// The same text for as long as the program lives: once, however many managers ask for it.
fn kept(text: String) -> &'static str {
    static ALL: LazyLock<Mutex<HashSet<&'static str>>> = LazyLock::new(Mutex::default);
    let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = all.get(text.as_str()) {
        return known;
    }
    let text: &'static str = text.leak();
    all.insert(text);
    text
}

/// Says, in the list of what a statement returns, that the keys of the rows are held in the namespace of this parameter.
/// It is evaluated with each row that is changed, and so before the triggers of the whole statement. The time tells
/// the statement from those after it.
fn mark(table: &str, parameter: usize) -> String {
    let table = table.replace('\'', "''");
    format!(
        "set_config('{MARK}', concat_ws('@', '{table}'::regclass::oid, \
         extract(epoch FROM statement_timestamp()), ${parameter}::text), true) IS NULL AS \"__cache_held\""
    )
}

fn quoted(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| quote(name)).collect()
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn list<'c>(columns: impl Iterator<Item = &'c Column>) -> String {
    columns.map(|column| quote(column.name)).collect::<Vec<_>>().join(", ")
}

fn parameters(first: usize, count: usize) -> String {
    (first..first + count).map(|number| format!("${number}")).collect::<Vec<_>>().join(", ")
}

fn equal(names: &[String]) -> String {
    names
        .iter()
        .zip(1..)
        .map(|(name, number)| format!("{name} = ${number}"))
        .collect::<Vec<_>>()
        .join(" AND ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_that_is_asked_for_again_takes_no_more_memory() {
        let statements = || {
            let id = Column {
                name: "id",
                rust_type: "i64",
                id: true,
                generated: false,
                nullable: false,
                compatible: |_| true,
            };
            Statements::write("cities", &[id])
        };
        let ask = || (statements().ids_by(&["slug"]), statements().rows_by(&["slug"]));
        let (one, other) = (ask(), ask());
        assert!(std::ptr::eq(one.0, other.0) && std::ptr::eq(one.1, other.1));
        assert_ne!(one.0, one.1);
    }
}
