#[path = "../login.rs"]
mod login;
use login::*;

#[cached_repository(session(
    data = Login,
    idle = "30m",
    absolute = "12h",
    user = user_id,
    fields(theme, user_id: i64, theme: String, theme: String),
))]
struct Logins {
    cache: CacheManager,
}

#[cached_repository(session(data = Login, idle = "30m", absolute = "12h", fields(theme: u32)))]
struct Others {
    cache: CacheManager,
}

fn main() {}
