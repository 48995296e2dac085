#[path = "../login.rs"]
mod login;
use login::*;

#[cached_repository(session(user = user_id))]
struct Logins {
    cache: CacheManager,
}

#[cached_repository(session)]
struct Others {
    cache: CacheManager,
}

fn main() {}
