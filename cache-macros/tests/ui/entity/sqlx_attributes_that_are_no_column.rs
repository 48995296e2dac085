use cache_runtime::Entity;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

#[derive(Clone, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "cities")]
struct City {
    #[entity(id)]
    id: i64,
    #[sqlx(flatten)]
    place: Place,
    #[sqlx(try_from = "i64")]
    count: u64,
}

#[derive(Clone, Serialize, Deserialize, FromRow)]
struct Place {
    latitude: f64,
}

fn main() {}
