//! Real servers for tests: a private Postgres and a private Redis on free loopback ports.
//!
//! The servers start when a test first asks for them, once for each test process, and end with
//! that process however it ends. Each test takes a [`Fixture`]: a fresh database, the URL of the
//! shared Redis and a namespace that no other test has.
//!
//! ```no_run
//! # async fn a_test() {
//! let fixture = tests::Fixture::new().await;
//! sqlx::query("CREATE TABLE notes (id bigint PRIMARY KEY)")
//!     .execute(fixture.pool())
//!     .await
//!     .unwrap();
//! # }
//! ```
//!
//! A test that hurts its servers starts its own: [`RedisServer`] and [`PostgresServer`] can be
//! stopped, killed and started again on the same port, and a [`Proxy`] in front of either cuts,
//! delays or swallows the traffic. Nothing here sleeps and hopes: [`eventually`] polls a
//! condition until it holds or a deadline passes.
//!
//! # Environment
//!
//! | variable | default | meaning |
//! |---|---|---|
//! | `DATABASE_URL` | a private server | the Postgres that shared fixtures use; its role has to be allowed to create databases |
//! | `REDIS_URL` | a private server | the Redis that shared fixtures use |
//!
//! An empty variable counts as unset. Servers that a test starts for itself are always private.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a harness that can't go on fails the test that asked for it"
)]

mod database;
mod fixture;
mod net;
mod postgres;
mod programs;
mod proxy;
mod redis;
mod servers;
mod supervisor;
mod wait;

pub use database::TestDatabase;
pub use fixture::Fixture;
pub use postgres::PostgresServer;
pub use proxy::Proxy;
pub use redis::{RedisOptions, RedisServer};
pub use servers::Servers;
pub use supervisor::is_running;
pub use wait::{DEADLINE, eventually, eventually_some, in_time};
