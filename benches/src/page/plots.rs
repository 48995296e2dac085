//! The pictures, as SVG.

use plotters::coord::Shift;
use plotters::element::PathElement;
use plotters::prelude::{
    BLACK, ChartBuilder, Circle, Color, DrawingArea, DrawingBackend, IntoDrawingArea, IntoLogRange,
    LineSeries, RGBColor, Rectangle, SVGBackend, SeriesLabelPosition, Text, WHITE,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{IntoFont, IntoTextStyle, TextStyle};

use crate::Result;
use crate::curve::Plot;
use crate::report::{Line, short};

const WIDTH: u32 = 1000;
const NAMES: i32 = 420;
const RIGHT: i32 = 30;
const TOP: i32 = 60;
const ROW: i32 = 22;
const BOTTOM: i32 = 30;

const MET: RGBColor = RGBColor(70, 140, 90);
const MISSED: RGBColor = RGBColor(200, 90, 70);
const UNASKED: RGBColor = RGBColor(140, 140, 150);
const GOAL: RGBColor = RGBColor(20, 60, 160);
const GRID: RGBColor = RGBColor(225, 225, 225);
const LEGEND: &str = "green: met, red: missed, grey: nothing is asked; blue: the goal; whiskers: the smallest and the largest round";
/// The lines of a curve, in turn.
const LINES: [RGBColor; 5] = [
    RGBColor(30, 110, 180),
    RGBColor(200, 90, 70),
    RGBColor(70, 140, 90),
    RGBColor(140, 90, 160),
    RGBColor(120, 120, 120),
];

/// A bar for each row, from 1 to its ratio, with a whisker from the smallest to the largest and a line at the goal, on a
/// logarithmic axis.
pub(crate) fn ratios(title: &str, lines: &[&Line]) -> Result<String> {
    let height = TOP + ROW * i32::try_from(lines.len())? + BOTTOM;
    let mut svg = String::new();
    {
        let size = (WIDTH, u32::try_from(height)?);
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        area.fill(&WHITE)?;
        let axis = Axis::over(lines);
        label(&area, title, (i32::try_from(WIDTH)? / 2, 16), HPos::Center, 16.0)?;
        label(&area, LEGEND, (i32::try_from(WIDTH)? / 2, 36), HPos::Center, 11.0)?;
        for tick in axis.ticks() {
            let x = axis.place(tick);
            let style = if tick == 1.0 { BLACK.stroke_width(1) } else { GRID.stroke_width(1) };
            area.draw(&PathElement::new([(x, TOP - 6), (x, height - BOTTOM)], style))?;
            label(&area, &short(tick), (x, height - BOTTOM + 12), HPos::Center, 12.0)?;
        }
        for (row, line) in lines.iter().enumerate() {
            let middle = TOP + ROW * i32::try_from(row)? + ROW / 2;
            bar(&area, &axis, line, middle)?;
        }
        area.present()?;
    }
    Ok(svg)
}

fn bar<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    axis: &Axis,
    line: &Line,
    middle: i32,
) -> Result<()>
where
    B::ErrorType: 'static,
{
    let colour = match line.met {
        Some(true) => MET,
        Some(false) => MISSED,
        None => UNASKED,
    };
    label(area, &line.name, (NAMES - 8, middle), HPos::Right, 12.0)?;
    let Some(ratio) = line.ratio else { return Ok(()) };
    let (one, end) = (axis.place(1.0), axis.place(ratio));
    let corners = [(one.min(end), middle - 6), (one.max(end).max(one.min(end) + 1), middle + 6)];
    area.draw(&Rectangle::new(corners, colour.filled()))?;
    if let (Some(least), Some(most)) = (line.ratio_min, line.ratio_max) {
        let (least, most) = (axis.place(least), axis.place(most));
        for path in [
            [(least, middle), (most, middle)],
            [(least, middle - 3), (least, middle + 3)],
            [(most, middle - 3), (most, middle + 3)],
        ] {
            area.draw(&PathElement::new(path, BLACK.stroke_width(1)))?;
        }
    }
    if let Some(goal) = line.goal {
        let x = axis.place(goal);
        area.draw(&PathElement::new([(x, middle - 10), (x, middle + 10)], GOAL.stroke_width(2)))?;
    }
    Ok(())
}

