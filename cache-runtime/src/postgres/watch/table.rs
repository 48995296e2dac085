//! What the catalog says of a table that is to be watched.

use std::collections::BTreeMap;

use sqlx::PgConnection;

use super::{KeyText, Piece, Plan, literal, quote};
use crate::error::{Error, ErrorKind, Result};
use crate::postgres::outbox::failed;

/// A table, and how the values of its columns are written into keys.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) oid: i64,
    /// With its schema, quoted.
    pub(crate) name: String,
    pub(crate) forms: BTreeMap<usize, Form>,
    pub(crate) types: BTreeMap<String, ColumnType>,
    pub(crate) skip: Skip,
}

/// How values of one column are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As Postgres writes them, which has no character that is special in a key: numbers, booleans, UUIDs.
    Plain,
    /// As they are, escaped.
    Text,
    /// Labels of an enum, where the program has other names for them: the label and the name.
    Labels(Vec<(String, String)>),
    /// A list of bytes.
    Bytes,
    /// ISO 8601.
    Date,
}

/// A column's type: that beneath, where it is a domain.
#[derive(Clone, Debug)]
pub(crate) struct ColumnType {
    pub(crate) name: String,
    pub(crate) category: String,
    /// Of an enum.
    pub(crate) labels: Vec<String>,
    in_catalog: bool,
}

/// When a statement that the repository itself has sent needs nothing written: its keys are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Skip {
    Always,
    /// A `BEFORE UPDATE` trigger may change what the repository does not see: rows of which it sees no change are
    /// written.
    UnlessUnseen,
    /// The statement may change more rows than it says, by a foreign key that leads back to the table, or by a rule.
    Never,
}

const ABOUT: &str = "SELECT c.oid::int8, format('%I.%I', n.nspname, c.relname), c.relkind::text, c.relispartition, \
         EXISTS (SELECT FROM pg_inherits i WHERE c.oid IN (i.inhrelid, i.inhparent)), c.relhasrules, \
         getdatabaseencoding()::text \
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass($1)";

const COLUMNS: &str = "WITH RECURSIVE types AS ( \
         SELECT a.attname, t.oid, t.typtype, t.typbasetype, t.typcategory, t.typnamespace \
         FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid \
         WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped \
         UNION ALL \
         SELECT d.attname, t.oid, t.typtype, t.typbasetype, t.typcategory, t.typnamespace \
         FROM types d JOIN pg_type t ON t.oid = d.typbasetype WHERE d.typtype = 'd') \
     SELECT attname::text, format_type(oid, NULL), typcategory::text, \
         typnamespace = 'pg_catalog'::regnamespace, \
         CASE WHEN typtype = 'e' THEN \
             (SELECT array_agg(enumlabel::text ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = types.oid) END \
     FROM types WHERE typtype <> 'd'";

/// Whether a foreign key that changes rows leads from the table back to it, perhaps through others.
const LEADS_BACK: &str = "WITH RECURSIVE keys AS ( \
         SELECT conrelid, confrelid FROM pg_constraint \
         WHERE contype = 'f' AND (confdeltype IN ('c', 'n', 'd') OR confupdtype IN ('c', 'n', 'd'))), \
     reached AS ( \
         SELECT conrelid FROM keys WHERE confrelid = $1::oid \
         UNION SELECT keys.conrelid FROM keys JOIN reached ON keys.confrelid = reached.conrelid) \
     SELECT EXISTS (SELECT FROM reached WHERE conrelid = $1::oid)";

/// Whether a trigger may change a row on its way into the table: row (1), before (2), update (16).
const CHANGES_ROWS: &str = "SELECT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = $1::oid \
     AND NOT tgisinternal AND tgenabled <> 'D' AND tgtype & 19 = 19)";

impl Table {
    /// # Errors
    /// Where the table is of a kind, or a column of a type, that cannot be watched.
    pub(crate) async fn read(on: &mut PgConnection, plan: &Plan) -> Result<Self> {
        type About = (i64, String, String, bool, bool, bool, String);
        let about: Option<About> = sqlx::query_as(ABOUT)
            .bind(plan.table)
            .fetch_optional(&mut *on)
            .await
            .map_err(failed)?;
        let Some((oid, name, kind, is_partition, inherits, has_rules, encoding)) = about else {
            return Err(refusal(plan, "there is no such table on the search path"));
        };
        let why = match kind.as_str() {
            _ if encoding != "UTF8" => {
                Some("the encoding of its database is not UTF8, so keys would differ")
            }
            "r" if is_partition => Some(
                "it is a partition, and changes made through its parent would pass the triggers by",
            ),
            "r" if inherits => {
                Some("it inherits or is inherited from, and changes would pass the triggers by")
            }
            "r" => None,
            "p" => Some(
                "it is partitioned, and changes made to a partition would pass the triggers by",
            ),
            "v" | "m" => Some("it is a view, and its rows change with other tables: watch those"),
            "f" => Some("it is a foreign table, and the other server's changes are not seen here"),
            _ => Some("it is no table"),
        };
        if let Some(why) = why {
            return Err(refusal(plan, why));
        }
        let types = types_of(on, oid).await?;
        let forms = plan
            .keyed()
            .into_iter()
            .map(|at| form_of(plan, &types, at).map(|form| (at, form)))
            .collect::<Result<_>>()?;
        let leads_back: bool = ask(on, LEADS_BACK, oid).await?;
        let skip = if leads_back || has_rules {
            Skip::Never
        } else if ask(on, CHANGES_ROWS, oid).await? {
            Skip::UnlessUnseen
        } else {
            Skip::Always
        };
        Ok(Self { oid, name, forms, types, skip })
    }

