//! TOML as a tree.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::tree::{Node, Origin, Value};
use crate::error::Result;

pub(super) fn parse(text: &str, origin: Origin<'_>) -> Result<Node> {
    let lines = Lines(text);
    match DeTable::parse(text) {
        Ok(root) => Ok(Node { line: 0, value: table(root.get_ref(), &lines) }),
        // Its own text would show the line, in which a password may stand.
        Err(error) => {
            let line = error.span().map_or(0, |span| lines.at(span.start));
            Err(origin.wrong(line, &format!("this is no TOML: {}", error.message())))
        }
    }
}

fn table(entries: &DeTable<'_>, lines: &Lines<'_>) -> Value {
    let node = |name: &Spanned<_>, value: &Spanned<DeValue<'_>>| Node {
        line: lines.at(name.span().start),
        value: self::value(value.get_ref(), lines),
    };
    let mut entries: Vec<_> = entries
        .iter()
        .map(|(name, value)| (name.get_ref().clone().into_owned(), node(name, value)))
        .collect();
    // As they were written: the first mistake is the one to tell.
    entries.sort_by_key(|(_, node)| node.line);
    Value::Table(entries)
}

fn value(value: &DeValue<'_>, lines: &Lines<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::Scalar(text.clone().into_owned()),
        DeValue::Integer(number) if number.radix() == 10 => {
            Value::Scalar(number.as_str().to_owned())
        }
        DeValue::Integer(_) => Value::Other("a number that is not decimal"),
        DeValue::Float(number) => Value::Scalar(number.as_str().to_owned()),
        DeValue::Boolean(flag) => Value::Scalar(flag.to_string()),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Array(_) => Value::Other("a list"),
        DeValue::Table(entries) => table(entries, lines),
    }
}

struct Lines<'a>(&'a str);

impl Lines<'_> {
    /// The line that the byte at this place is in, from one on.
    fn at(&self, place: usize) -> usize {
        let before = self.0.as_bytes().get(..place).unwrap_or(self.0.as_bytes());
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }
}
