//! What was measured: as a file, and as tables.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

use comfy_table::{CellAlignment, Table, presets};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::bench::Row;
use crate::curve::Plot;
use crate::figures::Bound;
use crate::machine::Machine;

/// How the names of the rows begin that measure the machine.
pub(crate) const CALIBRATION: &str = "the same on both sides";

/// Rows, and the runs that measured them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Report {
    pub(crate) lines: Vec<Line>,
    pub(crate) runs: Vec<Machine>,
}

/// One row, as it stands in the file. A figure has but `ours`; a curve has its `plot`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) ours: Option<f64>,
    pub(crate) theirs: Option<f64>,
    pub(crate) ratio: Option<f64>,
    pub(crate) ratio_min: Option<f64>,
    pub(crate) ratio_max: Option<f64>,
    pub(crate) unit: String,
    /// Of the ratio where there is one, else of `ours`.
    pub(crate) goal: Option<f64>,
    pub(crate) met: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) asked: Option<Asked>,
    #[serde(default)]
    pub(crate) noisy: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) plot: Option<Plot>,
    /// Why it could not be measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) skipped: Option<String>,
    /// When its run began.
    #[serde(default)]
    pub(crate) run: u64,
}

/// On which side of its goal a value should be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Asked {
    AtMost,
    AtLeast,
}

impl Line {
    pub(crate) fn of(row: Row) -> Self {
        match row {
            Row::Pair(row) => {
                let ((ours, theirs), (ratio, least, most)) = (row.sides(), row.ratio());
                Self {
                    ours: Some(ours),
                    theirs: Some(theirs),
                    ratio: Some(ratio),
                    ratio_min: Some(least),
                    ratio_max: Some(most),
                    noisy: row.noisy(),
                    ..Self::bare(&row.name, row.unit).asking(row.bound, ratio)
                }
            }
            Row::Figure(row) => Self {
                ours: Some(row.value),
                ..Self::bare(&row.name, row.unit).asking(row.bound, row.value)
            },
            Row::Curve(row) => Self { plot: Some(row.plot), ..Self::bare(&row.name, row.unit) },
            Row::Skipped(name, why) => {
                Self { skipped: Some(why.to_owned()), ..Self::bare(&name, "") }
            }
        }
    }

    fn bare(name: &str, unit: &str) -> Self {
        Self {
            name: name.to_owned(),
            ours: None,
            theirs: None,
            ratio: None,
            ratio_min: None,
            ratio_max: None,
            unit: unit.to_owned(),
            goal: None,
            met: None,
            asked: None,
            noisy: false,
            plot: None,
            skipped: None,
            run: 0,
        }
    }

    /// Whether it measures the machine.
    pub(crate) fn calibrates(&self) -> bool {
        self.name.starts_with(CALIBRATION)
    }

    fn asking(self, bound: Bound, value: f64) -> Self {
        let asked = match bound {
            Bound::None => None,
            Bound::AtMost(_) => Some(Asked::AtMost),
            Bound::AtLeast(_) => Some(Asked::AtLeast),
        };
        Self { goal: bound.goal(), met: bound.met(value), asked, ..self }
    }

    /// The goal as it is read: `≤ 1.05`.
    pub(crate) fn goal_text(&self) -> String {
        match (self.asked, self.goal) {
            (Some(Asked::AtMost), Some(goal)) => format!("≤ {}", short(goal)),
            (Some(Asked::AtLeast), Some(goal)) => format!("≥ {}", short(goal)),
            _ => String::new(),
        }
    }

    /// Whether its ratio is no further from its goal than single rounds of the same work are from each other.
    fn is_near_goal(&self, spread: f64) -> bool {
        let (Some(ratio), Some(goal)) = (self.ratio, self.goal) else { return false };
        (ratio / goal).max(goal / ratio) - 1.0 <= spread
    }

    /// What is to be said of it in a word, where the machine was so restless.
    pub(crate) fn verdict(&self, spread: Option<f64>) -> String {
        if let Some(why) = &self.skipped {
            return format!("not measured: {why}");
        }
        let met = match self.met {
            None => "",
            Some(true) => "met",
            Some(false) => "missed",
        };
        match (met, self.noisy) {
            (met, false) if spread.is_some_and(|spread| self.is_near_goal(spread)) => {
                format!("{met}, within the noise")
            }
            (met, false) => met.to_owned(),
            ("", true) => "the machine was too noisy to say".to_owned(),
            (met, true) => format!("{met}, but the machine was too noisy to say"),
        }
    }
}

/// Two digits after the point where they tell something, none where the number is large.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 1000.0 => format!("{value:.0}"),
        size if size >= 100.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// The same, and no more digits than it has: `1`, `1.3`.
pub(crate) fn short(value: f64) -> String {
    let text = number(value);
    match text.split_once('.') {
        Some(_) => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        None => text,
    }
}

/// The pairs, then the figures, then the points of the curves.
pub(crate) fn tables(lines: &[Line]) -> String {
    let mut pairs =
        table(&["row", "ours", "theirs", "unit", "ratio", "least – most", "goal", ""], &[1, 2]);
    let mut figures = table(&["figure", "value", "unit", "goal", ""], &[1]);
    let mut curves = table(&["curve", "line", "at", "value", "unit"], &[2, 3]);
    let text = |value: Option<f64>| value.map(number).unwrap_or_default();
    for line in lines {
        let verdict = line.verdict(spread(lines, line.run));
        let unit = line.unit.clone();
        if line.ratio.is_some() {
            let span = format!("{} – {}", text(line.ratio_min), text(line.ratio_max));
            let (ours, theirs, ratio) = (text(line.ours), text(line.theirs), text(line.ratio));
            let goal = line.goal_text();
            pairs.add_row([line.name.clone(), ours, theirs, unit, ratio, span, goal, verdict]);
        } else if let Some(plot) = &line.plot {
            for (series, (at, value)) in plot
                .lines
                .iter()
                .flat_map(|line| line.points.iter().map(move |point| (line, point)))
            {
                let (name, series) = (line.name.clone(), series.name.clone());
                curves.add_row([name, series, short(*at), number(*value), unit.clone()]);
            }
        } else {
            let (name, value) = (line.name.clone(), text(line.ours));
            figures.add_row([name, value, unit, line.goal_text(), verdict]);
        }
    }
    let shown = [pairs, figures, curves].into_iter().filter(|table| !table.is_empty());
    shown.map(|table| format!("{table}\n")).collect()
}

