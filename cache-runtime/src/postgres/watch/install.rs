//! The triggers of a table: making them, finding them, removing them.

use sqlx::postgres::{PgPool, PgTransactionManager};
use sqlx::{AssertSqlSafe, PgConnection, SqlSafeStr};
use sqlx_core::transaction::TransactionManager;

use super::body::{NEW, OLD, body};
use super::table::{Table, refusal};
use super::{Plan, literal, quote};
use crate::error::{Error, ErrorKind, Result};
use crate::postgres::lent::Lent;
use crate::postgres::outbox::failed;

/// A lock on a table in use has to wait for the transactions that use it, and everybody else waits behind it: not for
/// longer than this.
const BEGIN: &str =
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = '2s'";

/// What fires each trigger, its bit in `pg_trigger.tgtype`, and the transition tables that it sees.
const EVENTS: [Event; 4] = [
    ("INSERT", 4, None, Some(NEW)),
    ("DELETE", 8, Some(OLD), None),
    ("UPDATE", 16, Some(OLD), Some(NEW)),
    ("TRUNCATE", 32, None, None),
];

type Event = (&'static str, i16, Option<&'static str>, Option<&'static str>);

/// The names that belong to one namespace on one table.
struct Names {
    function: String,
    hash: String,
}

impl Names {
    fn of(plan: &Plan, table: &Table) -> Self {
        let hash = fnv(plan.namespace.as_str());
        // The table's name is for a person who lists the functions; what makes the name unique is behind it.
        let readable: String = table
            .name
            .chars()
            .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '_' })
            .take(30)
            .collect();
        let both = fnv(&format!("{}\0{}", table.name, plan.namespace.as_str()));
        let function = format!("cache_runtime.watch_{}_{both}", readable.trim_matches('_'));
        Self { function, hash }
    }

    fn trigger(&self, event: &str) -> String {
        format!("cache_runtime_{}_{}", self.hash, event.to_lowercase())
    }
}

