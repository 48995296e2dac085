//! `/countries`

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use cache_runtime::Page;
use examples::{City, Country};
use serde::Deserialize;

use crate::problem::Problem;
use crate::routes::App;

const LONGEST_PAGE: u64 = 100;

pub(crate) async fn one(
    State(app): State<App>,
    code: Result<Path<String>, PathRejection>,
) -> Result<Json<Arc<Country>>, Problem> {
    let Path(code) = code?;
    find(&app, &code).await.map(Json)
}

#[derive(Debug, Deserialize)]
#[serde(default)]
pub(crate) struct Part {
    limit: u64,
    offset: u64,
}

impl Default for Part {
    fn default() -> Self {
        Self { limit: 20, offset: 0 }
    }
}

pub(crate) async fn cities(
    State(app): State<App>,
    code: Result<Path<String>, PathRejection>,
    part: Result<Query<Part>, QueryRejection>,
) -> Result<Json<Vec<Arc<City>>>, Problem> {
    let (Path(code), Query(part)) = (code?, part?);
    if !(1..=LONGEST_PAGE).contains(&part.limit) {
        return Err(Problem::unprocessable(format!("limit: expected 1 to {LONGEST_PAGE}")));
    }
    let country = find(&app, &code).await?;
    let page = Page::limit(part.limit).offset(part.offset);
    Ok(Json(app.cities.list_by_country(&country.iso, page).await?))
}

async fn find(app: &App, code: &str) -> Result<Arc<Country>, Problem> {
    let unknown = || Problem::not_found("country", code);
    // Whatever else is no code of a country need not be looked for, nor fill the cache.
    if code.len() != 2 || !code.bytes().all(|letter| letter.is_ascii_alphabetic()) {
        return Err(unknown());
    }
    app.countries.get(&code.to_ascii_uppercase()).await?.ok_or_else(unknown)
}
