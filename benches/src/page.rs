//! The page: a function of what was measured, of the machine and of the notes.

pub(crate) mod notes;
mod plots;
#[cfg(test)]
mod tests;

use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::Result;
use crate::machine::Machine;
use crate::page::notes::Notes;
use crate::report::{Asked, Line, number, short};
use crate::rows::CALIBRATION;

const FOLDER: &str = "docs/benchmarks";
const PAGE: &str = "docs/benchmarks.md";

/// The text, and the pictures that it shows, by the names of their files.
pub(crate) struct Page {
    pub(crate) text: String,
    pub(crate) plots: Vec<(String, String)>,
}

/// Writes the page and its pictures, and takes away the pictures of rows that are no more.
pub(crate) fn write(lines: &[Line], machine: &Machine) -> Result<()> {
    let folder = Path::new(FOLDER);
    fs::create_dir_all(folder)?;
    let notes = Notes::parse(&fs::read_to_string(folder.join("notes.md")).unwrap_or_default());
    let page = render(lines, machine, &notes)?;
    for old in fs::read_dir(folder)? {
        let old = old?.path();
        if old.extension().is_some_and(|extension| extension == "svg") {
            fs::remove_file(old)?;
        }
    }
    for (name, plot) in &page.plots {
        fs::write(folder.join(name), plot)?;
    }
    Ok(fs::write(PAGE, page.text)?)
}

pub(crate) fn render(lines: &[Line], machine: &Machine, notes: &Notes) -> Result<Page> {
    let mut plots = Vec::new();
    let mut text = String::from(INTRODUCTION);
    text.push_str(&about(machine));
    text.push_str(&noise(lines));
    text.push_str("\n## Beside the plain crates\n\n");
    for (name, title, asked) in [
        ("times.svg", "What an operation costs, ours over theirs: less is better", Asked::AtMost),
        ("rates.svg", "Operations a second, ours over theirs: more is better", Asked::AtLeast),
    ] {
        let shown: Vec<&Line> = lines.iter().filter(|line| drawn(line, asked)).collect();
        if !shown.is_empty() {
            plots.push((name.to_owned(), plots::ratios(title, &shown)?));
            writeln!(text, "![{title}](benchmarks/{name})\n")?;
        }
    }
    text.push_str(&pairs(lines));
    text.push_str(&figures(lines));
    for line in lines {
        let Some(plot) = &line.plot else { continue };
        let file = format!("{}.svg", slug(&line.name));
        plots.push((file.clone(), plots::curve(&line.name, plot, &line.unit)?));
        write!(text, "\n## Curve: {}\n\n![{}](benchmarks/{file})\n\n", line.name, line.name)?;
        writeln!(text, "| {} | line | {}, {} |\n|--:|---|--:|", plot.across, plot.up, line.unit)?;
        for series in &plot.lines {
            for (at, value) in &series.points {
                writeln!(text, "| {} | {} | {} |", short(*at), series.name, number(*value))?;
            }
        }
    }
    text.push_str(&missed(lines, notes));
    Ok(Page { text, plots })
}

fn drawn(line: &Line, asked: Asked) -> bool {
    line.ratio.is_some() && !calibrates(line) && line.asked.unwrap_or(Asked::AtMost) == asked
}

fn calibrates(line: &Line) -> bool {
    line.name.starts_with(CALIBRATION)
}

