//! What the Redis hand owes beyond the contract of the ports, on private servers that are hurt.
#![allow(missing_docs, reason = "each test's name says what holds")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that can't go on fails"
)]
#![allow(unreachable_pub, reason = "nothing here is anyone's but this test's")]

#[path = "redis_hand/breaker.rs"]
mod breaker;
#[path = "redis_hand/cold.rs"]
mod cold;
#[path = "redis_hand/eras.rs"]
mod eras;
#[allow(dead_code, reason = "not every part of it is needed here")]
#[path = "faults/journal.rs"]
mod journal;
#[path = "redis_hand/permissions.rs"]
mod permissions;
#[path = "redis_hand/sentinel.rs"]
mod sentinel;
#[path = "redis_hand/stream.rs"]
mod stream;
#[path = "redis_hand/tls.rs"]
mod tls;
#[path = "redis_hand/together.rs"]
mod together;
#[path = "redis_hand/tools.rs"]
mod tools;
#[path = "redis_hand/vigil.rs"]
mod vigil;
