use cache_runtime::Entity;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

#[derive(Clone, Serialize, Deserialize)]
struct Shape;

#[derive(Clone, Serialize, Deserialize, Entity)]
#[entity(table = "cities")]
struct City {
    #[entity(id)]
    id: i64,
    shape: Shape,
}

impl<'r> FromRow<'r, sqlx::postgres::PgRow> for City {
    fn from_row(_: &'r sqlx::postgres::PgRow) -> sqlx::Result<Self> {
        Err(sqlx::Error::RowNotFound)
    }
}

fn main() {}
