use cache_runtime::Entity;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

#[derive(Clone, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "cities", table = "towns")]
struct City {
    #[entity(id, id)]
    id: i64,
}

fn main() {}