fn table(header: &[&str], right: &[usize]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(header);
    for column in right {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// How far single rounds of the same work were from being the same in one run, at worst: 0.1 is a tenth.
pub(crate) fn spread(lines: &[Line], run: u64) -> Option<f64> {
    let same = lines.iter().filter(|line| line.calibrates() && line.run == run);
    let spans = same.filter_map(|line| Some((line.ratio_min?, line.ratio_max?)));
    spans.map(|(least, most)| (1.0 / least).max(most) - 1.0).reduce(f64::max)
}

pub(crate) const REPORT: &str = "target/bench/report.json";
const RUNS: &str = "target/bench/runs.json";

impl Report {
    pub(crate) fn of(lines: Vec<Line>, machine: Machine) -> Self {
        Self { lines, runs: vec![machine] }
    }

    pub(crate) fn write(&self) -> Result<PathBuf> {
        let path = PathBuf::from(REPORT);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, serde_json::to_vec_pretty(&self.lines)?)?;
        fs::write(RUNS, serde_json::to_vec_pretty(&self.runs)?)?;
        Ok(path)
    }

    /// What was written last.
    pub(crate) fn read() -> Result<Self> {
        let text = |path: &str| {
            fs::read_to_string(path).map_err(|error| format!("{path}: {error}; measure first"))
        };
        let lines = serde_json::from_str(&text(REPORT)?)?;
        Ok(Self { lines, runs: serde_json::from_str(&text(RUNS)?)? })
    }

    /// The rows of the newer run in the places of those of the same names; others come last. What was measured of the
    /// machine stays with the rows of its run, and goes when they are gone.
    pub(crate) fn with(mut self, newer: Self) -> Self {
        let same = |line: &Line, other: &Line| {
            line.name == other.name && (!line.calibrates() || line.run == other.run)
        };
        for line in newer.lines {
            match self.lines.iter_mut().find(|other| same(&line, other)) {
                Some(other) => *other = line,
                None => self.lines.push(line),
            }
        }
        self.runs.extend(newer.runs);
        let left: HashSet<u64> =
            self.lines.iter().filter(|line| !line.calibrates()).map(|line| line.run).collect();
        self.lines.retain(|line| left.contains(&line.run));
        self.runs.retain(|run| left.contains(&run.began));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(began: u64, names: &[&str]) -> Report {
        let calibration = format!("{CALIBRATION}: GET, before");
        let names = names.iter().copied().chain([calibration.as_str()]);
        let lines = names.map(|name| Line { run: began, ..Line::bare(name, "µs") }).collect();
        Report::of(lines, Machine { began, ..Machine::default() })
    }

    #[test]
    fn rows_keep_the_run_that_measured_them_and_what_it_says_of_the_machine() {
        let names = |report: &Report| -> Vec<(String, u64)> {
            report.lines.iter().map(|line| (line.name.clone(), line.run)).collect()
        };
        let both = run(1, &["hit", "miss"]).with(run(2, &["hit", "batch"]));
        let calibration = format!("{CALIBRATION}: GET, before");
        let expected =
            [("hit", 2), ("miss", 1), (&*calibration, 1), ("batch", 2), (&*calibration, 2)];
        assert_eq!(names(&both), expected.map(|(name, run)| (name.to_owned(), run)));
        assert_eq!(both.runs.iter().map(|run| run.began).collect::<Vec<_>>(), [1, 2]);
        let third = both.with(run(3, &["miss"]));
        let left: Vec<u64> = third.runs.iter().map(|run| run.began).collect();
        assert_eq!(left, [2, 3], "nothing is left of the first");
        assert!(third.lines.iter().all(|line| line.run != 1));
    }

    #[test]
    fn a_row_that_is_as_near_to_its_goal_as_rounds_of_the_same_work_is_within_the_noise() {
        let same = |least, most| Line {
            ratio: Some(1.0),
            ratio_min: Some(least),
            ratio_max: Some(most),
            ..Line::bare(CALIBRATION, "µs")
        };
        let spread = spread(&[same(0.8, 1.1), same(0.99, 1.2)], 0);
        assert!(spread.is_some_and(|spread| (spread - 0.25).abs() < 1e-9), "{spread:?}");
        let row = |ratio| {
            Line { ratio: Some(ratio), ..Line::bare("hit", "µs") }.asking(Bound::AtMost(1.0), ratio)
        };
        assert_eq!(row(1.2).verdict(spread), "missed, within the noise");
        assert_eq!(row(0.81).verdict(spread), "met, within the noise");
        assert_eq!(row(1.3).verdict(spread), "missed");
        assert_eq!(row(1.2).verdict(None), "missed");
    }

    #[test]
    fn what_could_not_be_measured_says_why() {
        let line = Line::of(Row::Skipped("instructions".to_owned(), "valgrind is not installed"));
        assert!(tables(&[line]).contains("not measured: valgrind is not installed"));
    }
}
