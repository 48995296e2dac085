//! Which request goes where.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use cache_runtime::{CacheManager, Metrics, Relay};
use examples::{Cities, Countries, Failure, failed};
use metrics_exporter_prometheus::PrometheusHandle;
use sqlx::PgPool;

use crate::problem::Problem;
use crate::{cities, countries, health, limits, metrics};

/// What every request may use. Cheap to clone.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) db: PgPool,
    pub(crate) cache: CacheManager,
    pub(crate) cities: Cities,
    pub(crate) countries: Countries,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) prometheus: PrometheusHandle,
}

impl App {
    pub(crate) fn new(db: PgPool, cache: CacheManager, prometheus: PrometheusHandle) -> Self {
        Self {
            cities: Cities::new(db.clone(), cache.clone()),
            countries: Countries::new(db.clone(), cache.clone()),
            metrics: Arc::new(cache.metrics()),
            prometheus,
            db,
            cache,
        }
    }

    /// Sees to writes that pass the service by, and to its own while Redis is away. Keep the relay: it works while it lives.
    pub(crate) async fn watch(&self) -> Result<Relay, Failure> {
        cache_runtime::migrate(&self.db).await.map_err(failed("could not make the outbox"))?;
        let unwatched = "could not watch the tables";
        self.cities.watch().await.map_err(failed(unwatched))?;
        self.countries.watch().await.map_err(failed(unwatched))?;
        self.cache.relay(&self.db).spawn().map_err(failed("could not start the relay"))
    }

    /// Better no start than one on tables that are not what the annotations claim.
    pub(crate) async fn verify(&self) -> Result<(), Failure> {
        let differ = "the tables are not what the annotations claim";
        self.cities.verify_schema().await.map_err(failed(differ))?;
        self.countries.verify_schema().await.map_err(failed(differ))
    }
}

pub(crate) fn router(app: App) -> Router {
    Router::new()
        .route("/cities", get(cities::several))
        .route("/cities/{id}", get(cities::one).patch(cities::change))
        .route("/countries/{code}", get(countries::one))
        .route("/countries/{code}/cities", get(countries::cities))
        .route("/stats", get(health::stats))
        .route("/metrics", get(metrics::metrics))
        .route("/health", get(health::health))
        .fallback(|| async { Problem::new(StatusCode::NOT_FOUND, "there is no such resource") })
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this resource has no such method")
        })
        .layer(limits::layer(app.cache.clone()))
        .layer(from_fn(log))
        .with_state(app)
}

async fn log(request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let began = Instant::now();
    let response = next.run(request).await;
    tracing::info!(%method, path, status = response.status().as_u16(), took = ?began.elapsed());
    response
}
