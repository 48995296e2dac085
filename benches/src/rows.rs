//! The rows, in the order of the tables.

mod batches;
mod build_cost;
mod calibration;
mod counted;
pub(crate) mod freshness;
pub(crate) mod growth;
mod hits;
pub(crate) mod instructions;
mod limits;
mod memory;
mod misses;
mod near;
mod outage;
mod outbox;
mod percentiles;
mod sessions;
pub(crate) mod stampede;
mod tags;
mod updates;

use crate::Result;
use crate::bench::Bench;

/// One after the other. Rows that fail are told at the end, and the others are measured all the same.
pub(crate) async fn run(bench: &mut Bench) {
    let outcomes = [
        calibration::run(bench, "before").await,
        near::run(bench).await,
        instructions::run(bench).await,
        hits::run(bench).await,
        percentiles::run(bench).await,
        batches::run(bench).await,
        misses::run(bench).await,
        updates::run(bench).await,
        stampede::run(bench).await,
        freshness::run(bench).await,
        tags::run(bench).await,
        counted::run(bench).await,
        memory::run(bench).await,
        limits::run(bench).await,
        sessions::run(bench).await,
        outbox::run(bench).await,
        outage::run(bench).await,
        growth::run(bench).await,
        build_cost::run(bench).await,
        calibration::run(bench, "after").await,
    ];
    outcomes.into_iter().filter_map(Result::err).for_each(|error| bench.failed(&*error));
}
