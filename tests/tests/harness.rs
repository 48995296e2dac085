//! The harness itself, proven on real servers.

#![allow(clippy::unwrap_used, reason = "the helpers of a test may fail it")]

#[path = "harness/endings.rs"]
mod endings;
#[path = "harness/given.rs"]
mod given;
#[path = "harness/postgres.rs"]
mod postgres;
#[path = "harness/proxy.rs"]
mod proxy;
#[path = "harness/redis.rs"]
mod redis;
#[path = "harness/shared.rs"]
mod shared;
