#[path = "../login.rs"]
mod login;
use login::*;

#[cached_repository(session(data = Login, idle = "30m", absolute = "12h"))]
struct Logins {
    cache: CacheManager,
}

async fn everywhere(logins: &Logins) {
    let _ = logins.destroy_all(&7).await;
}

fn main() {}
