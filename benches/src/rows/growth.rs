//! What a hit costs while what is around it grows: the processes that read, the keys that Redis has.

mod keys;
mod processes;

pub(crate) use processes::child;

use crate::Result;
use crate::bench::Bench;
use crate::curve::{Curve, Plot, Series};
use crate::figures::{Bound, Figure};

/// What the last point of a curve may be over the first: more is no noise any more.
const BEND: f64 = 1.25;

pub(crate) async fn run(bench: &mut Bench) -> Result<()> {
    processes::run(bench).await?;
    keys::run(bench).await
}

/// What was measured of both sides at one size.
struct Point {
    size: f64,
    ours: f64,
    theirs: f64,
}

/// Two lines over one axis.
struct Axes {
    across: &'static str,
    up: &'static str,
    unit: &'static str,
    /// The name of their line.
    theirs: &'static str,
}

/// A curve of what a hit costs, with a figure for each side that says how far it goes up.
fn add_cost(bench: &mut Bench, name: &str, axes: &Axes, points: &[Point]) {
    for (line, bound) in lines(axes, points).iter().zip([Bound::AtMost(BEND), Bound::None]) {
        let name = format!("{name}: the highest over the first, {}", line.name);
        bench.add(Figure::new(name, highest_over_first(&line.points), "", bound));
    }
    add_curve(bench, name, axes, points);
}

fn add_curve(bench: &mut Bench, name: &str, axes: &Axes, points: &[Point]) {
    let (across, up) = (axes.across.to_owned(), axes.up.to_owned());
    let plot = Plot { across, up, lines: lines(axes, points) };
    bench.add(Curve { name: name.to_owned(), unit: axes.unit, plot });
}

fn lines(axes: &Axes, points: &[Point]) -> Vec<Series> {
    let line = |name: &str, of: fn(&Point) -> f64| {
        let points = points.iter().map(|point| (point.size, of(point))).collect();
        Series { name: name.to_owned(), points }
    };
    vec![line("ours", |point| point.ours), line(axes.theirs, |point| point.theirs)]
}

fn highest_over_first(points: &[(f64, f64)]) -> f64 {
    let first = points.first().map_or(f64::NAN, |point| point.1);
    points.iter().map(|point| point.1 / first).fold(f64::NAN, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_that_only_falls_does_not_bend() {
        assert_eq!(highest_over_first(&[(1.0, 4.0), (2.0, 3.0), (4.0, 2.0)]), 1.0);
        assert_eq!(highest_over_first(&[(1.0, 2.0), (2.0, 5.0), (4.0, 3.0)]), 2.5);
        assert!(highest_over_first(&[]).is_nan());
    }
}
