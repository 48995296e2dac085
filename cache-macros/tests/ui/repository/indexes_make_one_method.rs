#[path = "../city.rs"]
mod city;
use city::*;

#[derive(Clone, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "pairs")]
struct Pair {
    #[entity(id)]
    id: i64,
    a: i64,
    b: i64,
    a_and_b: i64,
}

#[cached_repository(entity = Pair, unique((a, b), a_and_b))]
struct Pairs {
    db: PgPool,
    cache: CacheManager,
}

fn main() {}
