//! Logins in a browser: a cookie, a list of one's sessions, and "log out everywhere".

mod app;
mod pages;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::process::ExitCode;

use cache_runtime::CacheManager;
use examples::{Failure, failed};
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

use crate::app::{App, router};

const HELP: &str = "\
Logins in a browser: a cookie, a list of one's sessions, and \"log out everywhere\".

Usage: cargo run -p examples --bin sessions [-- --help]

Open http://localhost:3000 in two browsers and log in as `ann` or `bob`; the password is `secret`. Under the name of
localhost Chrome and Firefox keep a `Secure` cookie without TLS; in others, and elsewhere, put a proxy with TLS before it.

  LISTEN         address and port; 127.0.0.1:3000
  REDIS_URL      a Redis, 7 or newer, or Valkey; without it sessions are in memory, and end with the program
  RUST_LOG       what is logged to stderr; info";

#[tokio::main]
async fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        None => {}
        Some("--help" | "-h") => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Some(unknown) => {
            eprintln!("sessions: there is no option {unknown}\n\n{HELP}");
            return ExitCode::from(2);
        }
    }
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("sessions: {}", failure.report());
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), Failure> {
    let cache = match std::env::var("REDIS_URL") {
        Ok(url) if !url.is_empty() => CacheManager::from_env("sessions_example"),
        _ => CacheManager::builder("sessions_example").memory().build(),
    }
    .map_err(failed("could not set the cache up"))?;
    let app = App::new(cache).map_err(failed("could not name the cookie"))?;
    let address = std::env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(&address)
        .await
        .map_err(failed(format!("could not listen on {address}")))?;
    let port = listener.local_addr().map_err(failed("could not find out the port"))?.port();
    tracing::info!("serving on http://localhost:{port}");
    let service = router(app).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).await.map_err(failed("the server failed"))
}
