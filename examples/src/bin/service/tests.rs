//! The routes, over an embedded Postgres and a cache in memory.

use std::error::Error;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use cache_runtime::CacheManager;
use examples::Database;
use serde_json::{Value, json};
use sqlx::PgPool;
use tower::ServiceExt;

use crate::metrics;
use crate::routes::{App, router};

type Outcome = Result<(), Box<dyn Error>>;

const LISBON: i64 = 2_267_057;

async fn ask(app: &Router, method: &str, uri: &str, body: &str) -> (StatusCode, Value) {
    let request = Request::builder()
        .method(method)
        .uri(uri)
        .header("content-type", "application/json")
        .body(Body::from(body.to_owned()))
        .unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap())
}

async fn get(app: &Router, uri: &str) -> (StatusCode, Value) {
    ask(app, "GET", uri, "").await
}

#[tokio::test]
async fn the_routes_answer_and_see_each_other_s_writes() -> Outcome {
    let database = Database::embedded("geonames_test").await?;
    sqlx::raw_sql(
        "INSERT INTO countries VALUES ('PT', 'Portugal', 'Lisbon', 92391, 10281762, 'EU', 'EUR'),
                                      ('ES', 'Spain', 'Madrid', 504782, 46723749, 'EU', 'EUR');
         INSERT INTO cities VALUES
             (2267057, 'lisbon', 'Lisbon', 'PT', '14', 38.7, -9.1, 517802, 'Europe/Lisbon'),
             (2735943, 'porto', 'Porto', 'PT', '17', 41.1, -8.6, 249633, 'Europe/Lisbon');",
    )
    .execute(database.pool())
    .await?;
    let cache = CacheManager::builder("test").memory().build()?;
    let app = App::new(database.pool().clone(), cache, metrics::recorder()?);
    app.verify().await?;
    let service = router(app.clone());
    reads(&service).await;
    writes(&service).await;
    refusals(&service).await;

    scrape(&service).await;
    let relay = app.watch().await?;
    let app = service;
    writes_from_elsewhere(&app, database.pool()).await?;
    relay.stop().await;
    database.stop().await?;
    Ok(())
}

async fn reads(app: &Router) {
    let (status, lisbon) = get(app, "/cities/2267057").await;
    assert_eq!((status, &lisbon["name"]), (StatusCode::OK, &json!("Lisbon")));
    let (_, several) = get(app, "/cities?ids=2735943,1,2267057").await;
    let names: Vec<_> = several.as_array().unwrap().iter().map(|city| &city["name"]).collect();
    assert_eq!(names, [&json!("Porto"), &Value::Null, &json!("Lisbon")]);
    let (_, country) = get(app, "/countries/pt").await;
    assert_eq!(country["name"], "Portugal");
    let (_, page) = get(app, "/countries/PT/cities?limit=1&offset=1").await;
    assert_eq!(page.as_array().unwrap().len(), 1);
    assert_eq!(page[0]["name"], "Porto");
    let (status, health) = get(app, "/health").await;
    assert_eq!((status, health), (StatusCode::OK, json!({ "database": "ok", "cache": "ok" })));
    let (_, stats) = get(app, "/stats").await;
    let cities = &stats["repositories"]["Cities"];
    let hits = ["tier_hits", "hits"].map(|name| cities[name].as_u64().unwrap_or(0));
    assert!(hits.iter().sum::<u64>() > 0, "{stats}");
}

async fn writes(app: &Router) {
    let uri = format!("/cities/{LISBON}");
    let change = r#"{"name": "Lisboa", "country": "ES"}"#;
    let (status, changed) = ask(app, "PATCH", &uri, change).await;
    assert_eq!((status, &changed["name"]), (StatusCode::OK, &json!("Lisboa")));
    assert_eq!(changed["population"], 517_802, "what the change does not name stays");
    let (_, read) = get(app, &uri).await;
    assert_eq!(read, changed);
    for (code, cities) in [("PT", 1), ("ES", 1)] {
        let (_, page) = get(app, &format!("/countries/{code}/cities")).await;
        assert_eq!(page.as_array().unwrap().len(), cities, "{code}");
    }
}

async fn scrape(app: &Router) {
    let request = Request::get("/metrics").body(Body::empty()).unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let line = text.lines().find(|line| {
        let words = ["cache_loads_total{", r#"repository="Cities""#, r#"operation="get""#];
        words.iter().all(|word| line.contains(word))
    });
    let loads = line.and_then(|line| line.rsplit(' ').next()).map(str::parse::<u64>);
    assert!(matches!(loads, Some(Ok(1..))), "{text}");
    assert!(text.contains("cache_load_seconds_bucket{"), "{text}");
}

async fn writes_from_elsewhere(app: &Router, db: &PgPool) -> sqlx::Result<()> {
    let uri = format!("/cities/{LISBON}");
    assert_eq!(get(app, &uri).await.1["name"], "Lisboa");
    sqlx::query("UPDATE cities SET name = 'Olisipo' WHERE id = $1")
        .bind(LISBON)
        .execute(db)
        .await?;
    let seen = async {
        while get(app, &uri).await.1["name"] != "Olisipo" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), seen).await.expect("the relay delivers it");
    Ok(())
}

async fn refusals(app: &Router) {
    for (method, uri, body, status, detail) in [
        ("GET", "/cities/1", "", 404, "no city 1"),
        ("GET", "/cities/x", "", 400, "Cannot parse"),
        ("GET", "/cities", "", 400, "ids"),
        ("GET", "/cities?ids=1,x", "", 422, "whole numbers"),
        ("GET", "/countries/XX", "", 404, "no country XX"),
        ("GET", "/countries/XX/cities", "", 404, "no country XX"),
        ("GET", "/countries/PT/cities?limit=0", "", 422, "limit"),
        ("GET", "/nowhere", "", 404, "no such resource"),
        ("DELETE", "/cities/1", "", 405, "no such method"),
        ("PATCH", "/cities/1", r#"{"name": "x"}"#, 404, "no city 1"),
        ("PATCH", "/cities/2267057", "{", 400, "JSON"),
        ("PATCH", "/cities/2267057", "{}", 422, "at least one"),
        ("PATCH", "/cities/2267057", r#"{"id": 5}"#, 422, "unknown field"),
        ("PATCH", "/cities/2267057", r#"{"population": -1, "slug": "É"}"#, 422, "; population"),
        ("PATCH", "/cities/2267057", r#"{"country": "XX"}"#, 422, "no such country"),
        ("PATCH", "/cities/2267057", r#"{"slug": "porto"}"#, 409, "slug"),
    ] {
        let (found, problem) = ask(app, method, uri, body).await;
        assert_eq!(found.as_u16(), status, "{method} {uri} {body}: {problem}");
        let said = problem["detail"].as_str().unwrap();
        assert!(said.contains(detail), "{method} {uri} {body}: {said}");
    }
}
