//! The tables, the last line, and whether the run proves anything.

use std::time::Duration;

use cache_runtime::Stats;

use crate::checker::{Side, Sum, Tally};
use crate::options::Options;
use crate::worker::step_name;

/// Fewer checked answers a second are no proof.
const LEAST_READS: u64 = 200;
/// Fewer faults a minute are no chaos.
const LEAST_FAULTS: u64 = 20;

pub(crate) fn progress(tally: &Tally, elapsed: Duration, seconds: u64) -> String {
    let (ours, plain) = (tally.side(Side::Ours), tally.side(Side::Plain));
    format!(
        "{:>4}/{seconds} s  {:>9} reads  {:>7} writes  {:>4} faults  {} stale  baseline {} of {}",
        elapsed.as_secs(),
        ours.all().answers,
        ours.writes,
        faults(tally),
        ours.all().wrong(),
        plain.all().wrong(),
        plain.all().answers,
    )
}

fn faults(tally: &Tally) -> u64 {
    tally.faults.iter().map(|fault| fault.times).sum()
}

/// Prints what happened; true where the run is a proof.
pub(crate) fn report(options: &Options, tally: &Tally, took: Duration, unexpected: usize) -> bool {
    levels(tally);
    by_fault(tally);
    let (ours, plain) = (tally.side(Side::Ours), tally.side(Side::Plain));
    for (step, deaths) in &tally.deaths {
        println!("{deaths} processes killed themselves before {}", step_name(*step));
    }
    println!("{}", counted(&ours));
    println!(
        "{} writes refused, {} reads failed; {} answers came too late to be checked, {} events after their turn; at \
         most {} states and {} events were kept",
        ours.refused,
        ours.unread,
        ours.unchecked + plain.unchecked,
        tally.late,
        tally.most_states,
        tally.most_pending,
    );
    for told in &tally.told {
        println!("{told}");
    }
    let wrong = wrongs(options, tally, took, unexpected);
    for wrong in &wrong {
        println!("FAILED: {wrong}");
    }
    println!(
        "{{\"reads\":{},\"writes\":{},\"faults\":{},\"stale\":{},\"baseline_stale\":{},\"baseline_reads\":{},\
         \"open_case\":{},\"seconds\":{},\"seed\":{}}}",
        ours.all().answers,
        ours.writes,
        faults(tally),
        ours.all().wrong(),
        plain.all().wrong(),
        plain.all().answers,
        ours.all().open,
        took.as_secs(),
        options.seed,
    );
    wrong.is_empty()
}

/// Everything for which the run fails.
fn wrongs(options: &Options, tally: &Tally, took: Duration, unexpected: usize) -> Vec<String> {
    let (ours, plain) = (tally.side(Side::Ours), tally.side(Side::Plain));
    let mut wrong = Vec::new();
    let mut fails = |when: bool, why: String| {
        if when {
            wrong.push(why);
        }
    };
    let stale = ours.all().wrong();
    fails(stale > 0, format!("{stale} answers were not what they have to be"));
    let control = ours.control().wrong() + plain.control().wrong();
    fails(control > 0, format!("{control} answers of the database itself: the checker is wrong"));
    fails(tally.lost > 0, format!("{} acknowledged writes are not in the database", tally.lost));
    fails(
        plain.all().wrong() == 0,
        "nothing stale in the baseline: the run proves nothing".to_owned(),
    );
    fails(unexpected > 0, format!("{unexpected} processes ended by themselves"));
    let least = LEAST_READS * took.as_secs() / 2;
    let reads = if options.baseline { plain.all().answers } else { ours.all().answers };
    fails(reads < least, format!("only {reads} reads were checked, {least} at least have to be"));
    let least = LEAST_FAULTS * took.as_secs() / 60;
    let struck = faults(tally);
    let quiet = options.faults.as_deref() == Some("none");
    fails(
        struck < least && !quiet,
        format!("only {struck} faults struck, {least} at least have to"),
    );
    fails(
        count(&ours, "hits") == 0 && !options.baseline,
        "the cache was not at work: no hit".to_owned(),
    );
    wrong
}

/// What the repositories counted, by name.
fn counts(sum: &Sum) -> impl Iterator<Item = (&'static str, u64)> {
    let names = Stats::default().rows().into_iter().map(|(name, _)| name);
    names.zip(sum.counted.0.iter().copied()).filter(|(_, count)| *count > 0)
}

fn count(sum: &Sum, name: &str) -> u64 {
    counts(sum).find(|(other, _)| *other == name).map_or(0, |(_, count)| count)
}

fn counted(sum: &Sum) -> String {
    let all: Vec<String> = counts(sum).map(|(name, count)| format!("{count} {name}")).collect();
    all.join(", ")
}

fn levels(tally: &Tally) {
    println!("{:<28} {:>12} {:>14} {:>8}", "level", "reads", "during faults", "wrong");
    for (side, name) in [(Side::Ours, ""), (Side::Plain, "baseline: ")] {
        for (level, reads) in &tally.side(side).levels {
            let kinds: Vec<String> =
                reads.wrong.iter().map(|(wrong, count)| format!("{wrong:?} {count}")).collect();
            println!(
                "{:<28} {:>12} {:>14} {:>8} {}",
                format!("{name}{}", level.name()),
                reads.answers,
                reads.during_faults,
                reads.wrong(),
                kinds.join(", "),
            );
        }
    }
}

fn by_fault(tally: &Tally) {
    println!("{:<36} {:>6} {:>14}", "fault", "times", "reads during");
    for struck in &tally.faults {
        if struck.times > 0 {
            println!("{:<36} {:>6} {:>14}", struck.name, struck.times, struck.reads);
        }
    }
}
