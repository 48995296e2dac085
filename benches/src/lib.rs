//! What a cached repository costs beside the plain crates that do the same work, side by side in one run.
//!
//! A file of rows offers `pub(crate) async fn run(bench: &mut Bench) -> Result<()>` and stands in the list of `rows.rs`.
//! For each of its rows it asks `Bench::wants` before it does anything that takes time, and adds what it measured:
//!
//! ```text
//! let name = "hit in Redis, 8 callers";
//! if bench.wants(name) {
//!     let world = bench.filled().await?;
//!     bench.add(measure(name, bench.effort(), 8, Goal::Latency(1.05), ours, theirs).await);
//! }
//! ```

mod bench;
mod children;
pub mod counted;
mod curve;
mod effort;
mod figures;
mod machine;
mod needs;
mod options;
mod page;
mod pair;
mod plain;
mod report;
mod rows;
mod times;
mod walk;
mod world;

use std::error::Error;

use bench::Bench;
use children::{Job, Servers};
use effort::Effort;
use machine::Machine;
use options::Asked;
use report::Report;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Does what the arguments of the program say.
///
/// # Errors
///
/// Where an argument is not understood, no row is wanted, or a row could not be measured.
pub async fn run(arguments: impl IntoIterator<Item = String>) -> Result<()> {
    match options::parse(arguments)? {
        Asked::Work { servers, job } => work(&servers, &job).await?,
        Asked::Help => print!("{}", options::HELP),
        Asked::Page => {
            page::write(&Report::read()?)?;
        }
        Asked::Rows { quick, builds, add, filter } => {
            needs::are_met()?;
            let effort = if quick { Effort::QUICK } else { Effort::FULL };
            let effort = Effort { builds, ..effort };
            let Run { lines, machine, failures } = measured(Bench::new(effort, &filter)?).await?;
            print!("{}", report::tables(&lines));
            let report = Report::of(lines, machine);
            let report = if add { Report::read()?.with(report) } else { report };
            println!("written to {}", report.write()?.display());
            if filter.is_empty() {
                page::write(&report)?;
            }
            if !failures.is_empty() {
                return Err(format!("not measured: {}", failures.join("; ")).into());
            }
        }
    }
    Ok(())
}

async fn work(servers: &Servers, job: &Job) -> Result<()> {
    match job {
        Job::Stampede { callers } => rows::stampede::child(servers, *callers).await,
        Job::Fresh => tokio::task::block_in_place(|| rows::freshness::child(servers)),
        Job::Instructions { bare } => rows::instructions::child(servers, *bare).await,
        Job::Hits { place, time } => rows::growth::child(servers, *place, *time).await,
        Job::Count { .. } => Err("another program counts".into()),
    }
}

/// The rows of one run, and what failed in it.
struct Run {
    lines: Vec<report::Line>,
    machine: Machine,
    failures: Vec<String>,
}

async fn measured(mut bench: Bench) -> Result<Run> {
    rows::run(&mut bench).await;
    bench.begin()?;
    rows::run(&mut bench).await;
    let machine = bench.machine().await?;
    let (lines, failures) = bench.finish();
    Ok(Run { lines, machine, failures })
}
