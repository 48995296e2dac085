#[path = "../login.rs"]
mod login;
use login::*;

#[cached_repository(session(data = Login, idle = "30m", absolute = "12h", keep = bd))]
struct Misspelt {
    db: sqlx::PgPool,
    cache: CacheManager,
}

#[cached_repository(session(data = Login, idle = "30m", absolute = "12h", keep = db))]
struct Missing {
    cache: CacheManager,
}

#[cached_repository(session(data = Login, idle = "30m", absolute = "12h", keep = "db"))]
struct Quoted {
    db: sqlx::PgPool,
    cache: CacheManager,
}

#[cached_repository(session(data = Login, idle = "30m", absolute = "12h", keep = cache))]
struct Manager {
    cache: CacheManager,
}

fn main() {}
