use cache_runtime::Entity;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

#[derive(Clone, Serialize, Deserialize, FromRow, Entity)]
#[entity(tabel = "cities", version = "2")]
struct City {
    #[entity(column = "pop")]
    population: i64,
    #[serde(skip)]
    visits: i64,
}

fn main() {}
