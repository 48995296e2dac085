//! What can go wrong with a load, and where.

use std::fmt;

/// One of the two tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// `countries`, loaded first.
    Countries,
    /// `cities`, which refer to them.
    Cities,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Countries => "countries",
            Self::Cities => "cities",
        })
    }
}

/// Why a load failed. Nothing of it is in the tables then.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A file can't be read, is no CSV, or is no gzip.
    Read {
        /// Whose file.
        table: Table,
        /// The line it happened on, where that is known.
        line: Option<u64>,
        /// The cause.
        source: csv::Error,
    },
    /// The first line of a file lacks a column.
    Column {
        /// Whose file.
        table: Table,
        /// The column.
        column: &'static str,
    },
    /// A field has no place in its column.
    Field {
        /// Whose file.
        table: Table,
        /// The line of the file, counted from 1, the names of the columns being line 1.
        line: u64,
        /// The column.
        column: &'static str,
        /// What stands there.
        value: String,
        /// What should.
        expected: &'static str,
    },
    /// The database refused.
    Database(sqlx::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { table, line: Some(line), .. } => {
                write!(f, "the file of {table} can't be read at line {line}")
            }
            Self::Read { table, .. } => write!(f, "the file of {table} can't be read"),
            Self::Column { table, column } => {
                write!(f, "the first line of the file of {table} has no column `{column}`")
            }
            Self::Field { table, line, column, value, expected } => {
                write!(f, "{table}, line {line}: `{column}` is {value:?}, expected {expected}")
            }
            Self::Database(_) => f.write_str("the database refused the rows"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read { source, .. } => Some(source),
            Self::Database(source) => Some(source),
            Self::Column { .. } | Self::Field { .. } => None,
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}
