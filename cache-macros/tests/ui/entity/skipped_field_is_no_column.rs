use cache_runtime::Entity;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

#[derive(Clone, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "cities")]
struct City {
    #[entity(id)]
    id: i64,
    #[sqlx(skip)]
    #[entity(generated, column = "visits")]
    visits: i64,
}

fn main() {}
