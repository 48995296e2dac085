//! Write-behind on real Postgres and real Redis: what is acknowledged arrives, once and in order, whoever dies.
//!
//! `WRITE_BEHIND_ROUNDS=5000 cargo test -p tests --test write_behind crash` is the long form of the crash run.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "each test's name says what holds; what fails here fails the test"
)]

#[path = "write_behind/world.rs"]
mod world;

#[path = "write_behind/crash.rs"]
mod crash;
#[path = "write_behind/outages.rs"]
mod outages;
#[path = "write_behind/permissions.rs"]
mod permissions;
#[path = "write_behind/repositories.rs"]
mod repositories;
#[path = "write_behind/versions.rs"]
mod versions;
