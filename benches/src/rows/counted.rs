//! What is allocated: counted by a program of its own, because counting slows everything else.

use crate::Result;
use crate::bench::Bench;
use crate::children::{Child, Job, Servers};
use crate::report::Line;

pub(crate) async fn run(bench: &mut Bench) -> Result<()> {
    if bench.wants("allocations and memory in the process") {
        let world = bench.filled().await?;
        let job = Job::Count { quick: bench.effort().quick };
        let mut child = Child::start_beside("counted", &Servers::of(&world), &job)?;
        let lines: Vec<Line> = serde_json::from_str(&child.says()?)?;
        bench.add_lines(lines);
    }
    Ok(())
}
