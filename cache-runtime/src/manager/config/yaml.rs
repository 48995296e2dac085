//! YAML as a tree. Scalars are kept as they were written: a password `0123` is no number.

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};

use super::tree::{Node, Origin, Value};
use crate::error::Result;

/// Tables within tables: no configuration is that deep, and no stack is endless.
const DEEPEST: usize = 64;

pub(super) fn parse(text: &str, origin: Origin<'_>) -> Result<Node> {
    let mut reading = Reading { events: Parser::new_from_str(text), origin };
    let mut root = None;
    while let Some((event, span)) = reading.next()? {
        match event {
            Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => {}
            _ if root.is_some() => {
                return Err(origin.wrong(span.start.line(), "a second document begins: keep one"));
            }
            event => root = Some(reading.node(event, span, 0)?),
        }
    }
    Ok(root.unwrap_or(Node { line: 0, value: Value::Nothing }))
}

struct Reading<'a, E> {
    events: E,
    origin: Origin<'a>,
}

impl<'t, E> Reading<'_, E>
where
    E: Iterator<Item = std::result::Result<(Event<'t>, Span), ScanError>>,
{
    fn next(&mut self) -> Result<Option<(Event<'t>, Span)>> {
        let origin = self.origin;
        self.events.next().transpose().map_err(|error| {
            origin.wrong(error.marker().line(), &format!("this is no YAML: {}", error.info()))
        })
    }

    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Node> {
        let line = span.start.line();
        if depth > DEEPEST {
            return Err(self.origin.wrong(line, "tables within tables, more than anybody reads"));
        }
        let value = match event {
            Event::Scalar(text, ScalarStyle::Plain, ..) if is_nothing(&text) => Value::Nothing,
            Event::Scalar(text, ..) => Value::Scalar(text.into_owned()),
            Event::MappingStart(..) => self.table(depth)?,
            Event::SequenceStart(..) => {
                while let Some((event, span)) = self.next()? {
                    if event == Event::SequenceEnd {
                        break;
                    }
                    self.node(event, span, depth + 1)?;
                }
                Value::Other("a list")
            }
            Event::Alias(_) => Value::Other("an alias"),
            _ => Value::Nothing,
        };
        Ok(Node { line, value })
    }

    fn table(&mut self, depth: usize) -> Result<Value> {
        let mut entries: Vec<(String, Node)> = Vec::new();
        while let Some((event, span)) = self.next()? {
            if event == Event::MappingEnd {
                break;
            }
            let name = self.node(event, span, depth + 1)?;
            let value = match self.next()? {
                Some((event, span)) => self.node(event, span, depth + 1)?,
                None => break,
            };
            let Value::Scalar(text) = name.value else {
                return Err(self.origin.wrong(name.line, "the name of an option is a text"));
            };
            if entries.iter().any(|(other, _)| *other == text) {
                return Err(self.origin.wrong(name.line, &format!("`{text}` is given twice")));
            }
            entries.push((text, Node { line: name.line, value: value.value }));
        }
        Ok(Value::Table(entries))
    }
}

/// The words for nothing of YAML's core schema.
fn is_nothing(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}
