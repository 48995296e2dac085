use cache_runtime::Entity;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

#[derive(Clone, Serialize, Deserialize, FromRow, Entity)]
#[entity(tabel = "cities")]
struct City {
    #[entity(idd)]
    id: i64,
    #[entity(generatd)]
    slug: String,
}

fn main() {}
