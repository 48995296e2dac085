//! Dropping the caller's future at any await of any operation leaves no wrong reply, no poisoned connection in the
//! pool, nobody who waits for ever and no hold that is not released.
//!
//! Each operation is dropped after its first poll, its second, and so on until it is done before it can be dropped; and
//! once more at each step of the protocol that it takes. After every single drop the invariants are checked.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "each test's name says what holds; what fails here fails the test"
)]

#[path = "cancellation/dropping.rs"]
mod dropping;
#[path = "cancellation/everywhere.rs"]
mod everywhere;
#[path = "cancellation/invariants.rs"]
mod invariants;
#[path = "cancellation/repositories.rs"]
mod repositories;
#[path = "cancellation/steps.rs"]
mod steps;
#[path = "cancellation/table.rs"]
mod table;
#[path = "cancellation/world.rs"]
mod world;

#[path = "cancellation/going_on.rs"]
mod going_on;
#[path = "cancellation/managers.rs"]
mod managers;
#[path = "cancellation/many.rs"]
mod many;
#[path = "cancellation/methods.rs"]
mod methods;
#[path = "cancellation/passengers.rs"]
mod passengers;
#[path = "cancellation/reads.rs"]
mod reads;
#[path = "cancellation/redis_hand.rs"]
mod redis_hand;
#[path = "cancellation/transactions.rs"]
mod transactions;
#[path = "cancellation/writes.rs"]
mod writes;
