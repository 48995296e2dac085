//! The seams between the parts: what one of them promises while another does its work, on real Postgres and real Redis.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "each test's name says what holds; what fails here fails the test"
)]

#[path = "outbox/world.rs"]
#[allow(dead_code, reason = "it belongs to other tests, too")]
mod behind;
#[path = "coherence/world.rs"]
#[allow(dead_code, reason = "it belongs to other tests, too")]
mod world;

#[path = "hostile/ahead.rs"]
mod ahead;
#[path = "hostile/batches.rs"]
mod batches;
#[path = "hostile/expired.rs"]
mod expired;
#[path = "hostile/files.rs"]
mod files;
#[path = "hostile/lists.rs"]
mod lists;
#[path = "hostile/near.rs"]
mod near;
#[path = "hostile/outage.rs"]
mod outage;
#[path = "hostile/outbox.rs"]
mod outbox;
#[path = "hostile/renewing.rs"]
mod renewing;
#[path = "hostile/rows.rs"]
mod rows;
#[path = "hostile/rubbish.rs"]
mod rubbish;
#[path = "hostile/turns.rs"]
mod turns;
#[path = "hostile/types.rs"]
mod types;
