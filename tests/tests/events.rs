//! Events on real Postgres and real Redis: published here, with a transaction, and sent to other processes.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "each test's name says what holds; what fails here fails the test"
)]

#[path = "events/world.rs"]
mod world;

#[path = "events/published.rs"]
mod published;
#[path = "events/sent.rs"]
mod sent;
#[path = "events/transactions.rs"]
mod transactions;
