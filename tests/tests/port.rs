//! The small ports of the hands, beyond the contract that the conformance suite has.
#![allow(missing_docs, reason = "each test's name says what holds")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that can't go on fails"
)]
#![allow(unreachable_pub, reason = "nothing here is anyone's but this test's")]

#[path = "port/differential.rs"]
mod differential;
#[path = "port/globs.rs"]
mod globs;
#[path = "port/managers.rs"]
mod managers;
#[path = "port/pipelines.rs"]
mod pipelines;
#[path = "port/removal.rs"]
mod removal;
#[path = "port/stats.rs"]
mod stats;
#[allow(dead_code, reason = "not every part of it is needed here")]
#[path = "redis_hand/tools.rs"]
mod tools;

/// The shared server, and a name that no other test has.
fn shared() -> (String, cache_runtime::Namespace) {
    let servers = tests::Servers::shared();
    servers.start();
    let name = format!("port-{:016x}", fastrand::u64(..));
    (servers.redis_url(), cache_runtime::Namespace::new(&name).unwrap())
}