    /// The text of a column in a name, not escaped.
    fn plain(&self, plan: &Plan, column: usize, of: &str) -> String {
        let value = format!("{of}.{}", quote(plan.name_of(column)));
        match self.forms.get(&column) {
            Some(Form::Bytes) => format!("cache_runtime.bytes_text({value})"),
            Some(Form::Date) => format!("cache_runtime.date_text({value})"),
            Some(Form::Labels(labels)) if !labels.is_empty() => {
                let names = labels
                    .iter()
                    .map(|(label, name)| format!(" WHEN {} THEN {}", literal(label), literal(name)))
                    .collect::<String>();
                format!("CASE {value}::text{names} ELSE {value}::text END")
            }
            _ => format!("{value}::text"),
        }
    }

    /// The text of a column as a part of a key.
    pub(super) fn part(&self, plan: &Plan, column: usize, of: &str) -> String {
        let plain = self.plain(plan, column, of);
        match self.forms.get(&column) {
            Some(Form::Text | Form::Labels(_)) => format!("cache_runtime.escape({plain})"),
            _ => plain,
        }
    }

    /// A key of the row that is called `of`; `NULL` where a column of it is, or the row does not have it.
    pub(super) fn key(&self, plan: &Plan, key: &KeyText, of: &str) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => literal(text),
            Piece::Column(column) if key.is_name => self.plain(plan, *column, of),
            Piece::Column(column) => self.part(plan, *column, of),
        };
        let text = key.pieces.iter().map(piece).collect::<Vec<_>>().join(" || ");
        let whole = match (text.is_empty(), key.is_name) {
            (true, _) => literal(&key.head),
            (false, true) => format!("{} || cache_runtime.escape({text})", literal(&key.head)),
            (false, false) => format!("{} || {text}", literal(&key.head)),
        };
        match key.when {
            Some(when) => format!("CASE WHEN {} THEN {whole} END", when.sql(plan.columns, of)),
            None => whole,
        }
    }
}

async fn ask(on: &mut PgConnection, sql: &'static str, oid: i64) -> Result<bool> {
    sqlx::query_scalar(sql).bind(oid).fetch_one(on).await.map_err(failed)
}

async fn types_of(on: &mut PgConnection, oid: i64) -> Result<BTreeMap<String, ColumnType>> {
    type Row = (String, String, String, bool, Option<Vec<String>>);
    let rows: Vec<Row> = sqlx::query_as(COLUMNS).bind(oid).fetch_all(on).await.map_err(failed)?;
    Ok(rows
        .into_iter()
        .map(|(column, name, category, in_catalog, labels)| {
            let labels = labels.unwrap_or_default();
            (column, ColumnType { name, category, labels, in_catalog })
        })
        .collect())
}

fn form_of(plan: &Plan, types: &BTreeMap<String, ColumnType>, column: usize) -> Result<Form> {
    let name = plan.name_of(column);
    let Some(found) = types.get(name) else {
        return Err(refusal(plan, &format!("it has no column {name}")));
    };
    if !found.labels.is_empty() {
        return Ok(Form::Labels(Vec::new()));
    }
    match found.name.as_str() {
        "boolean" | "smallint" | "integer" | "bigint" | "uuid" if found.in_catalog => {
            Ok(Form::Plain)
        }
        "text" | "character varying" | "name" if found.in_catalog => Ok(Form::Text),
        "bytea" if found.in_catalog => Ok(Form::Bytes),
        "date" if found.in_catalog => Ok(Form::Date),
        other => Err(refusal(
            plan,
            &format!(
                "column {name} is {other}, of which the triggers do not know how the program writes it into a key; they \
                 know booleans, integers, text, UUIDs, enums, bytea and dates: leave it out of the repository's \
                 annotations"
            ),
        )),
    }
}

/// Why a table is not watched.
pub(super) fn refusal(plan: &Plan, why: &str) -> Error {
    Error::new(ErrorKind::Outbox, format!("table {} cannot be watched: {why}", plan.table))
}
