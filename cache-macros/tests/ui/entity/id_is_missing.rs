use cache_runtime::Entity;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

#[derive(Clone, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "cities")]
struct City {
    id: i64,
}

#[derive(Clone, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "countries")]
struct Country {
    code: String,
}

fn main() {}
