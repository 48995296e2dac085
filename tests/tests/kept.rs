//! Sessions that are kept in Postgres, on real servers: what is said of them in `docs/sessions.md`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "each test's name says what holds; what fails here fails the test"
)]

#[path = "kept/world.rs"]
mod world;

#[path = "kept/conformance.rs"]
mod conformance;
#[path = "kept/fills.rs"]
mod fills;
#[path = "kept/limits.rs"]
mod limits;
#[path = "kept/losses.rs"]
mod losses;
#[path = "kept/outages.rs"]
mod outages;
#[path = "kept/permissions.rs"]
mod permissions;
#[path = "kept/races.rs"]
mod races;
#[path = "kept/rows.rs"]
mod rows;
#[path = "kept/tower.rs"]
mod tower;
