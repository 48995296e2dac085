//! Keys and tags: a template whose placeholders are known to exist.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Index, LitStr};

use crate::grammar::template::{Piece, Place};
use crate::grammar::value::Template;
use crate::names;

/// A key or a tag of a method.
pub(crate) struct Key {
    /// For the documentation: a key as it will read, with placeholders (`largest:={limit}`); a tag as it was written.
    pub(crate) shown: String,
    /// The place of the template.
    pub(crate) span: Span,
    pub(crate) parts: Vec<Part>,
}

/// A part of a [`Key`].
pub(crate) enum Part {
    /// Fixed text; a `:` in it separates parts.
    Text(String),
    /// The value of an expression.
    Value(TokenStream),
}

impl Key {
    /// The key of a template whose placeholders all name one of `arguments`.
    pub(crate) fn new(template: &Template, arguments: &[Ident]) -> Self {
        Self::of(parts(&template.pieces), template, arguments)
    }

    /// The tag of a template: its text stays as it is.
    pub(crate) fn tag(template: &Template, arguments: &[Ident]) -> Self {
        let tag = Self::of(template.pieces.iter().cloned(), template, arguments);
        Self { shown: template.text.value(), ..tag }
    }

    fn of(pieces: impl Iterator<Item = Piece>, template: &Template, arguments: &[Ident]) -> Self {
        let mut shown = Vec::new();
        let parts = pieces
            .map(|piece| match piece {
                Piece::Text(text) => {
                    shown.push(text.clone());
                    Part::Text(text)
                }
                Piece::Value(place) => {
                    shown.push(format!("={{{place}}}"));
                    Part::Value(expression(&place, &template.text, arguments))
                }
            })
            .collect();
        Self { shown: shown.join(":"), span: template.text.span(), parts }
    }
}

/// The pieces as a key has them: values are parts of their own, so a `:` that only sets one off is dropped.
fn parts(pieces: &[Piece]) -> impl Iterator<Item = Piece> {
    pieces.iter().enumerate().filter_map(|(place, piece)| {
        let Piece::Text(text) = piece else {
            return Some(piece.clone());
        };
        let mut text = text.as_str();
        if place > 0 {
            text = text.strip_prefix(':').unwrap_or(text);
        }
        if place + 1 < pieces.len() {
            text = text.strip_suffix(':').unwrap_or(text);
        }
        (!text.is_empty()).then(|| Piece::Text(text.to_owned()))
    })
}

/// `filter.country`, where the template stands: a type that cannot be part of a key is reported there.
fn expression(place: &Place, template: &LitStr, arguments: &[Ident]) -> TokenStream {
    let span = template.span().resolved_at(Span::call_site());
    let argument = arguments.iter().find(|argument| names::plain(argument) == place.name);
    let mut name = argument.cloned().unwrap_or_else(|| names::ident(&place.name, span));
    name.set_span(span);
    let mut tokens = quote!(#name);
    for field in &place.fields {
        tokens.extend(match field.parse::<u32>() {
            Ok(index) => {
                let index = Index { index, span };
                quote_spanned!(span=> .#index)
            }
            Err(_) => {
                let field = names::ident(field, span);
                quote_spanned!(span=> .#field)
            }
        });
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::parts;
    use crate::grammar::template::{Piece, parse};

    fn read(template: &str) -> Vec<String> {
        let pieces = parse(template).expect(template);
        parts(&pieces)
            .map(|piece| match piece {
                Piece::Text(text) => format!("{text:?}"),
                Piece::Value(place) => place.to_string(),
            })
            .collect()
    }

    #[test]
    fn a_colon_that_sets_a_value_off_is_dropped() {
        assert_eq!(read("largest:{limit}"), ["\"largest\"", "limit"]);
        assert_eq!(read("a:{b}:{c}:d"), ["\"a\"", "b", "c", "\"d\""]);
        assert_eq!(read("{a}:{b}"), ["a", "b"]);
        assert_eq!(read("{a}-{b}"), ["a", "\"-\"", "b"]);
    }

    #[test]
    fn other_colons_stay() {
        assert_eq!(read("cities:largest"), ["\"cities:largest\""]);
        assert_eq!(read(":a:"), ["\":a:\""]);
        assert_eq!(read("a::{b}"), ["\"a:\"", "b"]);
    }
}
