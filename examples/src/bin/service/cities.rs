//! `/cities`

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use examples::{City, CityChange};
use serde::Deserialize;

use crate::problem::Problem;
use crate::routes::App;

const MOST_IDS: usize = 100;
const LONGEST_NAME: usize = 200;

pub(crate) async fn one(
    State(app): State<App>,
    id: Result<Path<i64>, PathRejection>,
) -> Result<Json<Arc<City>>, Problem> {
    let Path(id) = id?;
    let city = app.cities.get(id).await?;
    city.map(Json).ok_or_else(|| Problem::not_found("city", id))
}

#[derive(Debug, Deserialize)]
pub(crate) struct Ids {
    ids: String,
}

pub(crate) async fn several(
    State(app): State<App>,
    ids: Result<Query<Ids>, QueryRejection>,
) -> Result<Json<Vec<Option<Arc<City>>>>, Problem> {
    let Query(Ids { ids }) = ids?;
    let ids =
        ids.split(',').map(|id| id.trim().parse()).collect::<Result<Vec<i64>, _>>().map_err(
            |_| Problem::unprocessable("ids: expected whole numbers with commas between"),
        )?;
    if ids.len() > MOST_IDS {
        return Err(Problem::unprocessable(format!("ids: at most {MOST_IDS} at a time")));
    }
    Ok(Json(app.cities.get_many(&ids).await?))
}

pub(crate) async fn change(
    State(app): State<App>,
    id: Result<Path<i64>, PathRejection>,
    change: Result<Json<CityChange>, JsonRejection>,
) -> Result<Json<City>, Problem> {
    let (Path(id), Json(change)) = (id?, change?);
    validate(&change)?;
    let mut tx = app.cities.begin().await?;
    let city = app.cities.change(&mut tx, id, &change).await?;
    tx.commit().await?;
    city.map(Json).ok_or_else(|| Problem::not_found("city", id))
}

/// Says all that is wrong at once.
fn validate(change: &CityChange) -> Result<(), Problem> {
    let mut wrong = Vec::new();
    if *change == CityChange::default() {
        wrong.push("expected at least one of slug, name, country and population".to_owned());
    }
    if let Some(slug) = &change.slug {
        let plain = |letter: char| matches!(letter, 'a'..='z' | '0'..='9' | '-');
        if slug.is_empty() || slug.len() > LONGEST_NAME || !slug.chars().all(plain) {
            wrong.push(format!("slug: expected 1 to {LONGEST_NAME} of a-z, 0-9 and -"));
        }
    }
    if let Some(name) = &change.name
        && (name.trim().is_empty() || name.chars().count() > LONGEST_NAME || name.contains('\0'))
    {
        wrong.push(format!("name: expected 1 to {LONGEST_NAME} letters"));
    }
    if let Some(country) = &change.country
        && !(country.len() == 2 && country.bytes().all(|letter| letter.is_ascii_uppercase()))
    {
        wrong.push("country: expected two capital letters".to_owned());
    }
    if change.population.is_some_and(|people| people < 0) {
        wrong.push("population: expected no less than 0".to_owned());
    }
    if wrong.is_empty() { Ok(()) } else { Err(Problem::unprocessable(wrong.join("; "))) }
}
