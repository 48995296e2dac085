//! What went wrong, for the client: RFC 9457's `application/problem+json`.

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// An answer that is no success.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    detail: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into() }
    }

    pub(crate) fn not_found(what: &str, which: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("there is no {what} {which}"))
    }

    pub(crate) fn unprocessable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    fn unavailable(detail: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason(),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        let kind = [(CONTENT_TYPE, "application/problem+json")];
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            // Both servers are reached for again within a second of their return.
            return (self.status, kind, [(RETRY_AFTER, "1")], Json(body)).into_response();
        }
        (self.status, kind, Json(body)).into_response()
    }
}

/// What a repository's method failed with. The client learns what it can act upon; the log learns all.
impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        if let Some(refused) = cache_runtime::Error::of(&error) {
            // The write was rolled back, because the cache could not be told of it.
            tracing::warn!(error = %refused, cause = cause(refused), "a write was refused");
            return Self::unavailable("the change was not made; try again");
        }
        match &error {
            sqlx::Error::Database(refused) if refused.is_unique_violation() => {
                let detail = match refused.constraint() {
                    Some("cities_slug_key") => "another city has this slug",
                    _ => "something else has this value already",
                };
                return Self::new(StatusCode::CONFLICT, detail);
            }
            sqlx::Error::Database(refused) if refused.is_foreign_key_violation() => {
                return Self::unprocessable("country: there is no such country");
            }
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed => {
                tracing::error!(%error, "the database is out of reach");
                return Self::unavailable("the database is out of reach; try again");
            }
            _ => {}
        }
        tracing::error!(%error, "a request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the request failed")
    }
}

fn cause(error: &dyn std::error::Error) -> Option<String> {
    error.source().map(ToString::to_string)
}

impl From<PathRejection> for Problem {
    fn from(rejected: PathRejection) -> Self {
        Self::new(rejected.status(), rejected.body_text())
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejected: QueryRejection) -> Self {
        Self::new(rejected.status(), rejected.body_text())
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejected: JsonRejection) -> Self {
        Self::new(rejected.status(), rejected.body_text())
    }
}
