//! Values that are renewed while they are served, and the strategies over a source of one's own: on real Postgres and real
//! Redis, forced step by step.
#![allow(
    missing_docs,
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "each test's name says what holds; what fails here fails the test; the world is that of the hazards"
)]

#[path = "coherence/world.rs"]
mod world;

#[path = "strategies/ahead.rs"]
mod ahead;
#[path = "strategies/by_hand.rs"]
mod by_hand;
#[path = "strategies/methods.rs"]
mod methods;
#[path = "strategies/over_repositories.rs"]
mod over_repositories;
#[path = "strategies/renewals.rs"]
mod renewals;
#[path = "strategies/source.rs"]
mod source;
#[path = "strategies/stand_ins.rs"]
mod stand_ins;
#[path = "strategies/tier.rs"]
mod tier;
