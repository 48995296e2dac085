#[path = "../city.rs"]
mod city;
use city::*;

#[cached_repository(entity = City)]
struct Cities {
    primary: PgPool,
    replica: sqlx::Pool<sqlx::Postgres>,
    cache: CacheManager,
}

fn main() {}
