//! How a step is measured and shown.

use std::future::Future;
use std::time::{Duration, Instant};

use cache_runtime::{CacheManager, Stats};
use comfy_table::{CellAlignment, ColumnConstraint, Table, Width, presets};

/// The widths that most cells of a column need, so that all tables look alike.
const COLUMNS: [Column; 4] = [
    Column::text("call", 34),
    Column::text("answer", 27),
    Column::text("from", 19),
    Column::number("time", 8),
];

/// A table of steps under a heading. Each row says what was called, what came back, where from and
/// how long it took.
pub(crate) struct Section<'c> {
    cache: &'c CacheManager,
    table: Table,
}

impl<'c> Section<'c> {
    pub(crate) fn new(cache: &'c CacheManager, title: &str, about: &str) -> Self {
        heading(title, about);
        Self { cache, table: table(&COLUMNS) }
    }

    /// A read: where it got its answer is what the counters say.
    pub(crate) async fn read<T>(
        &mut self,
        call: &str,
        read: impl Future<Output = sqlx::Result<T>>,
        answer: impl FnOnce(&T) -> String,
    ) -> sqlx::Result<T> {
        self.step(call, read, answer, origin).await
    }

    /// A write in a transaction of its own: what it made invalid.
    pub(crate) async fn write<T>(
        &mut self,
        call: &str,
        write: impl Future<Output = sqlx::Result<T>>,
        answer: impl FnOnce(&T) -> String,
    ) -> sqlx::Result<T> {
        self.step(call, write, answer, invalidated).await
    }

    /// A read or a write inside a transaction, which passes the cache over.
    pub(crate) async fn inside<T>(
        &mut self,
        call: &str,
        work: impl Future<Output = sqlx::Result<T>>,
        answer: impl FnOnce(&T) -> String,
    ) -> sqlx::Result<T> {
        let call = format!("  {call}");
        self.step(&call, work, answer, |_, _| "the transaction".to_owned()).await
    }

    /// The end of a transaction or savepoint.
    pub(crate) async fn ended(
        &mut self,
        call: &str,
        end: impl Future<Output = sqlx::Result<()>>,
    ) -> sqlx::Result<()> {
        self.step(call, end, |()| "done".to_owned(), |_, _| String::new()).await
    }

    async fn step<T>(
        &mut self,
        call: &str,
        work: impl Future<Output = sqlx::Result<T>>,
        answer: impl FnOnce(&T) -> String,
        from: impl FnOnce(&Stats, &Stats) -> String,
    ) -> sqlx::Result<T> {
        let before = self.cache.stats();
        let began = Instant::now();
        let value = work.await?;
        let took = began.elapsed();
        let from = from(&before, &self.cache.stats());
        self.row(call, &answer(&value), &from, &time(took));
        // Fills and releases run behind the caller's back. A tour waits for them, so that each step
        // finds the one before it done; a program has no need to.
        self.cache.drain().await;
        Ok(value)
    }

    pub(crate) fn row(&mut self, call: &str, answer: &str, from: &str, time: &str) {
        self.table.add_row([call, answer, from, time]);
    }

    pub(crate) fn end(self) {
        println!("{}", self.table);
    }
}

/// Where the reads between two looks at the counters got their answers.
fn origin(before: &Stats, after: &Stats) -> String {
    let near = after.tier_hits - before.tier_hits;
    let far = after.hits + after.negative_hits - before.hits - before.negative_hits;
    let (cached, missed) = (near + far, after.misses - before.misses);
    let queries = match after.loads - before.loads {
        1 => "1 query".to_owned(),
        more => format!("{more} queries"),
    };
    match (cached, missed) {
        (0, _) => format!("database, {queries}"),
        (_, 0) if far == 0 => "process".to_owned(),
        (_, 0) => "cache".to_owned(),
        _ => format!("{cached} cached, {queries}"),
    }
}

fn invalidated(before: &Stats, after: &Stats) -> String {
    match after.invalidations - before.invalidations {
        0 => "nothing invalidated".to_owned(),
        1 => "1 key invalidated".to_owned(),
        keys => format!("{keys} keys invalidated"),
    }
}

pub(crate) fn heading(title: &str, about: &str) {
    println!("\n{title}");
    for line in about.lines() {
        println!("  {line}");
    }
}

/// A column of a table, and how wide it is at least.
#[derive(Clone, Copy)]
pub(crate) struct Column<'n> {
    name: &'n str,
    width: u16,
    alignment: CellAlignment,
}

impl<'n> Column<'n> {
    pub(crate) const fn text(name: &'n str, width: u16) -> Self {
        let alignment = CellAlignment::Left;
        Self { name, width, alignment }
    }

    pub(crate) const fn number(name: &'n str, width: u16) -> Self {
        let alignment = CellAlignment::Right;
        Self { name, width, alignment }
    }
}

/// An empty table.
pub(crate) fn table(columns: &[Column<'_>]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_HORIZONTAL_ONLY)
        .set_header(columns.iter().map(|column| column.name));
    // Rules between rows make a table of one-line rows harder to read.
    table.style_mut().row_separator = Default::default();
    for (at, column) in table.column_iter_mut().zip(columns) {
        // The padding counts.
        at.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(column.width + 2)));
        at.set_cell_alignment(column.alignment);
    }
    table
}

/// Three figures and a unit.
pub(crate) fn time(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let (number, unit) = match seconds {
        _ if seconds >= 1.0 => (seconds, "s"),
        _ if seconds >= 1e-3 => (seconds * 1e3, "ms"),
        _ => (seconds * 1e6, "µs"),
    };
    let decimals = match number {
        _ if number >= 100.0 => 0,
        _ if number >= 10.0 => 1,
        _ => 2,
    };
    format!("{number:.decimals$} {unit}")
}

/// With a comma after each three digits.
pub(crate) fn count(number: impl Into<i128>) -> String {
    let number: i128 = number.into();
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "-" } else { "" });
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
