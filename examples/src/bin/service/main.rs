//! A web service over cached repositories.

mod cities;
mod countries;
mod health;
mod limits;
mod metrics;
mod problem;
mod routes;
#[cfg(test)]
#[cfg(feature = "embedded")]
mod tests;

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::process::ExitCode;

use cache_runtime::CacheManager;
use examples::{Database, Failure, failed};
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

use crate::routes::{App, router};

const NAME: &str = "geonames_service";

const HELP: &str = "\
A web service over cached repositories: GeoNames' cities and countries.

Usage: cargo run -p examples --bin service [-- --help]

  GET   /cities/{id}                             one city
  GET   /cities?ids=1,2,3                        several, null where there is none
  PATCH /cities/{id}                             {\"name\", \"slug\", \"country\", \"population\"}, some or all
  GET   /countries/{code}                        one country
  GET   /countries/{code}/cities?limit=&offset=  its cities, by their ids
  GET   /stats                                   what the cache did
  GET   /metrics                                 the same and more, for Prometheus
  GET   /health                                  200 as long as the database answers

  One client may send 600 requests a minute, 100 at once; then the answer is 429.

  LISTEN         address and port; 127.0.0.1:3000
  DATABASE_URL   a Postgres, 15 or newer; without it an embedded one runs in this process
  REDIS_URL      a Redis, 7 or newer, or Valkey; without it the cache is in memory
  CACHE_...      with REDIS_URL, as the documentation of CacheManager::from_env lists them
  RUST_LOG       what is logged to stderr; info,sqlx=warn

In a database of yours everything stays in the schema geonames_service, but for the outbox, which
is in the schema cache_runtime.";

#[tokio::main]
async fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        None => {}
        Some("--help" | "-h") => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Some(unknown) => {
            eprintln!("service: there is no option {unknown}\n\n{HELP}");
            return ExitCode::from(2);
        }
    }
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("service: {}", failure.report());
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Failure> {
    let database = Database::start(NAME).await?;
    let outcome = serve(&database).await;
    let stopped = database.stop().await;
    outcome.and(stopped)
}

async fn serve(database: &Database) -> Result<(), Failure> {
    database.load(|_| {}).await?;
    let cache = cache()?;
    // A cache that is away is no reason not to start: reads go to the database meanwhile.
    if let Err(error) = cache.ping().await {
        tracing::warn!(%error, "the cache does not answer");
    }
    let app = App::new(database.pool().clone(), cache.clone(), metrics::recorder()?);
    app.verify().await?;
    let relay = app.watch().await?;
    let address = std::env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(&address)
        .await
        .map_err(failed(format!("could not listen on {address}")))?;
    let local = listener.local_addr().map_err(failed("could not find out the address"))?;
    let (database, cached) = (database.described(), cache.backend());
    tracing::info!(database, cache = ?cached, "serving on http://{local}");
    let service = router(app).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service)
        .with_graceful_shutdown(told_to_stop())
        .await
        .map_err(failed("the server failed"))?;
    // The last releases are done before the connections go.
    cache.drain().await;
    tracing::info!(stats = %cache.stats(), relay = ?relay.stats(), "stopped");
    relay.stop().await;
    Ok(())
}

fn cache() -> Result<CacheManager, Failure> {
    match std::env::var("REDIS_URL") {
        Ok(url) if !url.is_empty() => CacheManager::from_env(NAME),
        _ => CacheManager::builder(NAME).memory().build(),
    }
    .map_err(failed("could not set the cache up"))
}

/// Ctrl-C, or what a supervisor sends. Requests that are under way are then answered still.
async fn told_to_stop() {
    let interrupted = async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::error!(%error, "Ctrl-C is not heard");
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = interrupted => {}
        () = terminated() => {}
    }
    tracing::info!("stopping");
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(error) => {
            tracing::error!(%error, "SIGTERM is not heard");
            std::future::pending().await
        }
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}
