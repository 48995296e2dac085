//! Lists by condition on real Postgres and real Redis: what they answer, what a write invalidates and what it leaves alone,
//! and that the program and the database mean the same by a condition.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "each test's name says what holds; what fails here fails the test"
)]

#[path = "conditions/world.rs"]
mod world;

#[path = "conditions/agreement.rs"]
mod agreement;
#[path = "conditions/answers.rs"]
mod answers;
#[path = "conditions/interleavings.rs"]
mod interleavings;
#[path = "conditions/invalidation.rs"]
mod invalidation;
#[path = "conditions/watched.rs"]
mod watched;
