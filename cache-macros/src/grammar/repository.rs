//! `#[cached_repository(…)]` on a struct.

use proc_macro2::{Ident, TokenStream};
use syn::parse::ParseStream;
use syn::{Path, Type, parenthesized, token};

use super::condition::{self, Listed};
use super::helpers::{self, Helper};
use super::options::{self, Name, Spec};
use super::rate_limit;
use super::session;
use super::terms::{self, Terms};
use super::value::{self, Template};
use crate::errors::Errors;

const OPTIONS: &[Spec] = &[
    Spec::once("entity", "entity = City"),
    Spec::once("ttl", "ttl = \"15m\""),
    Spec::once("negative_ttl", "negative_ttl = \"30s\""),
    terms::CODEC,
    terms::COMPRESSION,
    terms::LEVEL,
    terms::STALE_ON_ERROR,
    terms::SOFT_TIMEOUT,
    terms::REFRESH_AHEAD,
    terms::STALE_WHILE_REVALIDATE,
    terms::NO_STRATEGY,
    Spec::once("max_loads", "max_loads = 16"),
    Spec::once("unique", "unique(slug, (country, name))"),
    Spec::repeated("list", "list(country, (country, region))"),
    Spec::once("tags", "tags(\"cities\", \"country:{country}\")"),
    Spec::once("db", "db = pool"),
    Spec::once("cache", "cache = manager"),
    Spec::once("except", "except(insert, delete)"),
    helpers::SESSION,
    helpers::RATE_LIMIT,
    Spec::once("crate", "crate = some::path"),
];

/// What the attribute on the struct says.
#[derive(Default)]
pub(crate) struct Annotation {
    pub(crate) krate: Option<Path>,
    pub(crate) entity: Option<Type>,
    /// Whether there is an `entity = …`, be it readable or not.
    pub(crate) entity_is_given: bool,
    pub(crate) terms: Terms,
    pub(crate) max_loads: Option<u32>,
    pub(crate) unique: Vec<Columns>,
    pub(crate) list: Vec<Columns>,
    pub(crate) listed: Vec<Listed>,
    pub(crate) tags: Vec<Template>,
    pub(crate) db: Option<Ident>,
    pub(crate) cache: Option<Ident>,
    pub(crate) except: Vec<Ident>,
    pub(crate) helpers: Vec<Helper>,
    /// Whether there is one, be it readable or not.
    pub(crate) helper_is_given: bool,
    /// The options that were given and are of rows alone.
    pub(crate) of_rows: Vec<Ident>,
}

/// `slug` or `(country, name)`
#[derive(Clone)]
pub(crate) struct Columns(pub(crate) Vec<Ident>);

/// Reads the options of the attribute on the struct.
pub(crate) fn on_struct(arguments: TokenStream, errors: &mut Errors) -> Annotation {
    let mut annotation = Annotation::default();
    options::read(arguments, OPTIONS, errors, |name, input, errors| {
        let it = &mut annotation;
        let of_all = matches!(name.spec.name, "entity" | "cache" | "crate");
        if helpers::have(name.spec.name) {
            it.helper_is_given = true;
        } else if !of_all {
            it.of_rows.push(name.ident.clone());
        }
        match name.spec.name {
            "entity" => {
                it.entity_is_given = true;
                it.entity = Some(value::ty(&name, input)?);
            }
            term if Terms::have(term) => it.terms.read(&name, input)?,
            "max_loads" => it.max_loads = Some(max_loads(&name, input)?),
            "unique" => it.unique = columns(&name, input, errors)?,
            "list" => match listed(&name, input, errors)? {
                Some(listed) => it.listed.push(listed),
                None => it.list.extend(columns(&name, input, errors)?),
            },
            "tags" => it.tags = value::templates(&name, input, errors)?,
            "db" => it.db = Some(value::ident(&name, input)?),
            "cache" => it.cache = Some(value::ident(&name, input)?),
            "session" => {
                it.helpers.push(Helper::Session(session::session(&name, input, errors)?));
            }
            "rate_limit" => {
                it.helpers.push(Helper::RateLimit(rate_limit::rate_limit(&name, input, errors)?));
            }
            "except" => it.except = value::names(&name, input, errors)?,
            _ => it.krate = Some(value::path(&name, input)?),
        }
        Ok(())
    });
    annotation
}

/// Reads the options of the attribute on an `impl` block: the crate's path, if it is not the usual one.
pub(crate) fn on_impl(arguments: TokenStream, errors: &mut Errors) -> Option<Path> {
    let mut krate = None;
    options::read(arguments, OPTIONS, errors, |name, input, errors| {
        if name.spec.name == "crate" {
            krate = Some(value::path(&name, input)?);
        } else {
            let or_on_a_method = if Terms::have(name.spec.name) {
                ", or on one method, in its `#[cached(…)]`"
            } else {
                ""
            };
            errors.at(
                name.ident,
                format!(
                    "this belongs in the attribute on the struct{or_on_a_method}: on an `impl` block, write \
                     `#[cached_repository]` alone"
                ),
            );
            options::skip_to_comma(input);
        }
        Ok(())
    });
    krate
}

fn max_loads(name: &Name<'_>, input: ParseStream<'_>) -> syn::Result<u32> {
    let most = value::number(name, input)?;
    if most.value == 0 {
        return Err(syn::Error::new(
            most.span,
            "nothing could ever be loaded: write `max_loads = 1` for one load at a time, or leave it out for the manager's cap \
             alone",
        ));
    }
    Ok(most.value)
}

/// `list(name = big, where = "…")`; `None`, and nothing read, where the parentheses hold columns.
fn listed(
    name: &Name<'_>,
    input: ParseStream<'_>,
    errors: &mut Errors,
) -> syn::Result<Option<Listed>> {
    if !input.peek(token::Paren) {
        return Ok(None);
    }
    let ahead = input.fork();
    let content;
    parenthesized!(content in ahead);
    if !condition::follows(&content) {
        return Ok(None);
    }
    let content;
    parenthesized!(content in input);
    Ok(Some(condition::read(name.ident.span(), content.parse()?, errors)))
}

fn columns(
    name: &Name<'_>,
    input: ParseStream<'_>,
    errors: &mut Errors,
) -> syn::Result<Vec<Columns>> {
    let mut all = Vec::new();
    value::list(name, input, errors, |content, errors| {
        if content.peek(token::Paren) {
            let tuple;
            let paren = parenthesized!(tuple in content);
            let mut columns = Vec::new();
            while !tuple.is_empty() {
                columns.push(value::bare_name(&tuple, errors)?);
                if !tuple.is_empty() {
                    tuple.parse::<syn::Token![,]>()?;
                }
            }
            if columns.is_empty() {
                errors.at_span(
                    paren.span.join(),
                    "these parentheses are empty: name columns, such as `(country, name)`",
                );
            } else {
                all.push(Columns(columns));
            }
        } else {
            all.push(Columns(vec![value::bare_name(content, errors)?]));
        }
        Ok(())
    })?;
    Ok(all)
}
