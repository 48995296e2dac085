use cache_runtime::Entity;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

#[derive(Clone, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "")]
struct Empty {
    #[entity(id)]
    id: i64,
}

#[derive(Clone, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "a.b.c")]
struct Deep {
    #[entity(id)]
    id: i64,
}

#[derive(Clone, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "\"cities\"")]
struct Quoted {
    #[entity(id)]
    id: i64,
}

#[derive(Clone, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "geo.")]
struct Open {
    #[entity(id)]
    id: i64,
}

fn main() {}
