//! A rate limit in front of an HTTP service: a layer of tower, for axum and its like.
//!
//! ```
//! use std::net::SocketAddr;
//! use std::time::Duration;
//! use cache_runtime::tower::{ClientAddress, RateLimitLayer};
//! use cache_runtime::{Algorithm, CacheManager, OnError, Quota};
//!
//! # fn example() -> cache_runtime::Result<()> {
//! let cache = CacheManager::builder("shop").memory().build()?;
//! let limit = cache
//!     .rate_limit("api")
//!     .quota(Quota::new(Algorithm::Gcra, 100, Duration::from_secs(60))?.burst(20)?)
//!     .on_error(OnError::Allow)
//!     .build()?;
//! // With axum, the peer is `extensions.get::<axum::extract::ConnectInfo<SocketAddr>>()`.
//! let callers = ClientAddress::of(|extensions| extensions.get::<SocketAddr>().copied()).trust("10.0.0.0/8")?;
//! let layer = RateLimitLayer::new(limit, callers); // Router::new().route(…).layer(layer)
//! # drop(layer);
//! # Ok(())
//! # }
//! # example().unwrap();
//! ```
//!
//! Each response carries `RateLimit-Policy` and `RateLimit` as the draft `draft-ietf-httpapi-ratelimit-headers-11` has them. A
//! call that is denied is answered with 429, or with 503 where the limit could not be decided and
//! [`OnError::Deny`](super::OnError::Deny) was chosen; with `Retry-After`, and a body of `application/problem+json`
//! (RFC 9457) of the draft's problem types.

mod address;
mod caller;
mod fields;
mod forwarded;
mod network;
mod service;

pub use self::address::ClientAddress;
pub use self::caller::{Caller, Head, HeaderKey};
pub use self::network::Network;
pub use self::service::{RateLimitLayer, RateLimitService};

#[cfg(all(test, feature = "memory", feature = "testing"))]
mod tests;
