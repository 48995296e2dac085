use super::*;
use crate::bench::Row;
use crate::curve::{Curve, Plot, Series};
use crate::figures::{Bound, Figure};
use crate::pair::{Measured, Round};

fn pair(name: &str, bound: Bound, ours: [f64; 3]) -> Line {
    let rounds = ours.map(|ours| Round { ours, theirs: 10.0 }).to_vec();
    Line::of(Row::Pair(Measured::new(name, "µs", bound, rounds)))
}

fn lines() -> Vec<Line> {
    let line = |name: &str| Series {
        name: name.to_owned(),
        points: vec![(10.0, 5.0), (1000.0, 5.5), (0.0, 1.0)],
    };
    let plot = Plot {
        across: "entries".to_owned(),
        up: "one invalidation".to_owned(),
        lines: vec![line("ours"), line("by hand")],
    };
    let calibration = format!("{CALIBRATION}: GET, before");
    vec![
        pair(&calibration, Bound::None, [10.0, 10.1, 9.9]),
        pair("hit, 1 caller", Bound::AtMost(1.05), [10.0, 11.0, 12.0]),
        pair("miss", Bound::AtMost(1.05), [20.0, 22.0, 60.0]),
        pair("batch", Bound::AtMost(1.3), [9.0, 8.0, 7.0]),
        pair("rate", Bound::AtLeast(4.0), [9.0, 8.0, 7.0]),
        Line::of(Row::Figure(Figure::new("p99".to_owned(), 0.5, "µs", Bound::AtMost(1.0)))),
        Line::of(Row::Curve(Curve { name: "Tags & sets".to_owned(), unit: "µs", plot })),
    ]
}

fn rendered(lines: &[Line], notes: &str) -> Page {
    render(&Report::of(lines.to_vec(), Machine::default()), &Notes::parse(notes)).unwrap()
}

#[test]
fn the_same_report_gives_the_same_page() {
    let (one, other) = (rendered(&lines(), ""), rendered(&lines(), ""));
    assert_eq!(one.text, other.text);
    assert_eq!(one.plots, other.plots);
    let names: Vec<&str> = one.plots.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["times.svg", "rates.svg", "tags-sets.svg"]);
    for (name, plot) in &one.plots {
        assert!(one.text.contains(&format!("(benchmarks/{name})")), "{name} is shown");
        assert!(plot.starts_with("<svg") && plot.trim_end().ends_with("</svg>"), "{name}");
        assert!(!plot.contains("NaN") && !plot.contains("inf"), "{name}");
    }
}

#[test]
fn a_report_survives_its_file() {
    let text = serde_json::to_string(&lines()).unwrap();
    let read: Vec<Line> = serde_json::from_str(&text).unwrap();
    assert_eq!(read, lines());
}

#[test]
fn what_is_missed_is_bold_and_has_its_note() {
    let page = rendered(&lines(), "## hit\n\nIt hashes twice.\n");
    assert!(page.text.contains(
        "| hit, 1 caller | 11.00 | 10.00 | µs | 1.10 | 1.00 – 1.20 | ≤ 1.05 | **missed** |"
    ));
    assert!(page.text.contains("| batch | 8.00 | 10.00 | µs | 0.80 | 0.70 – 0.90 | ≤ 1.3 | met |"));
    assert!(page.text.contains("**missed**, but the machine was too noisy to say"));
    let (_, missed) = page.text.split_once("## What is missed").unwrap();
    assert!(missed.contains("**hit, 1 caller**:\n\nIt hashes twice."));
    let (_, open) = missed.split_once("Not explained yet:").unwrap();
    assert_eq!(open.trim(), "- miss\n- rate");
}

#[test]
fn where_the_same_work_differs_the_machine_is_called_noisy() {
    let quiet = rendered(&lines(), "");
    assert!(quiet.text.contains("The machine was quiet: the medians are up to 0 % from 1"));
    let mut lines = lines();
    lines.push(pair(&format!("{CALIBRATION}: GET, after"), Bound::None, [11.0, 11.2, 11.1]));
    let noisy = rendered(&lines, "");
    assert!(noisy.text.contains("**The machine was noisy**: the medians are up to 11 % from 1"));
    assert!(!noisy.text.contains("The machine was quiet"));
}

#[test]
fn single_rounds_that_lie_apart_are_told_although_their_median_is_right() {
    let mut lines = lines();
    let apart = pair(&format!("{CALIBRATION}: GET, after"), Bound::None, [8.0, 10.0, 12.0]);
    assert!(!apart.noisy);
    lines.push(apart);
    lines.push(pair("near", Bound::AtMost(1.0), [11.0, 12.0, 13.0]));
    lines.push(pair("far", Bound::AtMost(1.0), [13.0, 14.0, 15.0]));
    let page = rendered(&lines, "");
    assert!(page.text.contains("medians are up to 0 % from 1, single rounds up to 25 %"));
    assert!(page.text.contains(
        "| near | 12.00 | 10.00 | µs | 1.20 | 1.10 – 1.30 | ≤ 1 | **missed**, within the noise |"
    ));
    assert!(
        page.text.contains("| far | 14.00 | 10.00 | µs | 1.40 | 1.30 – 1.50 | ≤ 1 | **missed** |")
    );
}

#[test]
fn rows_of_another_run_are_marked_and_measured_by_its_own_noise() {
    let of = |began, lines: Vec<Line>| {
        let lines = lines.into_iter().map(|line| Line { run: began, ..line }).collect();
        Report::of(lines, Machine { began, rounds: 3, ..Machine::default() })
    };
    let calibration = format!("{CALIBRATION}: GET, before");
    let restless = pair(&calibration, Bound::None, [8.0, 10.0, 12.0]);
    let again = pair("miss", Bound::AtMost(1.0), [11.0, 12.0, 13.0]);
    let report = of(1, lines()).with(of(2, vec![restless, again]));
    let page = render(&report, &Notes::default()).unwrap();
    assert!(page.text.contains("Not all rows are of one run"));
    assert!(
        page.text.contains("| 2 | 1 | 3, all | up to 0 %, up to 25 % | the same |"),
        "{}",
        page.text
    );
    assert!(page.text.contains("**missed**, within the noise; run 2"));
    assert!(page.text.contains("single rounds up to 1 %"), "of the run of most rows");
    assert!(!rendered(&lines(), "").text.contains("Not all rows"));
}

#[test]
fn a_row_that_could_not_be_measured_is_there_and_says_why() {
    let mut lines = lines();
    lines.push(Line::of(Row::Skipped("instructions".to_owned(), "valgrind is not installed")));
    let page = rendered(&lines, "");
    assert!(
        page.text.contains("| instructions |  |  |  | not measured: valgrind is not installed |")
    );
}

#[test]
fn nothing_measured_is_nothing_shown() {
    let page = rendered(&[], "");
    assert!(page.plots.is_empty());
    assert!(page.text.contains("has not been measured"));
}