/// 64-bit FNV-1a, the same in every version: names have to be found again.
fn fnv(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

/// What makes the triggers, in the order in which it is run.
pub(crate) fn statements(plan: &Plan, table: &Table) -> Vec<String> {
    let names = Names::of(plan, table);
    let body = body(plan, table);
    let mut quotes = "$keys$".to_owned();
    while body.contains(&quotes) {
        quotes.insert(1, '_');
    }
    let (function, on) = (&names.function, &table.name);
    let about = format!(
        "Writes the keys of {on} in the namespace {} to the outbox",
        plan.namespace.as_str()
    );
    let mut all = vec![
        format!(
            "CREATE OR REPLACE FUNCTION {function}() RETURNS trigger\n\
             LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp\nAS {quotes}{body}{quotes}"
        ),
        format!("COMMENT ON FUNCTION {function}() IS {}", literal(&about)),
        format!("REVOKE ALL ON FUNCTION {function}() FROM PUBLIC"),
    ];
    all.extend(EVENTS.map(|event| trigger(&names, on, event)));
    let always =
        EVENTS.map(|(event, ..)| format!("ENABLE ALWAYS TRIGGER {}", names.trigger(event)));
    // Also in a session that plays a replica, as tools that load data do.
    all.push(format!("ALTER TABLE {on} {}", always.join(", ")));
    all
}

/// Whether exactly these triggers are there, and fire.
pub(crate) async fn installed(on: &mut PgConnection, plan: &Plan, table: &Table) -> Result<bool> {
    let names = Names::of(plan, table);
    let (mut triggers, mut kinds, mut olds, mut news) = (vec![], vec![], vec![], vec![]);
    for (event, kind, old, new) in EVENTS {
        triggers.push(names.trigger(event));
        kinds.push(kind);
        olds.push(old);
        news.push(new);
    }
    sqlx::query_scalar(
        "SELECT count(*) = 4 FROM unnest($1::text[], $2::int2[], $3::text[], $4::text[]) AS want (name, kind, old, new) \
         JOIN pg_trigger t ON t.tgrelid = $5::oid AND t.tgname = want.name AND t.tgtype = want.kind \
             AND t.tgoldtable IS NOT DISTINCT FROM want.old AND t.tgnewtable IS NOT DISTINCT FROM want.new \
             AND t.tgenabled = 'A' AND t.tgqual IS NULL \
         JOIN pg_proc p ON p.oid = t.tgfoid \
         WHERE p.pronamespace = to_regnamespace('cache_runtime') AND 'cache_runtime.' || p.proname = $6 \
             AND p.prosrc = $7 AND p.prosecdef AND p.proconfig = ARRAY['search_path=pg_catalog, pg_temp']",
    )
    .bind(triggers)
    .bind(kinds)
    .bind(olds)
    .bind(news)
    .bind(table.oid)
    .bind(&names.function)
    .bind(body(plan, table))
    .fetch_one(on)
    .await
    .map_err(failed)
}

/// Makes the triggers, or replaces older ones.
///
/// # Errors
/// Where the role may not, or the table is in use for too long.
pub(crate) async fn install(pool: &PgPool, plan: &Plan, table: &Table) -> Result<()> {
    let sql = statements(plan, table);
    let trial = trial(plan, table);
    change(pool, plan, table, &sql, &trial).await
}

/// Fires the function once for each event, on a copy of the table that nobody sees, and takes everything back: a mistake
/// in it would otherwise fail everybody's writes.
fn trial(plan: &Plan, table: &Table) -> Vec<String> {
    const COPY: &str = "pg_temp.cache_runtime_trial";
    let names = Names::of(plan, table);
    let mut all = vec![
        "SAVEPOINT trial".to_owned(),
        format!("CREATE TEMP TABLE cache_runtime_trial (LIKE {})", table.name),
    ];
    all.extend(EVENTS.map(|event| trigger(&names, COPY, event)));
    let id = plan.row.columns().next().map_or_else(String::new, |at| quote(plan.name_of(at)));
    all.extend([
        format!("INSERT INTO {COPY} SELECT * FROM {} LIMIT 3", table.name),
        format!("UPDATE {COPY} SET {id} = {id}"),
        format!("DELETE FROM {COPY}"),
        format!("TRUNCATE {COPY}"),
        "ROLLBACK TO SAVEPOINT trial".to_owned(),
    ]);
    all
}

fn trigger(names: &Names, on: &str, (event, _, old, new): Event) -> String {
    let seen = [
        old.map(|name| format!(" OLD TABLE AS {name}")),
        new.map(|name| format!(" NEW TABLE AS {name}")),
    ];
    let seen = seen.into_iter().flatten().collect::<String>();
    let references = if seen.is_empty() { "" } else { " REFERENCING" };
    format!(
        "CREATE OR REPLACE TRIGGER {} AFTER {event} ON {on}{references}{seen} FOR EACH STATEMENT EXECUTE FUNCTION {}()",
        names.trigger(event),
        names.function
    )
}

/// Removes the triggers; nothing happens where there are none.
///
/// # Errors
/// Those of [`install`].
pub(crate) async fn remove(pool: &PgPool, plan: &Plan, table: &Table) -> Result<()> {
    let names = Names::of(plan, table);
    let mut sql: Vec<String> = EVENTS
        .iter()
        .map(|(event, ..)| {
            format!("DROP TRIGGER IF EXISTS {} ON {}", names.trigger(event), table.name)
        })
        .collect();
    sql.push(format!("DROP FUNCTION IF EXISTS {}()", names.function));
    change(pool, plan, table, &sql, &[]).await
}

async fn change(
    pool: &PgPool,
    plan: &Plan,
    table: &Table,
    statements: &[String],
    trial: &[String],
) -> Result<()> {
    let mut on = Lent::of(pool).await?;
    run(&mut on, table, statements).await.map_err(|error| refused(plan, statements, error))?;
    let may_try = "SELECT has_database_privilege(current_database(), 'TEMP')";
    if sqlx::query_scalar(may_try).fetch_one(&mut *on).await.map_err(failed)? {
        for sql in trial {
            let tried = sqlx::raw_sql(AssertSqlSafe(sql.as_str())).execute(&mut *on).await;
            tried.map_err(|error| {
                refusal(
                    plan,
                    "its triggers failed on a copy of it (see the cause): nothing was changed",
                )
                .because(error)
            })?;
        }
    }
    PgTransactionManager::commit(&mut on).await.map_err(failed)?;
    on.give_back();
    Ok(())
}

/// Begins the transaction, and runs these in it.
async fn run(on: &mut PgConnection, table: &Table, statements: &[String]) -> sqlx::Result<()> {
    PgTransactionManager::begin(on, Some(BEGIN.into_sql_str())).await?;
    // Processes that start at the same moment do so one after the other.
    sqlx::query("SELECT pg_advisory_xact_lock(hashtext('cache_runtime'), $1::int8::oid::int4)")
        .bind(table.oid)
        .execute(&mut *on)
        .await?;
    for sql in statements {
        sqlx::raw_sql(AssertSqlSafe(sql.as_str())).execute(&mut *on).await?;
    }
    Ok(())
}

fn refused(plan: &Plan, statements: &[String], error: sqlx::Error) -> Error {
    let code = error.as_database_error().and_then(|error| error.code());
    match code.as_deref() {
        Some("55P03") => refusal(
            plan,
            "it is in use by a transaction that has been open for more than two seconds (see pg_stat_activity), and a \
             lock on it would hold up everybody else: try again when that is over",
        ),
        Some("42501") => Error::new(
            ErrorKind::Outbox,
            format!(
                "the role may not watch table {}: it has to own the table and have CREATE on the schema cache_runtime; or \
                 an administrator runs this once, after which any role may call `watch`:\n{};",
                plan.table,
                statements.join(";\n")
            ),
        ),
        _ => return failed(error),
    }
    .because(error)
}
