#[path = "../login.rs"]
mod login;
use login::*;

#[cached_repository(session(data = Login, idle = "0s", absolute = "-1h"))]
struct Logins {
    cache: CacheManager,
}

fn main() {}
