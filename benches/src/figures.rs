//! Numbers that stand for themselves, with nothing beside them to compare.

use comfy_table::{CellAlignment, Table, presets};

/// What is asked of a figure.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    None,
    AtMost(f64),
    AtLeast(f64),
}

/// One line of the second table.
#[derive(Debug)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    bound: Bound,
}

impl Figure {
    pub(crate) fn new(name: String, value: f64, unit: &'static str, bound: Bound) -> Self {
        Self { name, value, unit, bound }
    }

    pub(crate) fn goal(&self) -> Option<f64> {
        match self.bound {
            Bound::None => None,
            Bound::AtMost(goal) | Bound::AtLeast(goal) => Some(goal),
        }
    }

    pub(crate) fn met(&self) -> bool {
        match self.bound {
            Bound::None => true,
            Bound::AtMost(most) => self.value <= most,
            Bound::AtLeast(least) => self.value >= least,
        }
    }
}

pub(crate) fn table(figures: &[Figure]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["figure", "value", "unit", "goal", ""]);
    for figure in figures {
        let (goal, verdict) = match figure.bound {
            Bound::None => (String::new(), ""),
            Bound::AtMost(most) => {
                (format!("≤ {most:.0}"), if figure.met() { "met" } else { "missed" })
            }
            Bound::AtLeast(least) => {
                (format!("≥ {least:.0}"), if figure.met() { "met" } else { "missed" })
            }
        };
        table.add_row([
            figure.name.clone(),
            format!("{:.2}", figure.value),
            figure.unit.to_owned(),
            goal,
            verdict.to_owned(),
        ]);
    }
    if let Some(column) = table.column_mut(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
