//! The lines of a CSV file, field by field, with errors that say where.

use std::io::Read;

use csv::{Reader, StringRecord};

use crate::error::{Error, Table};

/// A CSV file whose first line names its columns, in any order.
pub(crate) struct Rows<R> {
    table: Table,
    columns: &'static [&'static str],
    places: Vec<usize>,
    reader: Reader<R>,
    record: StringRecord,
    /// How many rows were read.
    pub(crate) read: u64,
}

impl<R: Read> Rows<R> {
    pub(crate) fn open(
        table: Table,
        file: R,
        columns: &'static [&'static str],
    ) -> Result<Self, Error> {
        let mut reader = Reader::from_reader(file);
        let headers = reader.headers().map_err(|source| unreadable(table, source))?;
        let places = columns
            .iter()
            .map(|&column| {
                let place = headers.iter().position(|header| header == column);
                place.ok_or(Error::Column { table, column })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { table, columns, places, reader, record: StringRecord::new(), read: 0 })
    }

    pub(crate) fn next(&mut self) -> Result<Option<Row<'_>>, Error> {
        let table = self.table;
        let found = self.reader.read_record(&mut self.record);
        if !found.map_err(|source| unreadable(table, source))? {
            return Ok(None);
        }
        self.read += 1;
        let (columns, places, record) = (self.columns, &self.places, &self.record);
        Ok(Some(Row { table, columns, places, record }))
    }
}

/// One line; fields are asked for by their place in the list of columns.
pub(crate) struct Row<'a> {
    table: Table,
    columns: &'static [&'static str],
    places: &'a [usize],
    record: &'a StringRecord,
}

impl Row<'_> {
    pub(crate) fn text(&self, column: usize) -> Result<String, Error> {
        self.optional(column).ok_or_else(|| self.wrong(column, "a text"))
    }

    /// An empty field is none.
    pub(crate) fn optional(&self, column: usize) -> Option<String> {
        let value = self.value(column);
        (!value.is_empty()).then(|| value.to_owned())
    }

    pub(crate) fn number<N: Number>(&self, column: usize) -> Result<N, Error> {
        N::parse(self.value(column)).ok_or_else(|| self.wrong(column, N::EXPECTED))
    }

    pub(crate) fn wrong(&self, column: usize, expected: &'static str) -> Error {
        Error::Field {
            table: self.table,
            line: self.record.position().map_or(0, csv::Position::line),
            column: self.columns.get(column).copied().unwrap_or_default(),
            value: self.value(column).to_owned(),
            expected,
        }
    }

    fn value(&self, column: usize) -> &str {
        let place = self.places.get(column);
        place.and_then(|&place| self.record.get(place)).unwrap_or_default()
    }
}

/// What a field of digits can be.
pub(crate) trait Number: Sized {
    const EXPECTED: &'static str;

    fn parse(value: &str) -> Option<Self>;
}

impl Number for i64 {
    const EXPECTED: &'static str = "a whole number";

    fn parse(value: &str) -> Option<Self> {
        value.parse().ok()
    }
}

impl Number for f64 {
    const EXPECTED: &'static str = "a number";

    fn parse(value: &str) -> Option<Self> {
        value.parse().ok().filter(|number: &f64| number.is_finite())
    }
}

fn unreadable(table: Table, source: csv::Error) -> Error {
    let line = source.position().map(csv::Position::line);
    Error::Read { table, line, source }
}
