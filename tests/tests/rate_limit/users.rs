//! One struct with sessions and limits: who is logged in, and how much each user may ask.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use cache_runtime::session::{Client, Session, SessionId};
use cache_runtime::tower::{Head, RateLimitLayer};
use cache_runtime::{CacheManager, cached_repository};
use serde::{Deserialize, Serialize};
use tests::RedisServer;
use tower::ServiceExt as _;

use crate::tools::manager;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Login {
    user_id: Option<i64>,
}

#[cached_repository(
    session(data = Login, idle = "30m", absolute = "12h", user = user_id),
    rate_limit(name = attempts, algorithm = "sliding_log", limit = 3, per = "1h", on_error = "deny"),
    rate_limit(name = pages, algorithm = "fixed_window", limit = 2, per = "1d", on_error = "allow")
)]
struct Logins {
    cache: CacheManager,
}

const ID: &str = "x-session";

/// Looks the session up, and leaves it where the limit and the service find it.
async fn known(
    State(logins): State<Arc<Logins>>,
    mut request: Request,
    next: Next,
) -> Result<Response, StatusCode> {
    let id = request.headers().get(ID).and_then(|value| value.to_str().ok());
    if let Some(id) = id.and_then(SessionId::parse)
        && let Some(session) = logins.get(&id).await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?
    {
        request.extensions_mut().insert(session);
    }
    Ok(next.run(request).await)
}

fn router(logins: &Arc<Logins>) -> Router {
    let users = |head: &Head<'_>| {
        let user = head.extensions.get::<Session<Login>>()?.user_id?;
        Some(format!("user {user}"))
    };
    Router::new()
        .route("/", get(|| async { "a page" }))
        .layer(RateLimitLayer::new(logins.pages(), users))
        .layer(from_fn_with_state(Arc::clone(logins), known))
}

async fn ask(router: &Router, id: Option<&SessionId>) -> StatusCode {
    let mut request = Request::builder().uri("/");
    if let Some(id) = id {
        request = request.header(ID, id.expose());
    }
    router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status()
}

#[tokio::test]
async fn a_layer_counts_by_the_user_of_a_session() {
    let server = RedisServer::start();
    let logins = Arc::new(Logins { cache: manager(&server.url()) });
    let login = async |user| {
        let data = Login { user_id: Some(user) };
        logins.create(&data, &Client::new()).await.unwrap()
    };
    let (desk, phone, other) = (login(7).await, login(7).await, login(8).await);
    let router = router(&logins);
    assert_eq!(ask(&router, Some(&desk)).await, StatusCode::OK);
    assert_eq!(ask(&router, Some(&phone)).await, StatusCode::OK);
    for id in [&desk, &phone] {
        let status = ask(&router, Some(id)).await;
        assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "one user, whatever the device");
    }
    assert_eq!(ask(&router, Some(&other)).await, StatusCode::OK);
    // Who is nobody is counted with all who are.
    let forged = SessionId::parse("A".repeat(43));
    for (id, status) in [
        (None, StatusCode::OK),
        (forged.as_ref(), StatusCode::OK),
        (None, StatusCode::TOO_MANY_REQUESTS),
    ] {
        assert_eq!(ask(&router, id).await, status);
    }
}

#[tokio::test]
async fn the_sessions_and_the_limits_of_one_struct_do_not_touch_each_other() {
    let server = RedisServer::start();
    let logins = Logins { cache: manager(&server.url()) };
    for admitted in [true, true, true, false] {
        assert_eq!(logins.attempts().check("ann").await.unwrap().admitted, admitted);
    }
    let id = logins.create(&Login { user_id: Some(7) }, &Client::new()).await.unwrap();
    assert!(logins.pages().check(7).await.unwrap().admitted);
    // A user who is logged out everywhere has still asked as often, and the other way round.
    assert_eq!(logins.destroy_all(&7).await.unwrap(), 1);
    assert!(logins.get(&id).await.unwrap().is_none());
    assert_eq!(logins.pages().peek(7).await.unwrap().remaining, 1);
    let id = logins.create(&Login { user_id: Some(7) }, &Client::new()).await.unwrap();
    logins.pages().reset(7).await.unwrap();
    logins.attempts().reset("ann").await.unwrap();
    assert!(logins.get(&id).await.unwrap().is_some());
    assert!(logins.attempts().check("ann").await.unwrap().admitted);
}
