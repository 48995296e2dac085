//! Sessions on real Redis: what is said of them in `docs/sessions.md`.
//!
//! `SESSION_UPDATES=10000 cargo test -p tests --test session eight_processes` is the long form of the run of eight
//! processes.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "each test's name says what holds; what fails here fails the test"
)]

#[path = "faults/journal.rs"]
#[allow(dead_code, unreachable_pub, reason = "it is made for another test, too")]
mod journal;
#[path = "session/world.rs"]
mod world;

#[path = "session/asvs.rs"]
mod asvs;
#[path = "session/outages.rs"]
mod outages;
#[path = "session/permissions.rs"]
mod permissions;
#[path = "session/processes.rs"]
mod processes;
#[path = "session/races.rs"]
mod races;
#[path = "session/secrets.rs"]
mod secrets;
#[path = "session/tower_sessions.rs"]
mod tower_sessions;
