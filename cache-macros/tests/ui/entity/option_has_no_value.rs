use cache_runtime::Entity;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

#[derive(Clone, Serialize, Deserialize, FromRow, Entity)]
#[entity(table)]
struct City {
    #[entity(id = true)]
    id: i64,
}

#[derive(Clone, Serialize, Deserialize, FromRow, Entity)]
#[entity(table =, version = "2")]
struct Country {
    #[entity(id, column)]
    code: String,
}

#[derive(Clone, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = cities)]
struct Town {
    #[entity(id)]
    id: i64,
}

#[derive(Clone, Serialize, Deserialize, FromRow, Entity)]
#[entity = "cities"]
struct Village {
    #[entity(id)]
    id: i64,
}

fn main() {}
