//! The values that options take, each with the message for one that is written in another way.

use proc_macro2::{Ident, Span, TokenStream};
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned as _;
use syn::{Lit, LitInt, LitStr, Path, Token, Type, parenthesized, token};

use super::options::{Name, skip_to_comma};
use super::template;
use crate::errors::Errors;

/// A value, and where it was written.
#[derive(Clone, Debug)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

/// A template, as it was written and in pieces.
#[derive(Clone)]
pub(crate) struct Template {
    pub(crate) text: LitStr,
    pub(crate) pieces: Vec<template::Piece>,
}

/// How values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    Postcard,
    Json,
    MessagePack,
}

/// How values are made smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Lz4,
    Zstd,
}

pub(super) fn form(name: &Name<'_>) -> String {
    format!("write `{}`", name.spec.example)
}

fn takes(name: &Name<'_>, kind: &str) -> String {
    format!("`{}` takes {kind}: {}", name.spec.name, form(name))
}

fn equals(name: &Name<'_>, input: ParseStream<'_>) -> syn::Result<()> {
    if input.peek(Token![=]) {
        return input.parse::<Token![=]>().map(drop);
    }
    Err(syn::Error::new(
        name.ident.span(),
        format!("`{}` takes a value: {}", name.spec.name, form(name)),
    ))
}

/// What follows the `=`: anything but the end or the next option.
fn after_equals<T: Parse>(name: &Name<'_>, kind: &str, input: ParseStream<'_>) -> syn::Result<T> {
    equals(name, input)?;
    if input.is_empty() || input.peek(Token![,]) {
        return Err(syn::Error::new(
            name.ident.span(),
            format!("`{}` has no value: {}", name.spec.name, form(name)),
        ));
    }
    input.parse::<T>().map_err(|error| syn::Error::new(error.span(), takes(name, kind)))
}

/// `name`, without a value.
pub(crate) fn flag(name: &Name<'_>, input: ParseStream<'_>) -> syn::Result<()> {
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(());
    }
    Err(input.error(format!("`{}` takes no value: {}", name.spec.name, form(name))))
}

/// `name = "text"`
pub(crate) fn string(name: &Name<'_>, input: ParseStream<'_>) -> syn::Result<LitStr> {
    match after_equals(name, "a string", input)? {
        Lit::Str(text) => Ok(text),
        other => Err(syn::Error::new(other.span(), takes(name, "a string"))),
    }
}

/// `name = 2`
pub(crate) fn number(name: &Name<'_>, input: ParseStream<'_>) -> syn::Result<At<u32>> {
    let number: LitInt = after_equals(name, "a number", input)?;
    let span = number.span();
    if number.base10_digits().starts_with('-') {
        return Err(syn::Error::new(span, takes(name, "a number above zero")));
    }
    number
        .base10_parse()
        .map(|value| At { value, span })
        .map_err(|error| syn::Error::new(span, format!("{error}: {}", form(name))))
}

/// `name = 1.5`
pub(crate) fn decimal(name: &Name<'_>, input: ParseStream<'_>) -> syn::Result<At<f64>> {
    const KIND: &str = "a number, without quotes";
    let literal: Lit = after_equals(name, KIND, input)?;
    let span = literal.span();
    let parsed = match &literal {
        Lit::Int(number) => number.base10_parse::<f64>().ok(),
        Lit::Float(number) => number.base10_parse::<f64>().ok(),
        _ => None,
    };
    match parsed.filter(|value| value.is_finite() && *value >= 0.0) {
        Some(value) => Ok(At { value, span }),
        None => Err(syn::Error::new(span, takes(name, KIND))),
    }
}

/// `name = some_name`
pub(crate) fn ident(name: &Name<'_>, input: ParseStream<'_>) -> syn::Result<Ident> {
    after_equals(name, "a name, without quotes", input)
}

/// `name = some::Type`
pub(crate) fn ty(name: &Name<'_>, input: ParseStream<'_>) -> syn::Result<Type> {
    after_equals(name, "a type, without quotes", input)
}

/// `crate = some::path`
pub(crate) fn path(name: &Name<'_>, input: ParseStream<'_>) -> syn::Result<Path> {
    equals(name, input)?;
    input
        .call(Path::parse_mod_style)
        .map_err(|error| syn::Error::new(error.span(), takes(name, "a path, without quotes")))
}

/// `codec = "json"`
pub(crate) fn codec(name: &Name<'_>, input: ParseStream<'_>) -> syn::Result<Codec> {
    let text = string(name, input)?;
    match text.value().as_str() {
        "postcard" => Ok(Codec::Postcard),
        "json" => Ok(Codec::Json),
        "msgpack" => Ok(Codec::MessagePack),
        other => Err(syn::Error::new(
            text.span(),
            format!(
                "there is no codec `{other}`: write `codec = \"postcard\"` (compact and fast), `codec = \"json\"` (readable) or \
                 `codec = \"msgpack\"` (for any language)"
            ),
        )),
    }
}

