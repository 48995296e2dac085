#[path = "../login.rs"]
mod login;
use login::*;

#[cached_repository(session(data = Login, idel = "30m", absolute = "12h", user = user_id, secure = true))]
struct Logins {
    cache: CacheManager,
}

fn main() {}
