use cache_runtime::Entity;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

#[derive(Clone, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "cities")]
struct City {
    #[entity(id)]
    #[sqlx(json)]
    id: Vec<i64>,
}

fn main() {}
