use cache_runtime::Entity;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

#[derive(Clone, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "cities")]
struct City<T> {
    #[entity(id)]
    id: T,
}

#[derive(Clone, Serialize, FromRow, Entity)]
#[entity(table = "cities")]
struct Borrowed<'a> {
    #[entity(id)]
    id: &'a str,
}

fn main() {}
