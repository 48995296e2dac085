//! What tower-sessions expects of a store, in its own middleware: each case is a request or two, as a browser sends them.

use std::sync::Arc;
use std::time::Duration as StdDuration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{Request, StatusCode};
use axum::routing::get;
use cache_runtime::session::TowerStore;
use cache_runtime::testing::{FaultyCache, Op};
use cache_runtime::{CoherentCache, ErrorKind, Namespace};
use time::{Duration, OffsetDateTime};
use tower::ServiceExt as _;
use tower_sessions::session::{Id, Record};
use tower_sessions::{Expiry, Session, SessionManagerLayer, SessionStore};

use crate::world::{World, redis};

fn store(world: &World, backend: Arc<dyn CoherentCache>) -> TowerStore {
    TowerStore::new(&backend, &Namespace::new(&world.namespace).unwrap(), "web").unwrap()
}

fn fresh() -> (World, TowerStore) {
    let world = World::new();
    let store = store(&world, Arc::new(redis(&world.url)));
    (world, store)
}

fn app(store: TowerStore, expiry: Option<Expiry>) -> Router {
    let mut layer = SessionManagerLayer::new(store);
    if let Some(expiry) = expiry {
        layer = layer.with_expiry(expiry);
    }
    let value = |session: Session| async move {
        format!("{:?}", session.get::<u32>("value").await.unwrap())
    };
    let tomorrow = |session: Session| async move {
        let at = OffsetDateTime::now_utc() + Duration::days(1);
        session.set_expiry(Some(Expiry::AtDateTime(at)));
    };
    Router::new()
        .route("/", get(|_: Session| async { "hello" }))
        .route(
            "/set",
            get(|session: Session| async move { session.insert("value", 42).await.unwrap() }),
        )
        .route("/get", get(value))
        .route(
            "/remove",
            get(|session: Session| async move {
                assert_eq!(session.remove::<u32>("value").await.unwrap(), Some(42));
            }),
        )
        .route("/cycle", get(|session: Session| async move { session.cycle_id().await.unwrap() }))
        .route("/flush", get(|session: Session| async move { session.flush().await.unwrap() }))
        .route("/tomorrow", get(tomorrow))
        .route(
            "/browser",
            get(|session: Session| async move {
                session.set_expiry(Some(Expiry::OnSessionEnd));
            }),
        )
        .layer(layer)
}

/// What came back: the status, the body, and the cookie that was set, as a name, a value and attributes.
struct Answer {
    status: StatusCode,
    body: String,
    cookie: Option<String>,
}

impl Answer {
    fn value(&self) -> &str {
        let cookie = self.cookie.as_deref().expect("a cookie was set");
        cookie.split(';').next().unwrap().strip_prefix("id=").expect("it is called id")
    }