fn label<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    text: &str,
    at: (i32, i32),
    side: HPos,
    size: f64,
) -> Result<()>
where
    B::ErrorType: 'static,
{
    let style: TextStyle = ("sans-serif", size).into_font().into_text_style(area);
    let style = style.color(&BLACK).pos(Pos::new(side, VPos::Center));
    Ok(area.draw(&Text::new(text.to_owned(), at, style))?)
}

/// From which ratio to which, over the width that the names leave.
struct Axis {
    least: f64,
    most: f64,
}

impl Axis {
    fn over(lines: &[&Line]) -> Self {
        let values = lines.iter().flat_map(|line| {
            [line.ratio, line.ratio_min, line.ratio_max, line.goal].into_iter().flatten()
        });
        let values = values.filter(|value| value.is_finite() && *value > 0.0);
        let (least, most) = values
            .fold((0.5_f64, 2.0_f64), |(least, most), value| (least.min(value), most.max(value)));
        Self { least: least / 1.1, most: most * 1.1 }
    }

    fn place(&self, value: f64) -> i32 {
        let value = value.clamp(self.least, self.most);
        let share = (value / self.least).ln() / (self.most / self.least).ln();
        let width = f64::from(WIDTH) - f64::from(NAMES + RIGHT);
        #[expect(clippy::cast_possible_truncation, reason = "a place in the picture")]
        let place = (f64::from(NAMES) + share * width).round() as i32;
        place
    }

    fn ticks(&self) -> Vec<f64> {
        let decades = (-3..=4).map(|decade| 10_f64.powi(decade));
        let all = decades.flat_map(|decade| [decade, 2.0 * decade, 5.0 * decade]);
        all.filter(|tick| (self.least..=self.most).contains(tick)).collect()
    }
}

/// The lines of a curve, both axes logarithmic.
pub(crate) fn curve(title: &str, plot: &Plot, unit: &str) -> Result<String> {
    let points = || plot.lines.iter().flat_map(|line| &line.points).filter(|it| shown(it));
    let span = |of: fn(&(f64, f64)) -> f64| {
        let (least, most) =
            points().map(of).fold((f64::INFINITY, 0.0_f64), |(least, most), value| {
                (least.min(value), most.max(value))
            });
        if most > 0.0 { least / 1.5..most * 1.5 } else { 1.0..10.0 }
    };
    let (across, up) = (span(|point| point.0), span(|point| point.1));
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, 420)).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .caption(title, ("sans-serif", 18))
            .margin(16)
            .x_label_area_size(44)
            .y_label_area_size(72)
            .build_cartesian_2d(across.log_scale(), up.log_scale())?;
        chart
            .configure_mesh()
            .x_desc(plot.across.clone())
            .y_desc(format!("{}, {unit}", plot.up))
            .x_label_formatter(&|value| short(*value))
            .y_label_formatter(&|value| short(*value))
            .light_line_style(WHITE)
            .bold_line_style(GRID)
            .draw()?;
        for (line, colour) in plot.lines.iter().zip(LINES.into_iter().cycle()) {
            let points: Vec<(f64, f64)> = line.points.iter().copied().filter(shown).collect();
            chart
                .draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))?
                .label(line.name.clone())
                .legend(move |(x, y)| {
                    PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2))
                });
            chart.draw_series(points.into_iter().map(|at| Circle::new(at, 3, colour.filled())))?;
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE)
            .border_style(GRID)
            .draw()?;
        area.present()?;
    }
    Ok(svg)
}

/// What a logarithmic axis can show.
fn shown(point: &(f64, f64)) -> bool {
    let fits = |value: f64| value.is_finite() && value > 0.0;
    fits(point.0) && fits(point.1)
}
