#[path = "../login.rs"]
mod login;
use login::*;

struct Plain {
    user_id: i64,
}

#[cached_repository(session(data = Plain, idle = "30m", absolute = "12h", user = user_id))]
struct Logins {
    cache: CacheManager,
}

fn main() {}