    fn attribute(&self, name: &str) -> Option<&str> {
        let cookie = self.cookie.as_deref().expect("a cookie was set");
        cookie.split("; ").skip(1).find_map(|attribute| {
            let (key, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            (key == name).then_some(value)
        })
    }

    fn max_age(&self) -> Option<i64> {
        self.attribute("Max-Age").map(|age| age.parse().unwrap())
    }
}

async fn ask(app: &Router, path: &str, cookie: Option<&str>) -> Answer {
    let mut request = Request::builder().uri(path);
    if let Some(value) = cookie {
        request = request.header(COOKIE, format!("id={value}"));
    }
    let answer = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let cookie = answer.headers().get(SET_COOKIE).map(|value| value.to_str().unwrap().to_owned());
    let status = answer.status();
    let body = to_bytes(answer.into_body(), 1 << 16).await.unwrap();
    Answer { status, body: String::from_utf8(body.to_vec()).unwrap(), cookie }
}

fn hour() -> Option<Expiry> {
    Some(Expiry::OnInactivity(Duration::hours(1)))
}

#[tokio::test]
async fn who_does_not_use_a_session_gets_no_cookie() {
    let (_world, store) = fresh();
    let answer = ask(&app(store, hour()), "/", None).await;
    assert_eq!((answer.status, answer.cookie), (StatusCode::OK, None));
    let (_world, store) = fresh();
    let answer = ask(&app(store, hour()), "/get", None).await;
    assert_eq!((&*answer.body, answer.cookie), ("None", None));
}

#[tokio::test]
async fn an_unknown_or_malformed_id_is_replaced_and_not_adopted() {
    let (_world, store) = fresh();
    let app = app(store, hour());
    let forged = "A".repeat(22);
    let answer = ask(&app, "/set", Some(&forged)).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_ne!(answer.value(), forged);
    assert_eq!(ask(&app, "/get", Some(&forged)).await.body, "None");
    let answer = ask(&app, "/", Some("malformed")).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_ne!(answer.value(), "malformed");
}

#[tokio::test]
async fn a_value_comes_back_to_who_shows_the_cookie() {
    let (world, store) = fresh();
    let app = app(store, hour());
    let set = ask(&app, "/set", None).await;
    for (name, value) in [("HttpOnly", ""), ("SameSite", "Strict"), ("Secure", ""), ("Path", "/")] {
        assert_eq!(set.attribute(name), Some(value), "{:?}", set.cookie);
    }
    assert!(set.max_age().is_some_and(|age| age <= 3600));
    assert_eq!(ask(&app, "/get", Some(set.value())).await.body, "Some(42)");
    assert_eq!(ask(&app, "/get", None).await.body, "None");
    // The id itself stands nowhere.
    let pattern = format!("*{}*", world.namespace);
    let mut raw = world.raw().await;
    let keys: Vec<String> = ::redis::cmd("KEYS").arg(pattern).query_async(&mut raw).await.unwrap();
    assert_eq!(keys.len(), 1);
    let all: Vec<String> = ::redis::cmd("HVALS").arg(&keys[0]).query_async(&mut raw).await.unwrap();
    let all = format!("{keys:?} {all:?}");
    let id: Id = set.value().parse().unwrap();
    assert!(!all.contains(set.value()) && !all.contains(&id.0.to_string()), "{all}");
}

#[tokio::test]
async fn the_last_value_that_is_removed_takes_the_session_with_it() {
    let (_world, store) = fresh();
    let app = app(store, hour());
    let set = ask(&app, "/set", None).await;
    ask(&app, "/remove", Some(set.value())).await;
    assert_eq!(ask(&app, "/get", Some(set.value())).await.body, "None");
}

#[tokio::test]
async fn a_cycled_id_keeps_the_data_and_kills_the_old_id() {
    let (_world, store) = fresh();
    let app = app(store, hour());
    let first = ask(&app, "/set", None).await;
    let second = ask(&app, "/cycle", Some(first.value())).await;
    assert_ne!(first.value(), second.value());
    assert_eq!(ask(&app, "/get", Some(second.value())).await.body, "Some(42)");
    assert_eq!(ask(&app, "/get", Some(first.value())).await.body, "None");
}

#[tokio::test]
async fn a_flushed_session_is_gone_and_so_is_its_cookie() {
    let (_world, store) = fresh();
    let app = app(store, hour());
    let set = ask(&app, "/set", None).await;
    let flushed = ask(&app, "/flush", Some(set.value())).await;
    assert_eq!((flushed.value(), flushed.max_age()), ("", Some(0)));
    assert_eq!(flushed.attribute("Path"), Some("/"));
    assert_eq!(ask(&app, "/get", Some(set.value())).await.body, "None");
}

#[tokio::test]
async fn an_expiry_may_be_set_and_taken_away() {
    let (_world, store) = fresh();
    let app = app(store, hour());
    let set = ask(&app, "/set", None).await;
    assert!((3595..=3600).contains(&set.max_age().unwrap()));
    let tomorrow = ask(&app, "/tomorrow", Some(set.value())).await;
    assert!((86_395..=86_400).contains(&tomorrow.max_age().unwrap()));
    let browser = ask(&app, "/browser", Some(set.value())).await;
    assert_eq!(browser.max_age(), None);
    assert_eq!(ask(&app, "/get", Some(set.value())).await.body, "Some(42)");
}

#[tokio::test]
async fn without_an_expiry_the_cookie_ends_with_the_browser() {
    let (_world, store) = fresh();
    assert_eq!(ask(&app(store, None), "/set", None).await.max_age(), None);
}

fn record(value: u32) -> Record {
    let data = [("value".to_owned(), value.into())].into();
    Record { id: Id::default(), data, expiry_date: OffsetDateTime::now_utc() + Duration::hours(1) }
}

#[tokio::test]
async fn a_record_comes_back_as_it_was() {
    let (_world, store) = fresh();
    let mut kept = record(1);
    store.create(&mut kept).await.unwrap();
    assert_eq!(store.load(&kept.id).await.unwrap(), Some(kept.clone()));
    kept.data.insert("more".to_owned(), serde_json::json!({"deep": [1, null, "é"]}));
    kept.expiry_date += Duration::minutes(5);
    store.save(&kept).await.unwrap();
    assert_eq!(store.load(&kept.id).await.unwrap(), Some(kept.clone()));
    store.delete(&kept.id).await.unwrap();
    store.delete(&kept.id).await.unwrap();
    assert_eq!(store.load(&kept.id).await.unwrap(), None);
}

#[tokio::test]
async fn a_taken_id_is_not_overwritten() {
    let (_world, store) = fresh();
    let mut first = record(1);
    store.create(&mut first).await.unwrap();
    let mut second = Record { id: first.id, ..record(2) };
    store.create(&mut second).await.unwrap();
    assert_ne!(first.id, second.id);
    assert_eq!(store.load(&first.id).await.unwrap(), Some(first));
    assert_eq!(store.load(&second.id).await.unwrap(), Some(second));
}

#[tokio::test]
async fn a_save_after_a_delete_brings_nothing_back() {
    let (_world, store) = fresh();
    let mut kept = record(1);
    store.save(&kept).await.unwrap();
    assert_eq!(store.load(&kept.id).await.unwrap(), None, "nor does it make what never was");
    store.create(&mut kept).await.unwrap();
    store.delete(&kept.id).await.unwrap();
    store.save(&kept).await.unwrap();
    assert_eq!(store.load(&kept.id).await.unwrap(), None);
}

#[tokio::test]
async fn what_has_expired_is_gone_by_the_clock_of_redis() {
    let (_world, store) = fresh();
    let past = OffsetDateTime::now_utc() - Duration::hours(1);
    let mut kept = Record { expiry_date: past, ..record(1) };
    store.create(&mut kept).await.unwrap();
    tests::eventually("it was over when it began", || async {
        store.load(&kept.id).await.unwrap().is_none()
    })
    .await;
    let mut kept = record(1);
    store.create(&mut kept).await.unwrap();
    store.save(&Record { expiry_date: past, ..kept.clone() }).await.unwrap();
    tests::eventually("its end was brought forward", || async {
        store.load(&kept.id).await.unwrap().is_none()
    })
    .await;
    let short = store.absolute(StdDuration::from_millis(1));
    let mut kept = record(1);
    short.create(&mut kept).await.unwrap();
    tests::eventually("the absolute limit is stronger", || async {
        short.load(&kept.id).await.unwrap().is_none()
    })
    .await;
}

#[tokio::test]
async fn a_backend_that_is_away_is_an_error_and_not_a_new_session() {
    let world = World::new();
    let cache = FaultyCache::over(Arc::new(redis(&world.url)));
    let store = store(&world, Arc::new(cache.clone()));
    let mut kept = record(1);
    store.create(&mut kept).await.unwrap();
    cache.fail(Op::SessionRead, ErrorKind::Unreachable);
    assert!(store.load(&kept.id).await.is_err());
    cache.fail_all(ErrorKind::Unreachable);
    assert!(store.save(&kept).await.is_err());
    assert!(store.delete(&kept.id).await.is_err());
    assert!(store.create(&mut record(2)).await.is_err());
}
