//! Items that are cached by hand, on real Redis, with two managers as two processes.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "each test's name says what holds; what fails here fails the test"
)]

#[path = "items/world.rs"]
mod world;

#[path = "items/changes.rs"]
mod changes;
#[path = "items/outages.rs"]
mod outages;
#[path = "items/reads.rs"]
mod reads;
#[path = "items/tiers.rs"]
mod tiers;
