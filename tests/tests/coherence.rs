//! The hazards of a cached read, each as an interleaving on real Postgres and real Redis that is forced step by step.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "each test's name says what holds; what fails here fails the test"
)]

#[path = "coherence/world.rs"]
mod world;

#[path = "coherence/ahead.rs"]
mod ahead;
#[path = "coherence/batches.rs"]
mod batches;
#[path = "coherence/callers.rs"]
mod callers;
#[path = "coherence/door.rs"]
mod door;
#[path = "coherence/loads.rs"]
mod loads;
#[path = "coherence/look_ups.rs"]
mod look_ups;
#[path = "coherence/patterns.rs"]
mod patterns;
#[path = "coherence/readers.rs"]
mod readers;
#[path = "coherence/shapes.rs"]
mod shapes;
#[path = "coherence/tags.rs"]
mod tags;
#[path = "coherence/tier.rs"]
mod tier;
#[path = "coherence/transactions.rs"]
mod transactions;
#[path = "coherence/writers.rs"]
mod writers;
