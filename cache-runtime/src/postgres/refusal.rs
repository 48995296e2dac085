//! What a failure proves.

use sqlx::postgres::{PgDatabaseError, PgSeverity};

/// Whether this answer to a `COMMIT`, or to a statement that commits by itself, proves that nothing was committed. A server
/// that ends the connection (severity `FATAL`) may have committed before.
pub(crate) fn is_refusal(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(|error| error.try_downcast_ref::<PgDatabaseError>())
        .is_some_and(|error| error.severity() == PgSeverity::Error)
}
