//! Rows of several runs on one page.

use std::collections::HashMap;
use std::fmt::Write;

use super::{deviation, spread};
use crate::machine::Machine;
use crate::report::{Line, Report};

/// The run that most rows are of, and the others, which are told apart by numbers from two on.
pub(super) struct Runs {
    pub(super) main: Machine,
    others: Vec<Machine>,
}

impl Runs {
    pub(super) fn of(report: &Report) -> Self {
        let mut rows: HashMap<u64, usize> = HashMap::new();
        for line in report.lines.iter().filter(|line| !line.calibrates()) {
            *rows.entry(line.run).or_default() += 1;
        }
        let rows = |run: &Machine| rows.get(&run.began).copied().unwrap_or_default();
        let main = report.runs.iter().max_by_key(|run| (rows(run), run.began)).cloned();
        let main = main.unwrap_or_default();
        let others = report.runs.iter().filter(|run| run.began != main.began).cloned();
        Self { others: others.collect(), main }
    }

    fn number(&self, line: &Line) -> Option<usize> {
        Some(self.others.iter().position(|run| run.began == line.run)? + 2)
    }

    /// What wins is plain, what loses is bold; and of which run it is, if not of that of most.
    pub(super) fn verdict(&self, line: &Line, lines: &[Line]) -> String {
        let verdict = line.verdict(spread(lines, line.run)).replace("missed", "**missed**");
        match self.number(line) {
            None => verdict,
            Some(run) if verdict.is_empty() => format!("run {run}"),
            Some(run) => format!("{verdict}; run {run}"),
        }
    }

    /// Before a curve of another run.
    pub(super) fn caption(&self, line: &Line) -> String {
        self.number(line).map_or_else(String::new, |run| format!("Of run {run}.\n\n"))
    }

    /// Of the runs that only some rows are of: what was different, and how noisy the machine was.
    pub(super) fn others(&self, lines: &[Line]) -> String {
        if self.others.is_empty() {
            return String::new();
        }
        let mut text = String::from(
            "\nNot all rows are of one run. Those that are marked are of another one, and what is said above is not of them:\n\n\
             | run | rows | rounds | medians and single rounds of the same work, from 1 | machine |\n|--:|--:|---|---|---|\n",
        );
        for (place, run) in self.others.iter().enumerate() {
            let of_run = lines.iter().filter(|line| line.run == run.began && !line.calibrates());
            let pace = if run.quick { "`--quick`" } else { "all" };
            let noise = match (deviation(lines, run.began), spread(lines, run.began)) {
                (Some(median), Some(round)) => {
                    format!("up to {:.0} %, up to {:.0} %", median * 100.0, round * 100.0)
                }
                _ => "not measured".to_owned(),
            };
            let _ = writeln!(
                text,
                "| {} | {} | {}, {pace} | {noise} | {} |",
                place + 2,
                of_run.count(),
                run.rounds,
                self.machine(run),
            );
        }
        text
    }

    fn machine(&self, run: &Machine) -> String {
        let pace = |run: &Machine| Machine { began: 0, quick: false, rounds: 0, ..run.clone() };
        if pace(run) == pace(&self.main) {
            return "the same".to_owned();
        }
        let Machine { processors, model, system, rustc, postgres, redis, .. } = run;
        format!(
            "{processors}, {model}; {system}; rustc {rustc}, Postgres {postgres}, Redis {redis}"
        )
    }
}
