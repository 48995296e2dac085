//! What was checked and what was found, and that `docs/model.md` says the same.

use std::fmt::Write;

use super::check::Check;
use super::words::{faults_in_words, in_one_line, in_thousands, in_words};
use super::{open, removed, tags, whole};

/// The page of the documentation that lists what the models find.
const PAGE: &str = include_str!("../../../docs/model.md");

/// Prints every model with its size and time, and every counterexample with its steps.
#[test]
fn the_documentation_lists_what_the_models_find() {
    let mut expected = Vec::new();
    println!("{:<28} {:>10} {:>12} {:>8}", "model", "states", "transitions", "seconds");
    for check in whole::ALL {
        let outcome = check.outcome();
        let (states, transitions) = (outcome.states, outcome.transitions);
        let seconds = outcome.took.as_secs_f64();
        println!("{:<28} {states:>10} {transitions:>12} {seconds:>8.1}", check.scope.name);
        let scope = check.scope;
        let (name, who, faults) = (scope.name, in_words(scope), faults_in_words(scope));
        expected.push(format!("| {name} | {who} | {faults} | {} |", in_thousands(states)));
    }
    for (title, checks) in [("Without", removed::ALL), ("Left open", open::ALL)] {
        println!("\n{title}");
        for check in checks {
            println!("{}", line(check));
            expected.push(line(check));
        }
    }
    println!("\nSuperfluous");
    for check in removed::superfluous::ALL {
        let (name, states) = (check.scope.name, in_thousands(check.outcome().states));
        let line = format!("| {} | {name} | {states} |", what(check));
        println!("{line}");
        expected.push(line);
    }
    println!("\nTagged answers");
    for line in tags::lines() {
        println!("{line}");
        expected.push(line);
    }
    let there: Vec<_> = found_rows().collect();
    let mut differs = String::new();
    for line in expected.iter().filter(|line| !there.contains(&line.as_str())) {
        writeln!(differs, "missing: {line}").unwrap();
    }
    for line in there.iter().filter(|line| !expected.iter().any(|row| row == *line)) {
        writeln!(differs, "stale:   {line}").unwrap();
    }
    assert!(differs.is_empty(), "docs/model.md says something else:\n{differs}");
}

/// The rows of the tables of what was found, without their heads.
fn found_rows() -> impl Iterator<Item = &'static str> {
    let lines = PAGE.lines().skip_while(|line| *line != "## The models");
    let next = lines.clone().skip(1).chain([""]);
    let rows = lines.zip(next).filter(|(line, next)| {
        let rule = |line: &str| line.starts_with("|---");
        line.starts_with("| ") && !rule(line) && !rule(next)
    });
    rows.map(|(line, _)| line)
}

/// A row of a table: what is missing, what breaks, and how.
fn line(check: &Check) -> String {
    let found = check.outcome().found.as_ref().expect("a promise is broken");
    let (promise, steps) = (found.promise.name(), found.steps.len());
    let how = in_one_line(&found.steps);
    format!("| {} | {promise} | {steps} | {how}; {} |", what(check), found.end)
}

/// The defence that is missing, or the faults for which there is none.
fn what(check: &Check) -> &'static str {
    check.without.first().map_or(check.scope.name, |defence| defence.words())
}
