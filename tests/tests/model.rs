//! The coherence protocol as a model that is checked exhaustively, whole and without each of its defences. What is
//! modelled and what was found stands in `docs/model.md`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "each test's name says what holds; what fails here fails the test"
)]

#[path = "model/action.rs"]
mod action;
#[path = "model/check.rs"]
mod check;
#[path = "model/defence.rs"]
mod defence;
#[path = "model/joiners.rs"]
mod joiners;
#[path = "model/promise.rs"]
mod promise;
#[path = "model/protocol.rs"]
mod protocol;
#[path = "model/readers.rs"]
mod readers;
#[path = "model/redis.rs"]
mod redis;
#[path = "model/relays.rs"]
mod relays;
#[path = "model/renewals.rs"]
mod renewals;
#[path = "model/rest.rs"]
mod rest;
#[path = "model/scope.rs"]
mod scope;
#[path = "model/state.rs"]
mod state;
#[path = "model/streams.rs"]
mod streams;
#[path = "model/witness.rs"]
mod witness;
#[path = "model/words.rs"]
mod words;
#[path = "model/writers.rs"]
mod writers;
#[path = "model/writers_without_redis.rs"]
mod writers_without_redis;

#[path = "model/open.rs"]
mod open;
#[path = "model/removed.rs"]
mod removed;
#[path = "model/report.rs"]
mod report;
#[path = "model/scopes.rs"]
mod scopes;
#[path = "model/steps.rs"]
mod steps;
#[path = "model/tags.rs"]
mod tags;
#[path = "model/whole.rs"]
mod whole;
