//! The rows beside other caches, in a program of their own, with the measuring of the table.

#![allow(dead_code, reason = "what is shared with the table has more in it than these rows need")]

#[path = "../../src/bench.rs"]
mod bench;
mod by_hand;
mod cached;
#[path = "../../src/curve.rs"]
mod curve;
#[path = "../../src/effort.rs"]
mod effort;
#[path = "../../src/figures.rs"]
mod figures;
mod freshness;
#[path = "../../src/machine.rs"]
mod machine;
mod multi_tier;
#[path = "../../src/needs.rs"]
mod needs;
mod ours;
mod oxcache;
#[path = "../../src/pair.rs"]
mod pair;
mod peer;
#[path = "../../src/plain.rs"]
mod plain;
mod program;
#[path = "../../src/report.rs"]
mod report;
mod rows;
mod source;
mod storm;
#[path = "../../src/world.rs"]
mod world;

use std::error::Error;

use bench::Bench;
use peer::{Setup, Tiers};
use storm::Ask;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Result<()> {
    program::run(rows, open).await
}

/// One after the other. Rows that fail are told at the end, and the others are measured all the same.
async fn rows(bench: &mut Bench) {
    let storms = [
        ours::NAME,
        by_hand::NAME,
        multi_tier::NAME,
        cached::NEAR,
        cached::ONE_FLIGHT,
        oxcache::NAME,
    ];
    let outcomes = [
        rows::hits(bench, Tiers::Near, by_hand::NAME, by_hand::open).await,
        rows::hits(bench, Tiers::Near, multi_tier::NAME, multi_tier::open).await,
        rows::hits(bench, Tiers::Near, cached::NEAR, cached::near).await,
        rows::hits(bench, Tiers::Near, oxcache::NAME, oxcache::open).await,
        rows::hits(bench, Tiers::Far, by_hand::NAME, by_hand::open).await,
        rows::hits(bench, Tiers::Far, multi_tier::NAME, multi_tier::open).await,
        rows::hits(bench, Tiers::Far, cached::FAR, cached::far).await,
        rows::hits(bench, Tiers::Far, oxcache::NAME, oxcache::open).await,
        storm::run(bench, &storms, open).await,
        freshness::run(bench).await,
    ];
    outcomes.into_iter().filter_map(Result::err).for_each(|error| bench.failed(&*error));
}

async fn open(name: &str, setup: &Setup) -> Result<Ask> {
    Ok(match name {
        ours::NAME => storm::ask(ours::open(setup)?),
        by_hand::NAME => storm::ask(by_hand::open(setup).await?),
        multi_tier::NAME => storm::ask(multi_tier::open(setup).await?),
        cached::NEAR => storm::ask(cached::near(setup).await?),
        cached::ONE_FLIGHT => storm::ask(cached::one_flight(setup).await?),
        oxcache::NAME => storm::ask(oxcache::open(setup).await?),
        name => return Err(format!("no cache is called {name}").into()),
    })
}
