//! What the build of a user's program takes with the repository, and with the same written by hand.

mod crates;

use std::time::Instant;

use crates::{Side, Work};

use crate::Result;
use crate::bench::Bench;
use crate::figures::{Bound, Figure};
use crate::pair::{Measured, Round, median};

/// The difference of so many repositories is measured, so that one is not lost in what a compiler takes anyway.
const MORE: usize = 20;
const ENTITIES: usize = 3;
const ROUNDS: usize = 3;

pub(crate) async fn run(bench: &mut Bench) -> Result<()> {
    if !bench.effort().builds {
        return Ok(());
    }
    let name = "build of a service with three entities, all dependencies";
    if bench.wants(name) {
        let round = Round { ours: cold(Side::Ours)?, theirs: cold(Side::Plain)? };
        bench.add(Measured::new(name, "s", Bound::AtMost(1.25), vec![round]));
    }
    let name = "build of a service with three entities, main.rs touched";
    if bench.wants(name) {
        let (ours, theirs) = (again(Side::Ours)?, again(Side::Plain)?);
        let rounds = ours.into_iter().zip(theirs);
        let rounds = rounds.map(|(ours, theirs)| Round { ours, theirs }).collect();
        bench.add(Measured::new(name, "s", Bound::AtMost(1.25), rounds));
    }
    for command in ["check", "build"] {
        let name = format!("cargo {command}, one more repository");
        if bench.wants(&name) {
            let (ours, theirs) = (one_more(Side::Ours, command)?, one_more(Side::Plain, command)?);
            bench.add(Figure::new(name.clone(), ours, "s", Bound::AtMost(0.15)));
            bench.add(Figure::new(format!("{name}, by hand"), theirs, "s", Bound::None));
            let over = format!("{name}, over by hand");
            bench.add(Figure::new(over, ours / theirs, "", Bound::AtMost(1.25)));
        }
    }
    Ok(())
}

/// From nothing, in seconds.
fn cold(side: Side) -> Result<f64> {
    let service = side.service("service", ENTITIES)?;
    side.clean()?;
    timed(|| service.cargo("build", false))
}

/// After a change of one file, as while one works on it: with what the compiler keeps for that.
fn again(side: Side) -> Result<Vec<f64>> {
    let service = side.service("service", ENTITIES)?;
    service.cargo("build", true)?;
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        service.touch()?;
        times.push(timed(|| service.cargo("build", true))?);
    }
    Ok(times)
}

/// The time of a crate of many repositories over one with one, divided by how many more there are.
fn one_more(side: Side, command: &str) -> Result<f64> {
    let few = side.repositories("few", 1)?;
    let many = side.repositories("many", 1 + MORE)?;
    few.cargo(command, false)?;
    many.cargo(command, false)?;
    let of = |work: &Work| {
        work.touch()?;
        timed(|| work.cargo(command, false))
    };
    let mut more = Vec::new();
    for _ in 0..ROUNDS {
        more.push((of(&many)? - of(&few)?) / MORE as f64);
    }
    Ok(median(more))
}

fn timed(work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let began = Instant::now();
    work()?;
    Ok(began.elapsed().as_secs_f64())
}
