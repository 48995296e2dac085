//! Which life of its data a database is in.

use std::error::Error as _;
use std::sync::atomic::Ordering;

use super::PgOutbox;
use crate::error::{Error, ErrorKind, Result};
use crate::port::Lineage;

/// The timeline is the head of the name of the file that is being written: the control file has it only once the first
/// checkpoint of the new one is done.
const LINEAGE: &str = "SELECT pg_is_in_recovery(), \
         (SELECT system_identifier FROM pg_control_system()), \
         CASE WHEN NOT pg_is_in_recovery() \
             THEN ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int8 END, \
         (SELECT oid::int8 FROM pg_database WHERE datname = current_database()), \
         current_setting('transaction_isolation') <> 'read committed', \
         s.system_identifier, s.timeline, s.database \
     FROM (VALUES ($1)) AS n (namespace) LEFT JOIN cache_runtime.state s ON s.namespace = n.namespace";

/// The same where the server does not say: another database is noticed, a failover is not. What others have noted of the
/// rest is left as it is.
const BLIND: &str = "SELECT pg_is_in_recovery(), coalesce(s.system_identifier, 0), coalesce(s.timeline, 0), \
         (SELECT oid::int8 FROM pg_database WHERE datname = current_database()), \
         current_setting('transaction_isolation') <> 'read committed', \
         s.system_identifier, s.timeline, s.database \
     FROM (VALUES ($1)) AS n (namespace) LEFT JOIN cache_runtime.state s ON s.namespace = n.namespace";

/// In the order of the statements.
type Row = (bool, i64, Option<i64>, i64, bool, Option<i64>, Option<i64>, Option<i64>);

pub(super) struct Seen {
    pub(super) now: Lineage,
    pub(super) noted: Option<Lineage>,
    /// Statements are isolated from each other, unless they say otherwise.
    pub(super) strict: bool,
}

pub(super) async fn read(outbox: &PgOutbox) -> Result<Seen> {
    let (standby, system, timeline, database, strict, old_system, old_timeline, old_database) =
        ask(outbox).await?;
    let Some(timeline) = timeline.filter(|_| !standby) else {
        return Err(Error::new(
            ErrorKind::Outbox,
            "the relay is connected to a standby: give it the pool of the primary",
        ));
    };
    let noted = old_system.zip(old_timeline).zip(old_database);
    let noted = noted.map(|((system, timeline), database)| Lineage { system, timeline, database });
    Ok(Seen { now: Lineage { system, timeline, database }, noted, strict })
}

async fn ask(outbox: &PgOutbox) -> Result<Row> {
    if !outbox.blind.load(Ordering::Relaxed) {
        match outbox.ask(LINEAGE, None).await {
            Err(error) if is_withheld(&error) => {}
            answer => return answer,
        }
    }
    let answer = outbox.ask(BLIND, None).await?;
    if !outbox.blind.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            "the server does not let the relay see its timeline: a failover that loses commits is not noticed, and what \
             was cached of them stays until its TTL"
        );
    }
    Ok(answer)
}

/// Whether the server refused a function, as managed ones do with those that speak of its files.
fn is_withheld(error: &Error) -> bool {
    let database = error.source().and_then(|source| source.downcast_ref::<sqlx::Error>());
    let code = database.and_then(sqlx::Error::as_database_error).and_then(|error| error.code());
    matches!(code.as_deref(), Some("42501" | "0A000" | "42883"))
}
