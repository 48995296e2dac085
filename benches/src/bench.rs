//! What a row is given, and where its result goes.

use std::error::Error;
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use indicatif::{ProgressBar, ProgressStyle};

use crate::Result;
use crate::curve::Curve;
use crate::effort::Effort;
use crate::figures::Figure;
use crate::machine::Machine;
use crate::pair::Measured;
use crate::report::Line;
use crate::world::World;

/// Rows are gone through twice: first only to learn which there are, then to measure them.
pub(crate) struct Bench {
    effort: Effort,
    filter: String,
    /// How many rows meet the filter.
    asked_for: usize,
    names: Vec<String>,
    /// How many rows have been begun; nothing is measured while this is nowhere.
    begun: Option<usize>,
    bar: ProgressBar,
    world: Option<Arc<World>>,
    lines: Vec<Line>,
    failures: Vec<String>,
    /// In seconds since 1970.
    began: u64,
}

/// What a row may come to.
pub(crate) enum Row {
    Pair(Measured),
    Figure(Figure),
    Curve(Curve),
    /// Its name, and why it could not be measured here.
    Skipped(String, &'static str),
}

impl Bench {
    pub(crate) fn new(effort: Effort, filter: &str) -> Result<Self> {
        let bar = ProgressBar::new(0);
        let style = "{spinner} [{elapsed}] {pos} of {len}: {msg}";
        bar.set_style(ProgressStyle::with_template(style)?);
        Ok(Self {
            effort,
            filter: filter.to_owned(),
            asked_for: 0,
            names: Vec::new(),
            begun: None,
            bar,
            world: None,
            lines: Vec::new(),
            failures: Vec::new(),
            began: SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs(),
        })
    }

    /// Every row has been asked for once, and those that are wanted are to be measured from now on.
    pub(crate) fn begin(&mut self) -> Result<()> {
        if self.asked_for == 0 {
            return Err(format!("no row is named like \"{}\"", self.filter).into());
        }
        self.bar.set_length(self.names.len() as u64);
        self.bar.enable_steady_tick(Duration::from_millis(100));
        self.begun = Some(0);
        Ok(())
    }

    /// Whether this row is to be measured now. Ask this before anything that takes time: most of the times it is no.
    pub(crate) fn wants(&mut self, name: &str) -> bool {
        if !name.contains(&self.filter) {
            return false;
        }
        self.asked_for += 1;
        self.wants_always(name)
    }

    /// The same of a row that no filter leaves out.
    pub(crate) fn wants_always(&mut self, name: &str) -> bool {
        let Some(begun) = &mut self.begun else {
            self.names.push(name.to_owned());
            return false;
        };
        *begun += 1;
        self.bar.set_position(*begun as u64);
        self.bar.set_message(name.to_owned());
        if !std::io::stderr().is_terminal() {
            eprintln!("[{}] {begun} of {}: {name}", seconds(self.bar.elapsed()), self.names.len());
        }
        true
    }

    /// Says what is done before the row can be measured.
    pub(crate) fn note(&self, what: &'static str) {
        self.bar.set_message(what);
    }

    pub(crate) fn effort(&self) -> Effort {
        self.effort
    }

    /// The servers, and the users in the database; made when a row first asks for it.
    pub(crate) async fn world(&mut self) -> Result<Arc<World>> {
        if let Some(world) = &self.world {
            return Ok(Arc::clone(world));
        }
        self.note("starting the servers");
        let world = Arc::new(World::new().await?);
        self.world = Some(Arc::clone(&world));
        Ok(world)
    }

    /// The same, with every user in Redis for both sides.
    pub(crate) async fn filled(&mut self) -> Result<Arc<World>> {
        let world = self.world().await?;
        world.fill().await?;
        Ok(world)
    }

    pub(crate) async fn machine(&mut self) -> Result<Machine> {
        let world = self.world().await?;
        let (Effort { quick, rounds, .. }, began) = (self.effort, self.began);
        Ok(Machine {
            began,
            quick,
            rounds,
            ..Machine::ask(&world.pool, world.redis.clone()).await?
        })
    }

    pub(crate) fn add(&mut self, row: impl Into<Row>) {
        self.lines.push(Line::of(row.into()));
    }

    pub(crate) fn add_all(&mut self, rows: impl IntoIterator<Item = impl Into<Row>>) {
        rows.into_iter().for_each(|row| self.add(row));
    }

    /// Rows that another process has measured.
    pub(crate) fn add_lines(&mut self, lines: Vec<Line>) {
        self.lines.extend(lines);
    }

    /// A row could not be measured.
    pub(crate) fn failed(&mut self, error: &dyn Error) {
        self.failures.push(error.to_string());
    }

    /// What was measured, and what failed.
    pub(crate) fn finish(mut self) -> (Vec<Line>, Vec<String>) {
        self.bar.finish_and_clear();
        self.lines.iter_mut().for_each(|line| line.run = self.began);
        (self.lines, self.failures)
    }
}

/// So many callers, as the name of a row says it.
pub(crate) fn with(callers: usize) -> String {
    if callers == 1 { "1 caller".to_owned() } else { format!("{callers} callers") }
}

fn seconds(time: Duration) -> String {
    format!("{:>3} s", time.as_secs())
}

impl From<Measured> for Row {
    fn from(measured: Measured) -> Self {
        Self::Pair(measured)
    }
}

impl From<Figure> for Row {
    fn from(figure: Figure) -> Self {
        Self::Figure(figure)
    }
}

impl From<Curve> for Row {
    fn from(curve: Curve) -> Self {
        Self::Curve(curve)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_listed_first_and_measured_then() -> Result<()> {
        let mut bench = Bench::new(Effort::QUICK, "hit")?;
        assert!(!bench.wants("hit in Redis"), "so far it is only listed");
        assert!(!bench.wants("miss"));
        bench.begin()?;
        assert!(bench.wants("hit in Redis"));
        assert!(!bench.wants("miss"), "the filter leaves it out");
        Ok(())
    }

    #[test]
    fn a_filter_that_no_row_meets_is_an_error() -> Result<()> {
        let mut bench = Bench::new(Effort::QUICK, "hitt")?;
        assert!(!bench.wants("hit in Redis"));
        let told = bench.begin().err().map(|error| error.to_string());
        assert_eq!(told.as_deref(), Some("no row is named like \"hitt\""));
        Ok(())
    }
}
