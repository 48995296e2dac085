//! What stands around the cache, on real servers: configuration from files, compression, codecs, retries, health.
#![allow(missing_docs, reason = "each test's name says what holds")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that can't go on fails"
)]
#![allow(unreachable_pub, reason = "nothing here is anyone's but this test's")]

#[path = "around/configuration.rs"]
mod configuration;
#[path = "around/health.rs"]
mod health;
#[path = "around/retries.rs"]
mod retries;
#[path = "around/values.rs"]
mod values;
