//! The page: a function of what was measured, of the machine and of the notes.

pub(crate) mod notes;
mod plots;
mod runs;
#[cfg(test)]
mod tests;

use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::Result;
use crate::machine::Machine;
use crate::page::notes::Notes;
use crate::page::runs::Runs;
use crate::report::{Asked, CALIBRATION, Line, Report, number, short, spread};

const FOLDER: &str = "docs/benchmarks";
const PAGE: &str = "docs/benchmarks.md";

/// The text, and the pictures that it shows, by the names of their files.
pub(crate) struct Page {
    pub(crate) text: String,
    pub(crate) plots: Vec<(String, String)>,
}

/// Writes the page and its pictures, and takes away the pictures of rows that are no more.
pub(crate) fn write(report: &Report) -> Result<()> {
    let folder = Path::new(FOLDER);
    fs::create_dir_all(folder)?;
    let notes = Notes::parse(&fs::read_to_string(folder.join("notes.md")).unwrap_or_default());
    let page = render(report, &notes)?;
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

pub(crate) fn render(report: &Report, notes: &Notes) -> Result<Page> {
    let (lines, runs) = (&report.lines, Runs::of(report));
    let mut plots = Vec::new();
    let mut text = String::from(INTRODUCTION);
    text.push_str(&about(&runs.main));
    text.push_str(&noise(lines, &runs.main));
    text.push_str(&runs.others(lines));
    text.push_str("\n## Beside the plain crates\n\n");
    for (name, title, asked) in [
        ("times.svg", "What one operation takes, ours over theirs: less is better", Asked::AtMost),
        (
            "rates.svg",
            "Operations a second of all callers together, ours over theirs: more is better",
            Asked::AtLeast,
        ),
    ] {
        let shown: Vec<&Line> = lines.iter().filter(|line| drawn(line, asked)).collect();
        if !shown.is_empty() {
            plots.push((name.to_owned(), plots::ratios(title, &shown)?));
            writeln!(text, "![{title}](benchmarks/{name})\n")?;
        }
    }
    text.push_str(&pairs(lines, &runs));
    text.push_str(&figures(lines, &runs));
    for line in lines {
        let Some(plot) = &line.plot else { continue };
        let file = format!("{}.svg", slug(&line.name));
        plots.push((file.clone(), plots::curve(&line.name, plot, &line.unit)?));
        write!(text, "\n## Curve: {}\n\n![{}](benchmarks/{file})\n\n", line.name, line.name)?;
        text.push_str(&runs.caption(line));
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
    line.ratio.is_some() && !line.calibrates() && line.asked.unwrap_or(Asked::AtMost) == asked
}

fn slug(name: &str) -> String {
    let word = |letter: char| if letter.is_alphanumeric() { letter } else { '-' };
    let text: String = name.to_lowercase().chars().map(word).collect();
    text.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

const INTRODUCTION: &str = "\
# Benchmarks

A cached repository beside the plain crates: doing the same work where they can, and else the least that somebody could do in
its place, an `INCR` beside a rate limit, a `GET` beside a session, a select that caches nothing beside a miss. This page is made
from what was measured; do not edit it. `scripts/bench` measures all rows on private servers and writes it anew, `scripts/bench --page`
writes it once more from the last report, `target/bench/report.json`. What stands here is of one machine: measure on yours.

## How it is measured

- Both sides of a row work over the same servers, in turn: A B, B A, A B and so on, so that what the machine does
  meanwhile meets both. A round is one turn of each; the ratio is that of a round, ours over theirs; the table has the
  median of the rounds' ratios, with the smallest and the largest.
- A time is that of one operation of one caller, one after the other. Where there are several callers the row has the operations
  a second of all of them together, and its goal is of those: how long one of them waited is in the rows of percentiles alone.
- A figure or a point of a curve has no ratio: it is the median of turns of both sides in the same order, the worst of several,
  or a percentile, as its name says. At \"invalidation of a tag\" one side comes after the other.
- What a side can only do once (warming up connections, filling caches, emptying them) is done before the clock runs. The fills
  of ours, which go on behind their callers, are waited for at the end of a turn of misses, within its time. Every answer is
  checked for being the answer that the row is about: a hit, a row that is then in the cache, a session.
- Rows of Redis, of misses, batches and writes are of a repository at `Level::Strong`, which does not ask the memory of its process. The
  default level, `Bounded` by one second with a tier in the process, asks that tier first; of what it takes in it also asks Redis what
  is left of the value's life. Rows named \"as by default\" are of it: where they are hits in Redis, the tier is one for a hundredth of
  the users, who are all asked for equally often, so that it is full, has nearly none of them, and takes few in, as it does where a
  row was not asked for before; where they are \"each taken in\", it has room for all, and takes each in that is asked for. Rows of
  the process are of the default level as well.
- Users are drawn from a hundred thousand by a Zipf distribution with exponent 0.99, unless the row says something else. Pools
  have eight connections; Redis is asked through one multiplexed connection by either side.
- Client, Postgres and Redis share one machine. A round trip costs little there, so what the client computes weighs more than
  it would over a network.
- Postgres runs without `fsync`, so that commits do not measure the disk.
- The same work on both sides is measured before all rows and after them. Where a row's ratio is no further from its goal than
  single rounds of the same work were from each other, it says \"within the noise\".
- A row whose smallest and largest ratio lie further apart than a factor of two is marked: the machine was too noisy to say.
- Allocations and the memory of a process are counted by an allocator of a program of its own; those in the process on one thread,
  on which nothing else runs meanwhile, the most of many turns. Memory is what an entry more takes, between a
  small tier and a larger one, each with nearly all that it may have.
- Instructions are counted by callgrind over one run of each side; without valgrind they are not.
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

/// How far from 1 the median of the same work on both sides may come out before the machine counts as noisy, and how far a
/// single round.
const QUIET: (f64, f64) = (0.05, 0.25);

/// How far the medians of the same work on both sides were from being the same in a run, at worst.
fn deviation(lines: &[Line], run: u64) -> Option<f64> {
    let same = lines.iter().filter(|line| line.calibrates() && line.run == run);
    let ratios = same.filter_map(|line| line.ratio);
    ratios.map(|ratio| ratio.max(1.0 / ratio) - 1.0).reduce(f64::max)
}

fn noise(lines: &[Line], machine: &Machine) -> String {
    let run = machine.began;
    let (Some(deviation), Some(spread)) = (deviation(lines, run), spread(lines, run)) else {
        return "How noisy the machine was has not been measured.\n".to_owned();
    };
    let mut text = String::from(
        "How noisy it was, by the same work on both sides, whose ratio should be 1:\n\n\
         | the same on both sides | ratio | least – most |\n|---|--:|--:|\n",
    );
    for line in lines.iter().filter(|line| line.calibrates() && line.run == run) {
        let name = line.name.trim_start_matches(CALIBRATION).trim_start_matches([':', ' ']);
        let _ = writeln!(text, "| {name} | {} | {} |", of(line.ratio), span(line));
    }
    let verdict = if deviation > QUIET.0 || spread > QUIET.1 {
        "**The machine was noisy**"
    } else {
        "The machine was quiet"
    };
    let (medians, rounds) = (deviation * 100.0, spread * 100.0);
    let _ = writeln!(
        text,
        "\n{verdict}: the medians are up to {medians:.0} % from 1, single rounds up to {rounds:.0} %. A row whose ratio is \
         no further than {rounds:.0} % from its goal says \"within the noise\"."
    );
    text
}

fn of(value: Option<f64>) -> String {
    value.map(number).unwrap_or_default()
}

fn span(line: &Line) -> String {
    format!("{} – {}", of(line.ratio_min), of(line.ratio_max))
}

fn pairs(lines: &[Line], runs: &Runs) -> String {
    let mut text = String::from(
        "| row | ours | theirs | unit | ratio | least – most | goal | |\n|---|--:|--:|---|--:|--:|--:|---|\n",
    );
    for line in lines.iter().filter(|line| line.ratio.is_some() && !line.calibrates()) {
        let (ours, theirs, ratio) = (of(line.ours), of(line.theirs), of(line.ratio));
        let (name, unit, goal) = (&line.name, &line.unit, line.goal_text());
        let (span, verdict) = (span(line), runs.verdict(line, lines));
        let _ = writeln!(
            text,
            "| {name} | {ours} | {theirs} | {unit} | {ratio} | {span} | {goal} | {verdict} |"
        );
    }
    text
}

fn figures(lines: &[Line], runs: &Runs) -> String {
    let mut text = String::from(
        "\n## Figures of their own\n\n| figure | value | unit | goal | |\n|---|--:|---|--:|---|\n",
    );
    for line in lines.iter().filter(|line| line.ratio.is_none() && line.plot.is_none()) {
        let (name, value, unit) = (&line.name, of(line.ours), &line.unit);
        let (goal, verdict) = (line.goal_text(), runs.verdict(line, lines));
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
