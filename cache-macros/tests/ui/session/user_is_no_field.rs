#[path = "../login.rs"]
mod login;
use login::*;

#[cached_repository(session(data = Login, idle = "30m", absolute = "12h", user = user))]
struct Logins {
    cache: CacheManager,
}

fn main() {}
