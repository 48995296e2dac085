use cache_runtime::Entity;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

#[derive(Clone, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "cities")]
struct City {
    #[entity(id)]
    id: i64,
    #[entity(column = "pop")]
    population: i64,
    #[entity(column = "same")]
    #[sqlx(rename = "same")]
    fine: i64,
}

fn main() {}
