//! The table and the file.

use std::path::PathBuf;

use comfy_table::{CellAlignment, Table, presets};

use crate::figures::Figure;
use crate::pair::{Goal, Measured};

pub(crate) fn table(rows: &[Measured]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["row", "ours", "theirs", "unit", "ratio", "least – most", "goal", ""]);
    for row in rows {
        let (ours, theirs) = row.sides();
        let (ratio, least, most) = row.ratio();
        let goal = match row.goal {
            Goal::Latency(most) => format!("≤ {most:.2}"),
            Goal::Throughput(least) => format!("≥ {least:.2}"),
        };
        let verdict = match (row.met(), row.noisy()) {
            (true, false) => "met",
            (false, false) => "missed",
            (true, true) => "met, but the machine was too noisy to say",
            (false, true) => "missed, but the machine was too noisy to say",
        };
        table.add_row([
            row.name.clone(),
            format!("{ours:.1}"),
            format!("{theirs:.1}"),
            unit(row.goal).to_owned(),
            format!("{ratio:.2}"),
            format!("{least:.2} – {most:.2}"),
            goal,
            verdict.to_owned(),
        ]);
    }
    for column in 1..=2 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn unit(goal: Goal) -> &'static str {
    match goal {
        Goal::Latency(_) => "µs",
        Goal::Throughput(_) => "ops/s",
    }
}

pub(crate) fn write(rows: &[Measured], figures: &[Figure]) -> std::io::Result<PathBuf> {
    let rows = rows
        .iter()
        .map(|row| {
            let (ours, theirs) = row.sides();
            let (ratio, ratio_min, ratio_max) = row.ratio();
            let goal = match row.goal {
                Goal::Latency(goal) | Goal::Throughput(goal) => goal,
            };
            serde_json::json!({
                "name": row.name, "ours": ours, "theirs": theirs, "ratio": ratio, "ratio_min": ratio_min,
                "ratio_max": ratio_max, "unit": unit(row.goal), "goal": goal, "met": row.met(),
            })
        });
    let figures = figures.iter().map(|figure| {
        serde_json::json!({
            "name": figure.name, "ours": figure.value, "theirs": null, "ratio": null, "ratio_min": null,
            "ratio_max": null, "unit": figure.unit, "goal": figure.goal(), "met": figure.met(),
        })
    });
    let all: Vec<_> = rows.chain(figures).collect();
    let folder = PathBuf::from("target/bench");
    std::fs::create_dir_all(&folder)?;
    let path = folder.join("report.json");
    std::fs::write(&path, serde_json::to_vec_pretty(&all)?)?;
    Ok(path)
}
