//! Durable invalidation on real Postgres and real Redis: the outbox, its relay, and the triggers that write to it.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "each test's name says what holds; what fails here fails the test"
)]

#[path = "outbox/world.rs"]
mod world;

#[path = "outbox/deliveries.rs"]
mod deliveries;
#[path = "outbox/drains.rs"]
mod drains;
#[path = "outbox/elsewhere.rs"]
mod elsewhere;
#[path = "outbox/keys.rs"]
mod keys;
#[path = "outbox/lineage.rs"]
mod lineage;
#[path = "outbox/loads.rs"]
mod loads;
#[path = "outbox/migrations.rs"]
mod migrations;
#[path = "outbox/own_writes.rs"]
mod own_writes;
#[path = "outbox/privileges.rs"]
mod privileges;
#[path = "outbox/refusals.rs"]
mod refusals;
