//! Templates: fixed text with placeholders, `"country:{country}"`. `{{` and `}}` are braces.

use std::fmt;

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Fixed text, as it was written.
    Text(String),
    /// The value of an argument or a column, or of a field of it.
    Value(Place),
}

/// A name, and fields below it: `filter.country`, `pair.0`. Raw identifiers stand here without their `r#`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) name: String,
    pub(crate) fields: Vec<String>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.fields.iter().try_for_each(|field| write!(f, ".{field}"))
    }
}

/// The pieces of a template, texts and values as they follow each other.
pub(crate) fn parse(template: &str) -> Result<Vec<Piece>, String> {
    if template.is_empty() {
        return Err(
            "the template is empty: write fixed text and placeholders, such as \"largest:{limit}\""
                .to_owned(),
        );
    }
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(at);
        text.push_str(before);
        if let Some(after) = from.strip_prefix("{{") {
            text.push('{');
            rest = after;
        } else if let Some(after) = from.strip_prefix("}}") {
            text.push('}');
            rest = after;
        } else if let Some(after) = from.strip_prefix('{') {
            let Some((inside, after)) = after.split_once('}') else {
                return Err(format!(
                    "the `{{` before `{after}` is never closed: add a `}}`, or write `{{{{` for a brace"
                ));
            };
            if !text.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut text)));
            }
            pieces.push(Piece::Value(place(inside)?));
            rest = after;
        } else {
            return Err("this `}` closes nothing: write `}}` for a brace".to_owned());
        }
    }
    text.push_str(rest);
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    Ok(pieces)
}

fn place(inside: &str) -> Result<Place, String> {
    if inside.is_empty() {
        return Err(
            "the placeholder `{}` is empty: name what it stands for, such as `{id}`".to_owned()
        );
    }
    if inside.contains(':') {
        return Err(format!(
            "`{{{inside}}}`: a placeholder takes no format, only a name, such as `{{id}}`"
        ));
    }
    let mut names = inside.split('.').map(|name| name.strip_prefix("r#").unwrap_or(name));
    let name = names.next().unwrap_or_default();
    if name.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!(
            "`{{{inside}}}`: placeholders have names, not numbers, such as `{{id}}`"
        ));
    }
    let fields: Vec<&str> = names.collect();
    let index = |field: &str| !field.is_empty() && field.bytes().all(|byte| byte.is_ascii_digit());
    if !is_name(name) || !fields.iter().all(|field| is_name(field) || index(field)) {
        return Err(format!(
            "`{{{inside}}}` is not a name: write an argument, or a field of one, such as `{{filter.country}}`"
        ));
    }
    Ok(Place { name: name.to_owned(), fields: fields.into_iter().map(str::to_owned).collect() })
}

/// Whether `text` can be an identifier, perhaps a raw one.
fn is_name(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_alphanumeric() || letter == '_')
        && !matches!(text, "_" | "self" | "Self" | "super" | "crate")
}

#[cfg(test)]
mod tests {
    use super::{Piece, Place, parse};

    fn text(text: &str) -> Piece {
        Piece::Text(text.to_owned())
    }

    fn value(path: &str) -> Piece {
        let mut names = path.split('.').map(str::to_owned);
        Piece::Value(Place { name: names.next().unwrap_or_default(), fields: names.collect() })
    }

    #[test]
    fn templates_are_texts_and_values_in_turn() {
        assert_eq!(parse("largest"), Ok(vec![text("largest")]));
        assert_eq!(parse("largest:{limit}"), Ok(vec![text("largest:"), value("limit")]));
        assert_eq!(parse("{a}{b}"), Ok(vec![value("a"), value("b")]));
        assert_eq!(
            parse("{filter.country}:{pair.0}"),
            Ok(vec![value("filter.country"), text(":"), value("pair.0")])
        );
        assert_eq!(parse("{type} {r#match}"), Ok(vec![value("type"), text(" "), value("match")]));
    }

    #[test]
    fn doubled_braces_are_braces() {
        assert_eq!(parse("a{{b}}c"), Ok(vec![text("a{b}c")]));
        assert_eq!(parse("{{{id}}}"), Ok(vec![text("{"), value("id"), text("}")]));
    }

    #[test]
    fn broken_templates_are_refused_with_a_way_out() {
        for template in [
            "",
            "{",
            "}",
            "a{b",
            "a}b",
            "{}",
            "{0}",
            "{a:?}",
            "{a b}",
            "{a.}",
            "{.a}",
            "{_}",
            "{1a}",
            "{a-b}",
            "{self.db}",
        ] {
            assert!(parse(template).is_err(), "{template}");
        }
    }
}
