use cache_runtime::Entity;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

#[derive(Clone, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "cities")]
struct City {
    #[entity(id)]
    id: i64,
    #[serde(skip)]
    visits: i64,
    #[serde(skip_serializing, default)]
    secret: String,
    #[serde(skip)]
    #[sqlx(skip)]
    fine: i64,
}

fn main() {}
