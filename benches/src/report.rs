//! What was measured: as a file, and as tables.

use std::fs;
use std::path::PathBuf;

use comfy_table::{CellAlignment, Table, presets};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::bench::Row;
use crate::curve::Plot;
use crate::figures::Bound;
use crate::machine::Machine;

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
        }
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

    /// What is to be said of it in a word.
    pub(crate) fn verdict(&self) -> String {
        let met = match self.met {
            None => "",
            Some(true) => "met",
            Some(false) => "missed",
        };
        match (met, self.noisy) {
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
        let unit = line.unit.clone();
        if line.ratio.is_some() {
            let span = format!("{} – {}", text(line.ratio_min), text(line.ratio_max));
            let (ours, theirs, ratio) = (text(line.ours), text(line.theirs), text(line.ratio));
            let (goal, verdict) = (line.goal_text(), line.verdict());
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
            figures.add_row([name, value, unit, line.goal_text(), line.verdict()]);
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

const REPORT: &str = "target/bench/report.json";
const MACHINE: &str = "target/bench/machine.json";

pub(crate) fn write(lines: &[Line], machine: &Machine) -> Result<PathBuf> {
    let path = PathBuf::from(REPORT);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&path, serde_json::to_vec_pretty(lines)?)?;
    fs::write(MACHINE, serde_json::to_vec_pretty(machine)?)?;
    Ok(path)
}

/// What was written last.
pub(crate) fn read() -> Result<(Vec<Line>, Machine)> {
    let text = |path: &str| {
        fs::read_to_string(path).map_err(|error| format!("{path}: {error}; measure first"))
    };
    Ok((serde_json::from_str(&text(REPORT)?)?, serde_json::from_str(&text(MACHINE)?)?))
}

/// The new rows in the places of the old ones of the same names; others come last.
pub(crate) fn merged(mut old: Vec<Line>, new: Vec<Line>) -> Vec<Line> {
    for line in new {
        match old.iter_mut().find(|other| other.name == line.name) {
            Some(other) => *other = line,
            None => old.push(line),
        }
    }
    old
}
