#[path = "../login.rs"]
mod login;
use login::*;

#[cached_repository(session(data = Login, idle = "soon", absolute = 12, user = "user_id", per_user = 0), ttl = "1m")]
struct Logins {
    caches: CacheManager,
}

fn main() {}
