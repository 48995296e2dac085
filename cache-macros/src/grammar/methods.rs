//! `#[cached(…)]`, `#[cache_put(…)]` and `#[invalidates(…)]` on a method.

use proc_macro2::{Ident, TokenStream};
use syn::parse::ParseStream;
use syn::{LitStr, Token};

use super::options::{self, Name, Spec};
use super::terms::{self, Terms};
use super::value::{self, Template};
use crate::errors::Errors;

const KEY: Spec = Spec::once("key", "key = \"largest:{limit}\"");
const TTL: Spec = Spec::once("ttl", "ttl = \"1m\"");
const NEGATIVE_TTL: Spec = Spec::once("negative_ttl", "negative_ttl = \"10s\"");
const TAGS: Spec = Spec::once("tags", "tags(\"cities\", \"country:{country}\")");
const SKIP: Spec = Spec::once("skip", "skip(argument)");

const NO_MAX_LOADS: Spec = Spec::refused(
    "max_loads",
    "`max_loads` is for all loads of a repository together: put it in the attribute on the struct",
);

const CACHED: &[Spec] = &[
    KEY,
    TTL,
    NEGATIVE_TTL,
    terms::CODEC,
    terms::COMPRESSION,
    terms::LEVEL,
    terms::STALE_ON_ERROR,
    terms::REFRESH_AHEAD,
    terms::STALE_WHILE_REVALIDATE,
    terms::NO_STRATEGY,
    Spec::refused(
        "soft_timeout",
        "a method's body borrows its arguments, so it cannot go on when its caller has been answered: put `soft_timeout` in \
         the attribute on the struct, where it is for rows and look-ups",
    ),
    TAGS,
    SKIP,
    NO_MAX_LOADS,
];

const PUT: &[Spec] = &[
    KEY,
    TTL,
    NEGATIVE_TTL,
    terms::CODEC,
    terms::COMPRESSION,
    TAGS,
    SKIP,
    Spec::refused(
        "level",
        "`#[cache_put]` always runs its body, whose answer is never an older one: put `level` on the `#[cached]` method \
         with this key",
    ),
    Spec::refused(
        "stale_on_error",
        "`#[cache_put]` fails where its body fails: put `stale_on_error` on the `#[cached]` method with this key",
    ),
    Spec::refused(
        "soft_timeout",
        "`#[cache_put]` always waits for its body: put `soft_timeout` on the `#[cached]` method with this key",
    ),
    Spec::refused(
        "refresh_ahead",
        "`#[cache_put]` always runs its body: put `refresh_ahead` on the `#[cached]` method with this key",
    ),
    Spec::refused(
        "stale_while_revalidate",
        "`#[cache_put]` always runs its body: put `stale_while_revalidate` on the `#[cached]` method with this key",
    ),
    NO_MAX_LOADS,
];

/// Where the terms of reading belong: what invalidates reads nothing.
macro_rules! not_read {
    ($name:literal) => {
        Spec::refused(
            $name,
            concat!(
                "`#[invalidates]` answers nothing from the cache: put `",
                $name,
                "` on the `#[cached]` method, or in the attribute on the struct"
            ),
        )
    };
}

const INVALIDATES: &[Spec] = &[
    Spec::repeated("id", "id = \"argument\""),
    Spec::repeated("key", "key = \"largest:{limit}\""),
    TAGS,
    not_read!("ttl"),
    not_read!("negative_ttl"),
    not_read!("codec"),
    not_read!("compression"),
    not_read!("level"),
    not_read!("stale_on_error"),
    not_read!("soft_timeout"),
    not_read!("refresh_ahead"),
    not_read!("stale_while_revalidate"),
    NO_MAX_LOADS,
];

/// What `#[cached]` or `#[cache_put]` says.
#[derive(Default)]
pub(crate) struct Cached {
    pub(crate) key: Option<Template>,
    /// Whether there is a `key = …`, be it readable or not.
    pub(crate) key_is_given: bool,
    pub(crate) terms: Terms,
    pub(crate) tags: Vec<Template>,
    pub(crate) skip: Vec<Ident>,
}

/// What `#[invalidates]` says.
#[derive(Default)]
pub(crate) struct Invalidates {
    pub(crate) ids: Vec<Id>,
    pub(crate) keys: Vec<Template>,
    pub(crate) tags: Vec<Template>,
}

/// An argument with ids.
pub(crate) struct Id {
    /// The argument, as an identifier at the place where it was named.
    pub(crate) argument: Ident,
    /// Whether it was named, or is the `id` that a bare `id` means.
    pub(crate) named: bool,
}

/// Reads the options of `#[cached]`.
pub(crate) fn cached(arguments: TokenStream, errors: &mut Errors) -> Cached {
    call(arguments, CACHED, errors)
}

/// Reads the options of `#[cache_put]`.
pub(crate) fn put(arguments: TokenStream, errors: &mut Errors) -> Cached {
    call(arguments, PUT, errors)
}

fn call(arguments: TokenStream, specs: &'static [Spec], errors: &mut Errors) -> Cached {
    let mut cached = Cached::default();
    options::read(arguments, specs, errors, |name, input, errors| {
        let it = &mut cached;
        match name.spec.name {
            "key" => {
                it.key_is_given = true;
                it.key = Some(value::template(&name, input)?);
            }
            term if Terms::have(term) => it.terms.read(&name, input)?,
            "tags" => it.tags = value::templates(&name, input, errors)?,
            _ => it.skip = value::names(&name, input, errors)?,
        }
        Ok(())
    });
    cached
}

/// Reads the options of `#[invalidates]`.
pub(crate) fn invalidates(arguments: TokenStream, errors: &mut Errors) -> Invalidates {
    let mut invalidates = Invalidates::default();
    options::read(arguments, INVALIDATES, errors, |name, input, errors| {
        let it = &mut invalidates;
        match name.spec.name {
            "id" => it.ids.push(id(&name, input)?),
            "key" => it.keys.push(value::template(&name, input)?),
            _ => it.tags = value::templates(&name, input, errors)?,
        }
        Ok(())
    });
    invalidates
}

/// `id`, `id = "argument"` or `id = argument`
fn id(name: &Name<'_>, input: ParseStream<'_>) -> syn::Result<Id> {
    if !input.peek(Token![=]) {
        value::flag(name, input)?;
        return Ok(Id { argument: Ident::new("id", name.ident.span()), named: false });
    }
    if !input.peek2(LitStr) {
        return Ok(Id { argument: value::ident(name, input)?, named: true });
    }
    let text = value::string(name, input)?;
    let mut argument = syn::parse_str::<Ident>(&text.value()).map_err(|_| {
        syn::Error::new(
            text.span(),
            format!(
                "`{}` is not the name of an argument: write `{}`",
                text.value(),
                name.spec.example
            ),
        )
    })?;
    argument.set_span(text.span());
    Ok(Id { argument, named: true })
}
