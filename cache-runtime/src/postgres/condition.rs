//! Conditions over one row, which the program and Postgres have to agree on: one description, a row's answer by the
//! program, and the same in SQL.
//!
//! Both sides answer a question with two answers, [`When::may_hold`]: whether the row may meet the condition with some value of
//! each parameter. Of a condition without parameters this is what `WHERE` decides. `NULL` is where SQL has a third answer,
//! so "may be true" and "may be false" are asked for apart: of a comparison with `NULL` neither holds, `NOT` swaps them, and
//! `AND` may be false where any part may be.

use std::collections::BTreeSet;

use super::entity::{Column, Entity};
use super::watch::{literal, quote};
use crate::key::ScratchKey;

/// A condition over one row, as `list(name = …, where = "…")` says it.
#[derive(Clone, Copy, Debug)]
pub enum Test {
    /// A column is compared with a value or a parameter.
    Compare {
        /// The column, an index into [`Entity::COLUMNS`].
        column: usize,
        /// How.
        by: By,
        /// With what.
        to: Operand,
    },
    /// A column, an index into [`Entity::COLUMNS`], is `NULL`.
    IsNull(usize),
    /// It does not hold.
    Not(&'static Test),
    /// Each of them holds.
    All(&'static [Test]),
    /// One of them holds.
    Any(&'static [Test]),
}

/// How a [`Test`] compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// `=`
    Equal,
    /// `<>`
    Unequal,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// What a [`Test`] compares a column with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// A whole number.
    Number(i64),
    /// A text.
    Text(&'static str),
    /// `TRUE` or `FALSE`.
    Truth(bool),
    /// A parameter, by its place.
    Parameter(usize),
}

/// A column that a list is ordered by.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// The column, an index into [`Entity::COLUMNS`].
    pub column: usize,
    /// From the largest to the smallest.
    pub descending: bool,
    /// Where `NULL` comes; Postgres's default where not given: last, and first in a descending order.
    pub nulls_first: Option<bool>,
}

/// The order in SQL; the ids come behind it.
pub(crate) fn order_by(order: &[Order], columns: &[Column]) -> String {
    order
        .iter()
        .filter_map(|order| columns.get(order.column).map(|column| (order, quote(column.name))))
        .map(|(order, name)| {
            let direction = if order.descending { " DESC" } else { "" };
            let nulls = match order.nulls_first {
                Some(true) => " NULLS FIRST",
                Some(false) => " NULLS LAST",
                None => "",
            };
            format!("{name}{direction}{nulls}, ")
        })
        .collect()
}

/// What the values of one parameter lie between: from the first on, and below the second. Open where there is none.
pub(crate) type Between = (Option<i64>, Option<i64>);

/// A condition, and what is known of the values of its parameters.
#[derive(Clone, Copy, Debug)]
pub struct When {
    /// The condition.
    pub test: &'static Test,
    /// A parameter whose values lie between bounds.
    pub bucket: Option<(usize, Between)>,
}

impl By {
    fn sql(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::Unequal => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }

    /// What holds where this does not.
    fn opposite(self) -> Self {
        match self {
            Self::Equal => Self::Unequal,
            Self::Unequal => Self::Equal,
            Self::Less => Self::GreaterOrEqual,
            Self::LessOrEqual => Self::Greater,
            Self::Greater => Self::LessOrEqual,
            Self::GreaterOrEqual => Self::Less,
        }
    }

    fn holds<T: Ord>(self, one: &T, other: &T) -> bool {
        match self {
            Self::Equal => one == other,
            Self::Unequal => one != other,
            Self::Less => one < other,
            Self::LessOrEqual => one <= other,
            Self::Greater => one > other,
            Self::GreaterOrEqual => one >= other,
        }
    }

    /// The comparison that holds for some value of the parameter between the bounds; `None` where any column that is not
    /// `NULL` has one. Bounds are whole numbers, and so is every value between them.
    fn within(self, (from, below): Between) -> Option<Vec<(Self, i64)>> {
        // The largest value below a bound.
        let last = below.and_then(|below| below.checked_sub(1));
        match self {
            Self::Less | Self::LessOrEqual => last.map(|last| vec![(self, last)]),
            Self::Greater | Self::GreaterOrEqual => from.map(|from| vec![(self, from)]),
            Self::Equal => {
                let from = from.map(|from| (Self::GreaterOrEqual, from));
                let last = last.map(|last| (Self::LessOrEqual, last));
                let both: Vec<_> = from.into_iter().chain(last).collect();
                (!both.is_empty()).then_some(both)
            }
            Self::Unequal => None,
        }
    }
}

impl Test {
    /// The condition in SQL, as the statement of its list has it. Parameter number 0 is `$1`.
    #[must_use]
    pub fn sql(&self, columns: &[Column]) -> String {
        let name =
            |column: &usize| columns.get(*column).map_or_else(String::new, |it| quote(it.name));
        let several = |tests: &[Self], by: &str, none: &str| match tests {
            [] => none.to_owned(),
            tests => {
                let all: Vec<String> = tests.iter().map(|test| test.sql(columns)).collect();
                format!("({})", all.join(by))
            }
        };
        match self {
            Self::Compare { column, by, to } => {
                format!("{} {} {}", name(column), by.sql(), to.sql())
            }
            Self::IsNull(column) => format!("{} IS NULL", name(column)),
            Self::Not(test) => format!("NOT ({})", test.sql(columns)),
            Self::All(tests) => several(tests, " AND ", "TRUE"),
            Self::Any(tests) => several(tests, " OR ", "FALSE"),
        }
    }

    /// Every comparison, from left to right.
    pub(crate) fn comparisons(&self) -> Vec<(usize, By, Operand)> {
        match self {
            Self::Compare { column, by, to } => vec![(*column, *by, *to)],
            Self::IsNull(_) => Vec::new(),
            Self::Not(test) => test.comparisons(),
            Self::All(tests) | Self::Any(tests) => {
                tests.iter().flat_map(Self::comparisons).collect()
            }
        }
    }

    /// The columns that are compared with values.
    pub(crate) fn compared(&self) -> BTreeSet<usize> {
        let all = self.comparisons().into_iter();
        all.filter(|(.., to)| !matches!(to, Operand::Parameter(_)))
            .map(|(column, ..)| column)
            .collect()
    }

    /// The parameters whose values follow from a row that meets the condition, each with its column: it is equal to the
    /// column in any case, and stands nowhere else.
    pub(crate) fn pinned(&self) -> Vec<(usize, usize)> {
        let conjuncts = match self {
            Self::All(tests) => tests,
            one => std::slice::from_ref(one),
        };
        let all = self.comparisons();
        let once = |parameter: usize| {
            all.iter().filter(|(.., to)| *to == Operand::Parameter(parameter)).count() == 1
        };
        conjuncts
            .iter()
            .filter_map(|test| match test {
                Self::Compare { column, by: By::Equal, to: Operand::Parameter(parameter) }
                    if once(*parameter) =>
                {
                    Some((*parameter, *column))
                }
                _ => None,
            })
            .collect()
    }
}

impl Operand {
    fn sql(self) -> String {
        match self {
            // In parentheses, because a minus might join the operator before it.
            Self::Number(number) => format!("({number})"),
            // Of this type, whatever the column's: `name` would cut it off.
            Self::Text(text) => format!("{}::text", literal(text)),
            Self::Truth(true) => "TRUE".to_owned(),
            Self::Truth(false) => "FALSE".to_owned(),
            Self::Parameter(parameter) => format!("${}", parameter + 1),
        }
    }
}

impl When {
    /// Whether this row may meet the condition, with some value of each parameter that is possible.
    #[must_use]
    pub fn may_hold<E: Entity>(&self, row: &E) -> bool {
        self.may(self.test, row, true)
    }

    /// The same in SQL, of the row that is called `of`; never `NULL`.
    #[must_use]
    pub fn sql(&self, columns: &[Column], of: &str) -> String {
        self.may_sql(self.test, columns, of, true)
    }

    fn may<E: Entity>(&self, test: &Test, row: &E, be: bool) -> bool {
        match test {
            Test::Compare { column, by, to } => {
                let Some(value) = text_of(|key| row.write_key(*column, key)) else { return false };
                let by = if be { *by } else { by.opposite() };
                let number = |to: i64| match value.as_deref().map(str::parse::<i64>) {
                    Some(Ok(value)) => by_number(by, value, to),
                    // Nobody knows: so it may.
                    _ => true,
                };
                match to {
                    Operand::Number(to) => number(*to),
                    Operand::Text(to) => by_text(by, value.as_deref(), to),
                    Operand::Truth(to) => by_text(by, value.as_deref(), to),
                    Operand::Parameter(parameter) => match self.bounds(*parameter, by) {
                        None => true,
                        Some(bounds) => bounds.into_iter().all(|(by, bound)| {
                            match value.as_deref().map(str::parse::<i64>) {
                                Some(Ok(value)) => by_number(by, value, bound),
                                _ => true,
                            }
                        }),
                    },
                }
            }
            Test::IsNull(column) => {
                let is_null = text_of(|key| row.write_key(*column, key)).is_none();
                is_null == be
            }
            Test::Not(test) => self.may(test, row, !be),
            Test::All(tests) if be => tests.iter().all(|test| self.may(test, row, be)),
            Test::All(tests) => tests.iter().any(|test| self.may(test, row, be)),
            Test::Any(tests) if be => tests.iter().any(|test| self.may(test, row, be)),
            Test::Any(tests) => tests.iter().all(|test| self.may(test, row, be)),
        }
    }

    fn may_sql(&self, test: &Test, columns: &[Column], of: &str, be: bool) -> String {
        let name = |column: &usize| {
            let name = columns.get(*column).map_or_else(String::new, |column| quote(column.name));
            format!("{of}.{name}")
        };
        let several = |tests: &[Test], all: bool| {
            let (by, none) = if all { (" AND ", "TRUE") } else { (" OR ", "FALSE") };
            let parts: Vec<String> =
                tests.iter().map(|test| self.may_sql(test, columns, of, be)).collect();
            if parts.is_empty() { none.to_owned() } else { format!("({})", parts.join(by)) }
        };
        match test {
            Test::Compare { column, by, to } => {
                let by = if be { *by } else { by.opposite() };
                let compared =
                    |by: By, to: &str| format!("({} {} {to}) IS TRUE", name(column), by.sql());
                let there = || format!("{} IS NOT NULL", name(column));
                match to {
                    Operand::Parameter(parameter) => match self.bounds(*parameter, by) {
                        None => there(),
                        Some(bounds) => {
                            let parts: Vec<String> = bounds
                                .into_iter()
                                .map(|(by, bound)| compared(by, &Operand::Number(bound).sql()))
                                .collect();
                            format!("({})", parts.join(" AND "))
                        }
                    },
                    value => compared(by, &value.sql()),
                }
            }
            Test::IsNull(column) if be => format!("{} IS NULL", name(column)),
            Test::IsNull(column) => format!("{} IS NOT NULL", name(column)),
            Test::Not(test) => self.may_sql(test, columns, of, !be),
            Test::All(tests) => several(tests, be),
            Test::Any(tests) => several(tests, !be),
        }
    }

    /// What a column is compared with in place of the parameter; `None` for any value.
    fn bounds(&self, parameter: usize, by: By) -> Option<Vec<(By, i64)>> {
        let (_, between) = self.bucket.filter(|(bucketed, _)| *bucketed == parameter)?;
        by.within(between)
    }
}

fn by_number(by: By, value: i64, to: i64) -> bool {
    by.holds(&value, &to)
}

/// As keys have them: two values are equal where their texts are.
fn by_text(by: By, value: Option<&str>, to: &(impl serde::Serialize + ?Sized)) -> bool {
    let to = text_of(|key| {
        key.push_value(to);
        true
    });
    match (value, to.flatten()) {
        (Some(value), Some(to)) => by.holds(&value, &&*to),
        // Nobody knows: so it may.
        _ => true,
    }
}

/// A value as a part of a key; `None` for `NULL`, and `Some(None)` where it refused to be written.
fn text_of(write: impl FnOnce(&mut crate::key::KeyBuilder) -> bool) -> Option<Option<String>> {
    let mut key = ScratchKey::begin("");
    if !write(key.builder()) {
        return None;
    }
    Some(key.text().and_then(|text| text.strip_prefix(":=")).map(str::to_owned))
}

/// What a condition compares with values of its own: types whose values the program and Postgres tell apart, and order, in
/// the same way.
pub mod compared {
    /// A column that a condition compares with a number, or by order.
    #[diagnostic::on_unimplemented(
        message = "a condition cannot compare `{Self}` with a number, nor by order",
        label = "this condition compares it",
        note = "numbers and order are for `i16`, `i32` and `i64`: the order of texts depends on the database's collation, and \
                floating point, decimals and times are not compared by the program as by Postgres. By `=` with a \
                `$parameter` that every row of the list is equal to, a column of any type can be compared"
    )]
    pub trait WholeNumber {}
    impl WholeNumber for i16 {}
    impl WholeNumber for i32 {}
    impl WholeNumber for i64 {}

    /// A column that a condition compares with a text.
    #[diagnostic::on_unimplemented(
        message = "a condition cannot compare `{Self}` with a text",
        label = "this condition compares it",
        note = "texts are for `String`; a type of your own may be called otherwise in the program than in the database, so \
                compare it with a `$parameter`"
    )]
    pub trait Text {}
    impl Text for str {}

    /// A column that a condition compares with a truth value.
    #[diagnostic::on_unimplemented(
        message = "a condition cannot compare `{Self}` with `TRUE` or `FALSE`",
        label = "this condition compares it",
        note = "truth values are for `bool`"
    )]
    pub trait Truth {}
    impl Truth for bool {}

    /// Compiles for a number.
    pub const fn number<T: WholeNumber + ?Sized>() {}
    /// Compiles for a text.
    pub const fn text<T: Text + ?Sized>() {}
    /// Compiles for a truth value.
    pub const fn truth<T: Truth + ?Sized>() {}
}