fn slug(name: &str) -> String {
    let word = |letter: char| if letter.is_alphanumeric() { letter } else { '-' };
    let text: String = name.to_lowercase().chars().map(word).collect();
    text.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

const INTRODUCTION: &str = "\
# Benchmarks

A cached repository beside the plain crates doing the same work. This page is made from what was measured; do not edit it.
`scripts/bench` measures all rows on private servers and writes it anew, `scripts/bench --page` writes it once more from the
last report, `target/bench/report.json`. What stands here is of one machine: measure on yours.

## How it is measured

- Both sides of a row do the same work over the same servers, in turn: A B, B A, A B and so on, so that what the machine does
  meanwhile meets both. A round is one turn of each; the ratio is that of a round, ours over theirs; the table has the
  median of the rounds' ratios, with the smallest and the largest.
- What a side can only do once (warming up connections, filling caches, emptying them) is done before the clock runs. Every
  answer is checked for being the answer that the row is about: a hit, a row, a session.
- Users are drawn from a hundred thousand by a Zipf distribution with exponent 0.99, unless the row says something else. Pools
  have eight connections; Redis is asked through one multiplexed connection by either side.
- Client, Postgres and Redis share one machine. A round trip costs little there, so what the client computes weighs more than
  it would over a network.
- Postgres runs without `fsync`, so that commits do not measure the disk.
- A row whose smallest and largest ratio lie further apart than a factor of two is marked: the machine was too noisy to say.
- Where a time is below zero, as that until another process has an old value no more, it happened before the clock started: the
  value was gone before the write had returned.
- Allocations and the memory of a process are counted by an allocator of a program of its own.
";

fn about(machine: &Machine) -> String {
    let pace = if machine.quick { "few and short (`--quick`)" } else { "all" };
    format!(
        "\n## The machine\n\n| | |\n|---|---|\n| processors | {}, {} |\n| system | {} |\n| rustc | {} |\n\
         | Postgres | {} |\n| Redis | {} |\n| rounds | {}, {pace} |\n\n",
        machine.processors,
        machine.model,
        machine.system,
        machine.rustc,
        machine.postgres,
        machine.redis,
        machine.rounds,
    )
}

/// How far from 1 the same work on both sides may come out before the machine counts as noisy.
const QUIET: f64 = 0.05;

/// How far the same work on both sides was from being the same, at worst.
fn deviation(lines: &[Line]) -> Option<f64> {
    let ratios = lines.iter().filter(|line| calibrates(line)).filter_map(|line| line.ratio);
    ratios.map(|ratio| (ratio.max(1.0 / ratio) - 1.0).abs()).reduce(f64::max)
}

fn noise(lines: &[Line]) -> String {
    let Some(deviation) = deviation(lines) else {
        return "How noisy the machine was has not been measured.\n".to_owned();
    };
    let mut text = String::from(
        "How noisy it was, by the same work on both sides, whose ratio should be 1:\n\n\
         | the same on both sides | ratio | least – most |\n|---|--:|--:|\n",
    );
    for line in lines.iter().filter(|line| calibrates(line)) {
        let name = line.name.trim_start_matches(CALIBRATION).trim_start_matches([':', ' ']);
        let _ = writeln!(text, "| {name} | {} | {} |", of(line.ratio), span(line));
    }
    let percent = deviation * 100.0;
    let spread = lines.iter().filter(|line| calibrates(line)).any(|line| line.noisy);
    let verdict = if spread || deviation > QUIET {
        format!(
            "**The machine was noisy**: what is nearer to its goal than {percent:.0} % is open."
        )
    } else {
        "The machine was quiet enough for what follows.".to_owned()
    };
    let _ = writeln!(text, "\n{verdict}");
    text
}

fn of(value: Option<f64>) -> String {
    value.map(number).unwrap_or_default()
}

fn span(line: &Line) -> String {
    format!("{} – {}", of(line.ratio_min), of(line.ratio_max))
}

/// What wins is plain, what loses is bold.
fn verdict(line: &Line) -> String {
    line.verdict().replace("missed", "**missed**")
}

fn pairs(lines: &[Line]) -> String {
    let mut text = String::from(
        "| row | ours | theirs | unit | ratio | least – most | goal | |\n|---|--:|--:|---|--:|--:|--:|---|\n",
    );
    for line in lines.iter().filter(|line| line.ratio.is_some() && !calibrates(line)) {
        let (ours, theirs, ratio) = (of(line.ours), of(line.theirs), of(line.ratio));
        let (name, unit, goal) = (&line.name, &line.unit, line.goal_text());
        let (span, verdict) = (span(line), verdict(line));
        let _ = writeln!(
            text,
            "| {name} | {ours} | {theirs} | {unit} | {ratio} | {span} | {goal} | {verdict} |"
        );
    }
    text
}

fn figures(lines: &[Line]) -> String {
    let mut text = String::from(
        "\n## Figures of their own\n\n| figure | value | unit | goal | |\n|---|--:|---|--:|---|\n",
    );
    for line in lines.iter().filter(|line| line.ratio.is_none() && line.plot.is_none()) {
        let (name, value, unit) = (&line.name, of(line.ours), &line.unit);
        let (goal, verdict) = (line.goal_text(), verdict(line));
        let _ = writeln!(text, "| {name} | {value} | {unit} | {goal} | {verdict} |");
    }
    text
}

/// Each missed row with what the notes say of it; rows with the same note stand together.
fn missed(lines: &[Line], notes: &Notes) -> String {
    let missed: Vec<&Line> = lines.iter().filter(|line| line.met == Some(false)).collect();
    if missed.is_empty() {
        return "\n## What is missed\n\nNothing.\n".to_owned();
    }
    let mut text = String::from("\n## What is missed, and where the time goes\n");
    let mut said: Vec<&str> = Vec::new();
    for line in &missed {
        let Some(note) = notes.of(&line.name) else { continue };
        if said.contains(&note) {
            continue;
        }
        said.push(note);
        let about = missed.iter().filter(|line| notes.of(&line.name) == Some(note));
        let names: Vec<String> = about.map(|line| format!("**{}**", line.name)).collect();
        let _ = write!(text, "\n{}:\n\n{note}\n", names.join("; "));
    }
    let open: Vec<&&Line> = missed.iter().filter(|line| notes.of(&line.name).is_none()).collect();
    if !open.is_empty() {
        text.push_str("\nNot explained yet:\n\n");
        for line in open {
            let _ = writeln!(text, "- {}", line.name);
        }
    }
    text
}
