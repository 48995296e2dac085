//! Rate limits on a real Redis: the script against the arithmetic, eight processes at once, and a server that is hurt.
#![allow(missing_docs, reason = "each test's name says what holds")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that can't go on fails"
)]

#[path = "rate_limit/differential.rs"]
mod differential;
#[path = "rate_limit/generated.rs"]
mod generated;
#[path = "rate_limit/hurt.rs"]
mod hurt;
#[path = "rate_limit/processes.rs"]
mod processes;
#[path = "rate_limit/stored.rs"]
mod stored;
#[path = "rate_limit/tools.rs"]
mod tools;
#[path = "rate_limit/users.rs"]
mod users;
