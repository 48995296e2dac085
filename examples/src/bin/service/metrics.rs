//! `/metrics`

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use examples::{Failure, failed};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::routes::App;

/// In seconds: from a beat nearby to a load that takes too long.
const BUCKETS: [f64; 12] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0];

/// The recorder of the process; it has to be there before the metrics are described.
pub(crate) fn recorder() -> Result<PrometheusHandle, Failure> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS)
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(failed("could not set the metrics up"))
}

/// Publishes what has happened since the last scrape, and renders all.
pub(crate) async fn metrics(State(app): State<App>) -> impl IntoResponse {
    app.metrics.publish_all().await;
    app.prometheus.run_upkeep();
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], app.prometheus.render())
}
