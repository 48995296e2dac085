#[path = "../login.rs"]
mod login;
use login::*;

#[cached_repository(session(data = Login, idle = "30m", absolute = "12h"))]
struct Tuple(CacheManager);

#[cached_repository(session(data = Login, idle = "30m", absolute = "12h"))]
struct Generic<T> {
    cache: CacheManager,
    more: T,
}

fn main() {}
