//! The trigger function of a table.

use super::table::{Skip, Table};
use super::{KeyText, Piece, Plan, literal, quote};
use crate::key::escaped;
use crate::postgres::outbox::CHUNK;
use crate::postgres::sql::MARK;

/// The transition tables. Nothing of the user's can stand before them: they are looked up first.
pub(super) const OLD: &str = "old_rows";
pub(super) const NEW: &str = "new_rows";
/// A row of each. Columns may have any name, so every mention of one says whose it is.
const BEFORE: &str = "row_before";
const AFTER: &str = "row_after";

/// What stands between `AS $…$` and its end. It says everything that the triggers do, so that a comparison with what is
/// installed tells whether that is up to date.
pub(super) fn body(plan: &Plan, table: &Table) -> String {
    let namespace = literal(plan.namespace.as_str());
    let of_one = |side: &str, rows: &str| {
        let keys = plan.keys().map(|key| table.key(plan, key, side)).collect();
        written(plan, &format!("{rows} {side}"), "", keys)
    };
    let (declare, held) = match table.skip {
        Skip::Never => ("", String::new()),
        Skip::Always => ("", format!("    IF {} THEN RETURN NULL; END IF;\n", held(&namespace))),
        Skip::UnlessUnseen => (
            "<<watch>>\nDECLARE held boolean;\n",
            format!(
                "    watch.held := ({}) IS TRUE;\n    IF watch.held AND TG_OP <> 'UPDATE' THEN RETURN NULL; END IF;\n",
                held(&namespace)
            ),
        ),
    };
    format!(
        "
{declare}BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        INSERT INTO cache_runtime.outbox (namespace, keys) VALUES ({namespace}, {truncated});
        RETURN NULL;
    END IF;
{held}    IF TG_OP = 'INSERT' THEN
{inserted}
    ELSIF TG_OP = 'DELETE' THEN
{deleted}
    ELSE
{updated}
    END IF;
    RETURN NULL;
END
",
        truncated = everything(plan),
        inserted = of_one(AFTER, NEW),
        deleted = of_one(BEFORE, OLD),
        updated = of_both(plan, table),
    )
}

/// Whether the repository of this namespace has sent the statement, and holds its keys. A statement that comes of a
/// trigger is deeper; one that comes later has another time.
fn held(namespace: &str) -> String {
    format!(
        "pg_trigger_depth() = 1 AND current_setting('{MARK}', true) = \
         concat_ws('@', TG_RELID, extract(epoch FROM statement_timestamp()), {namespace})"
    )
}

/// Rows before and after: the row's own keys and tags in any case, lists by condition where the row meets it, look-ups and
/// other lists where they differ.
fn of_both(plan: &Plan, table: &Table) -> String {
    let columns = |of: &str, columns: &mut dyn Iterator<Item = usize>| {
        columns.map(|at| format!("{of}.{}", quote(plan.name_of(at)))).collect::<Vec<_>>().join(", ")
    };
    let ids: Vec<String> = plan.row.columns().map(|at| quote(plan.name_of(at))).collect();
    let same_row = ids
        .iter()
        .map(|id| format!("{BEFORE}.{id} = {AFTER}.{id}"))
        .collect::<Vec<_>>()
        .join(" AND ");
    let mut keys = Vec::new();
    for key in std::iter::once(&plan.row).chain(&plan.tags).chain(&plan.conditions) {
        keys.extend([BEFORE, AFTER].map(|side| table.key(plan, key, side)));
    }
    for index in &plan.indexes {
        let differs = format!(
            "({}) IS DISTINCT FROM ({})",
            columns(BEFORE, &mut index.columns()),
            columns(AFTER, &mut index.columns())
        );
        keys.extend(
            [BEFORE, AFTER].map(|side| {
                format!("CASE WHEN {differs} THEN {} END", table.key(plan, index, side))
            }),
        );
    }
    // Compared as they are stored, whatever their types: a row that is as it was needs nothing.
    let mut changed = format!(" AND ({BEFORE}.* *= {AFTER}.*) IS NOT TRUE");
    if table.skip == Skip::UnlessUnseen {
        let seen = |of: &str| columns(of, &mut (0..plan.columns.len()));
        changed += &format!(
            " AND (NOT watch.held OR record_image_eq(ROW({}), ROW({})))",
            seen(BEFORE),
            seen(AFTER)
        );
    }
    written(plan, &format!("{OLD} {BEFORE} FULL JOIN {NEW} {AFTER} ON {same_row}"), &changed, keys)
}

/// A statement that writes these keys of these rows, each once, and the table's tag if there is any row.
fn written(plan: &Plan, rows: &str, condition: &str, keys: Vec<String>) -> String {
    let keys = keys
        .into_iter()
        .chain([literal(plan.table_tag.as_str())])
        .map(|key| format!("({key})"))
        .collect::<Vec<_>>()
        .join(",\n                    ");
    format!(
        "        INSERT INTO cache_runtime.outbox (namespace, keys)
        SELECT {}, array_agg(key)
        FROM (
            SELECT key, (row_number() OVER () - 1) / {CHUNK} AS chunk
            FROM (
                SELECT DISTINCT keys.key
                FROM {rows}
                CROSS JOIN LATERAL (VALUES
                    {keys}
                ) AS keys (key)
                WHERE keys.key IS NOT NULL{condition}
            ) AS changed
        ) AS numbered
        GROUP BY chunk;",
        literal(plan.namespace.as_str()),
    )
}

/// What may be wrong when all rows are gone and nobody can tell which there were: everything under the table's name, and
/// every tag that a row of it may have had.
fn everything(plan: &Plan) -> String {
    let mut names =
        vec![format!("{}*", plan.table_prefix.as_str()), plan.table_tag.as_str().to_owned()];
    names.extend(plan.tags.iter().map(tags_like));
    names.sort();
    names.dedup();
    let names = names.iter().map(|name| literal(name)).collect::<Vec<_>>().join(", ");
    format!("ARRAY[{names}]")
}

/// The tag, or the prefix of all tags that the template makes.
fn tags_like(tag: &KeyText) -> String {
    let mut name = tag.head.clone();
    for piece in &tag.pieces {
        match piece {
            Piece::Text(text) => name.push_str(&escaped(text)),
            Piece::Column(_) => {
                name.push('*');
                break;
            }
        }
    }
    name
}
