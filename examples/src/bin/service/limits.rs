//! How much one client may ask.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use cache_runtime::tower::{ClientAddress, RateLimitLayer};
use cache_runtime::{CacheManager, cached_repository};

/// Without Redis every request is served, uncounted: a list of cities is worth no outage.
#[cached_repository(rate_limit(
    name = requests,
    algorithm = "gcra",
    limit = 600,
    per = "1m",
    burst = 100,
    on_error = "allow"
))]
#[derive(Clone, Debug)]
struct Limits {
    cache: CacheManager,
}

/// Counts by the client's address. Behind a proxy say which: `.trust("10.0.0.0/8")`.
pub(crate) fn layer(cache: CacheManager) -> RateLimitLayer<ClientAddress> {
    let clients = ClientAddress::of(|extensions| {
        extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| *peer)
    });
    RateLimitLayer::new(Limits { cache }.requests(), clients)
}
