//! Faults, bad input and many callers at once, on real Postgres and real Redis.
#![allow(missing_docs, reason = "each test's name says what holds")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that can't go on fails"
)]
#![allow(unreachable_pub, reason = "nothing here is anyone's but this test's")]

#[allow(dead_code, reason = "not every part of it is needed here")]
#[path = "coherence/world.rs"]
mod world;

#[path = "faults/characters.rs"]
mod characters;
#[path = "faults/concurrency.rs"]
mod concurrency;
#[path = "faults/convoy.rs"]
mod convoy;
#[path = "faults/database.rs"]
mod database;
#[path = "faults/entities.rs"]
mod entities;
#[path = "faults/history.rs"]
mod history;
#[path = "faults/invalidations.rs"]
mod invalidations;
#[path = "faults/journal.rs"]
mod journal;
#[path = "faults/lifetimes.rs"]
mod lifetimes;
#[path = "faults/neighbours.rs"]
mod neighbours;
#[path = "faults/operations.rs"]
mod operations;
#[path = "faults/places.rs"]
mod places;
#[path = "faults/reading.rs"]
mod reading;
#[path = "faults/reads.rs"]
mod reads;
#[path = "faults/schema.rs"]
mod schema;
#[path = "faults/shop.rs"]
mod shop;
#[path = "faults/transactions.rs"]
mod transactions;
#[path = "faults/warnings.rs"]
mod warnings;
#[path = "faults/writes.rs"]
mod writes;
#[path = "faults/writing.rs"]
mod writing;
