#[path = "../city.rs"]
mod city;
#[path = "../login.rs"]
mod login;
use city::*;
use login::Login;

#[cached_repository(
    entity = City,
    unique(slug),
    rate_limit(name = get, algorithm = "gcra", limit = 5, per = "1m", on_error = "deny"),
    rate_limit(name = find_by_slug, algorithm = "gcra", limit = 5, per = "1m", on_error = "deny"),
)]
struct Cities {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository(
    rate_limit(name = destroy_all, algorithm = "gcra", limit = 5, per = "1m", on_error = "deny"),
    session(data = Login, idle = "30m", absolute = "12h", user = user_id, fields(theme: String)),
    rate_limit(name = attempts, algorithm = "gcra", limit = 5, per = "1m", on_error = "deny"),
    rate_limit(name = set_theme, algorithm = "gcra", limit = 5, per = "1m", on_error = "deny"),
)]
struct Logins {
    cache: CacheManager,
}

fn main() {}
