//! Sessions and rate limits of an annotation, in a build that has no database.
#![cfg(all(feature = "macros", feature = "memory", feature = "rate-limit", feature = "session"))]
#![allow(
    missing_docs,
    missing_debug_implementations,
    clippy::unwrap_used,
    reason = "what fails here fails the test"
)]

use cache_runtime::session::Client;
use cache_runtime::{CacheManager, cached_repository};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Login {
    pub user: Option<String>,
    pub views: u32,
}

#[cached_repository(
    session(data = Login, idle = "30m", absolute = "12h", user = user),
    rate_limit(name = guesses, algorithm = "gcra", limit = 2, per = "1m", on_error = "deny"),
    rate_limit(name = uploads, algorithm = "concurrency", limit = 1, on_error = "deny"),
)]
pub struct Logins {
    cache: CacheManager,
}

#[tokio::test]
async fn a_login_is_counted_and_has_a_session() {
    let logins = Logins { cache: CacheManager::builder("shop").memory().build().unwrap() };
    for admitted in [true, true, false] {
        assert_eq!(logins.guesses().check("ann").await.unwrap().admitted, admitted);
    }
    let ann = Login { user: Some("ann".to_owned()), views: 0 };
    let id = logins.create(&ann, &Client::default()).await.unwrap();
    logins.update(&id, |login| login.views += 1).await.unwrap();
    assert_eq!(logins.get(&id).await.unwrap().unwrap().views, 1);
    assert_eq!(logins.list("ann").await.unwrap().len(), 1);
    assert_eq!(logins.destroy_all("ann").await.unwrap(), 1);
    assert!(logins.get(&id).await.unwrap().is_none());
}
