//! What the database's refusals mean to who has sessions.

use std::borrow::Cow;

use crate::error::{Error, ErrorKind};

/// It may not know yet who was logged out.
pub(super) fn follows() -> sqlx::Error {
    let message = "this Postgres follows another one, and may not know yet whose session has ended: give the pool of the primary";
    Error::new(ErrorKind::ReadOnly, message).into()
}

/// Whether a statement lost against another transaction.
pub(super) fn is_conflict(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == "40001")
}

/// What the database's refusal means to who has sessions.
pub(crate) fn failed(error: sqlx::Error) -> Error {
    if let Some(own) = Error::of(&error) {
        return own.clone();
    }
    let code = error.as_database_error().and_then(|error| error.code()).map(Cow::into_owned);
    let (kind, message) = match (code.as_deref().unwrap_or_default(), &error) {
        ("3F000" | "42P01" | "42703", _) => (
            ErrorKind::Config,
            "the table of sessions is not in this database, or is older than this program: call \
             cache_runtime::migrate(&pool)",
        ),
        ("42501", _) => (
            ErrorKind::Denied,
            "the role may not use the table of sessions: GRANT USAGE ON SCHEMA cache_runtime, and SELECT, INSERT, UPDATE, \
             DELETE ON cache_runtime.sessions",
        ),
        // The second is what a server that follows another one says to `READ WRITE`.
        ("25006" | "0A000", _) => (
            ErrorKind::ReadOnly,
            "this Postgres takes no writes: give the sessions the pool of the primary",
        ),
        // The server ends, begins, or has ended the connection.
        ("57P01" | "57P02" | "57P03" | "25P03", _) => {
            (ErrorKind::Unreachable, "the Postgres of the sessions is going away or coming back")
        }
        (_, sqlx::Error::PoolClosed) => (ErrorKind::Closed, "the pool of the sessions is closed"),
        (_, sqlx::Error::PoolTimedOut) => {
            (ErrorKind::Timeout, "no connection to the Postgres of the sessions was free in time")
        }
        (
            _,
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed,
        ) => (ErrorKind::Unreachable, "the Postgres of the sessions could not be asked"),
        _ => (ErrorKind::Backend, "the Postgres of the sessions refused"),
    };
    Error::new(kind, message).because(error)
}
