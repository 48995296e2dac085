//! The rows beside `hitbox`, in a program of their own, with the measuring of the table.

#![allow(dead_code, reason = "what is shared with the table has more in it than these rows need")]

#[path = "../../../src/bench.rs"]
mod bench;
#[path = "../../../src/curve.rs"]
mod curve;
#[path = "../../../src/effort.rs"]
mod effort;
#[path = "../../../src/figures.rs"]
mod figures;
mod hitbox;
#[path = "../../../src/machine.rs"]
mod machine;
#[path = "../../../src/needs.rs"]
mod needs;
#[path = "../../src/ours.rs"]
mod ours;
#[path = "../../../src/pair.rs"]
mod pair;
#[path = "../../src/peer.rs"]
mod peer;
#[path = "../../../src/plain.rs"]
mod plain;
#[path = "../../src/program.rs"]
mod program;
#[path = "../../../src/report.rs"]
mod report;
#[path = "../../src/rows.rs"]
mod rows;
#[path = "../../src/source.rs"]
mod source;
#[path = "../../src/storm.rs"]
mod storm;
#[path = "../../../src/world.rs"]
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

async fn rows(bench: &mut Bench) {
    let outcomes = [
        rows::hits(bench, Tiers::Near, hitbox::NAME, hitbox::near).await,
        rows::hits(bench, Tiers::Far, hitbox::NAME, hitbox::far).await,
        storm::run(bench, &[hitbox::NAME], open).await,
    ];
    outcomes.into_iter().filter_map(Result::err).for_each(|error| bench.failed(&*error));
}

async fn open(name: &str, setup: &Setup) -> Result<Ask> {
    if name != hitbox::NAME {
        return Err(format!("no cache is called {name}").into());
    }
    Ok(storm::ask(hitbox::near(setup).await?))
}