/// `compression = "lz4"`
pub(crate) fn compression(name: &Name<'_>, input: ParseStream<'_>) -> syn::Result<Compression> {
    let text = string(name, input)?;
    match text.value().as_str() {
        "none" => Ok(Compression::None),
        "lz4" => Ok(Compression::Lz4),
        "zstd" => Ok(Compression::Zstd),
        other => Err(syn::Error::new(
            text.span(),
            format!(
                "there is no compression `{other}`: write `compression = \"lz4\"` (fast), `compression = \"zstd\"` (smaller) or \
                 `compression = \"none\"`"
            ),
        )),
    }
}

/// `key = "largest:{limit}"`
pub(crate) fn template(name: &Name<'_>, input: ParseStream<'_>) -> syn::Result<Template> {
    template_of(string(name, input)?)
}

fn template_of(text: LitStr) -> syn::Result<Template> {
    let pieces =
        template::parse(&text.value()).map_err(|message| syn::Error::new(text.span(), message))?;
    Ok(Template { text, pieces })
}

/// `tags("cities", "country:{country}")`
pub(crate) fn templates(
    name: &Name<'_>,
    input: ParseStream<'_>,
    errors: &mut Errors,
) -> syn::Result<Vec<Template>> {
    let mut templates: Vec<Template> = Vec::new();
    list(name, input, errors, |content, errors| {
        let text = content.parse::<LitStr>().map_err(|error| {
            syn::Error::new(error.span(), format!("expected a string: {}", form(name)))
        })?;
        if templates.iter().any(|other| other.text.value() == text.value()) {
            errors.at(&text, format!("`{}` is given twice: keep one of the two", text.value()));
        } else {
            templates.push(template_of(text)?);
        }
        Ok(())
    })?;
    Ok(templates)
}

/// `name(a, b)`
pub(crate) fn names(
    name: &Name<'_>,
    input: ParseStream<'_>,
    errors: &mut Errors,
) -> syn::Result<Vec<Ident>> {
    let mut names: Vec<Ident> = Vec::new();
    list(name, input, errors, |content, errors| {
        let one = bare_name(content, errors)?;
        if names.contains(&one) {
            errors.at(&one, format!("`{}` is given twice: keep one of the two", one.unraw()));
        } else {
            names.push(one);
        }
        Ok(())
    })?;
    Ok(names)
}

/// A name; one in quotes is a mistake, and is understood.
pub(crate) fn bare_name(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Ident> {
    if !input.peek(LitStr) {
        return input
            .call(Ident::parse_any)
            .map_err(|error| syn::Error::new(error.span(), "expected a name"));
    }
    let text: LitStr = input.parse()?;
    let plain = syn::parse_str::<Ident>(&text.value()).map(|mut name| {
        name.set_span(text.span());
        name
    });
    match plain {
        Ok(name) => {
            errors.at(&text, format!("write the name without quotes: `{name}`"));
            Ok(name)
        }
        Err(_) => Err(syn::Error::new(text.span(), "expected a name, without quotes")),
    }
}

/// What stands in the parentheses of `name(…)`, item by item; a mistake in one leaves the others standing.
pub(crate) fn list(
    name: &Name<'_>,
    input: ParseStream<'_>,
    errors: &mut Errors,
    mut item: impl FnMut(ParseStream<'_>, &mut Errors) -> syn::Result<()>,
) -> syn::Result<()> {
    if !input.peek(token::Paren) {
        return Err(syn::Error::new(
            name.ident.span(),
            format!("`{}` takes a list: {}", name.spec.name, form(name)),
        ));
    }
    let content;
    parenthesized!(content in input);
    if content.is_empty() {
        errors.at(
            name.ident,
            format!("`{}` lists nothing: {}, or leave it out", name.spec.name, form(name)),
        );
    }
    while !content.is_empty() {
        if let Err(error) = item(&content, errors) {
            errors.push(error);
            skip_to_comma(&content);
        } else if !content.is_empty() && !content.peek(Token![,]) {
            errors.push(content.error("expected a `,`"));
            skip_to_comma(&content);
        }
        content.parse::<Option<Token![,]>>()?;
    }
    Ok(())
}

/// The tokens of an attribute's parentheses; none for a bare `#[name]`.
pub(crate) fn arguments(attribute: &syn::Attribute) -> syn::Result<TokenStream> {
    match &attribute.meta {
        syn::Meta::Path(_) => Ok(TokenStream::new()),
        syn::Meta::List(list) => Ok(list.tokens.clone()),
        syn::Meta::NameValue(pair) => {
            let name = pair
                .path
                .segments
                .last()
                .map(|segment| segment.ident.to_string())
                .unwrap_or_default();
            Err(syn::Error::new(
                pair.eq_token.span(),
                format!("write `#[{name}(…)]`, with parentheses"),
            ))
        }
    }
}
