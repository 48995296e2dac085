//! What can be seen of a cache: metrics, debug events, warming, the memory report; on real Postgres and real Redis.
#![allow(missing_docs, reason = "each test's name says what holds")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what fails here fails the test"
)]
#![allow(unreachable_pub, reason = "nothing here is anyone's but this test's")]

#[allow(dead_code, reason = "not every part of it is needed here")]
#[path = "faults/journal.rs"]
mod journal;
#[allow(dead_code, reason = "not every part of it is needed here")]
#[path = "coherence/world.rs"]
mod world;

#[path = "observability/behinds.rs"]
mod behinds;
#[path = "observability/gauges.rs"]
mod gauges;
#[path = "observability/items.rs"]
mod items;
#[path = "observability/memory_report.rs"]
mod memory_report;
#[path = "observability/names.rs"]
mod names;
#[path = "observability/reads.rs"]
mod reads;
#[path = "observability/recorder.rs"]
mod recorder;
#[path = "observability/relays.rs"]
mod relays;
#[path = "observability/traces.rs"]
mod traces;
#[path = "observability/warming.rs"]
mod warming;
#[path = "observability/watched.rs"]
mod watched;
#[path = "observability/writes.rs"]
mod writes;
