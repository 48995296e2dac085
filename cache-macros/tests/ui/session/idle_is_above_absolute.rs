#[path = "../login.rs"]
mod login;
use login::*;

#[cached_repository(session(data = Login, idle = "12h", absolute = "30m", user = user_id))]
struct Logins {
    cache: CacheManager,
}

fn main() {}
