//! `/health` and `/stats`

use std::fmt::Display;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use cache_runtime::Stats;
use serde_json::{Map, Value, json};

use crate::routes::App;

/// The service can do without its cache, so only the database's absence is no health.
pub(crate) async fn health(State(app): State<App>) -> (StatusCode, Json<Value>) {
    let (database, cache) =
        tokio::join!(sqlx::query("SELECT 1").execute(&app.db), app.cache.ping());
    let status = match &database {
        Ok(_) => StatusCode::OK,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    let body = json!({ "database": said(&database), "cache": said(&cache) });
    (status, Json(body))
}

fn said<T, E: Display>(answer: &Result<T, E>) -> String {
    match answer {
        Ok(_) => "ok".to_owned(),
        Err(error) => error.to_string(),
    }
}

pub(crate) async fn stats(State(app): State<App>) -> Json<Value> {
    let repositories: Map<String, Value> = app
        .cache
        .stats_by_repository()
        .into_iter()
        .map(|(name, stats)| (name.to_owned(), numbers(stats)))
        .collect();
    Json(json!({ "all": numbers(app.cache.stats()), "repositories": repositories }))
}

fn numbers(stats: Stats) -> Value {
    let mut numbers: Map<String, Value> =
        stats.rows().into_iter().map(|(name, count)| (name.to_owned(), count.into())).collect();
    numbers.insert("hit_ratio".to_owned(), stats.hit_ratio().into());
    numbers.into()
}
