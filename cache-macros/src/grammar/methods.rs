//! `#[cached(…)]`, `#[cache_put(…)]` and `#[invalidates(…)]` on a method.

use proc_macro2::{Ident, TokenStream};
use syn::parse::ParseStream;
use syn::{LitStr, Token};

use super::options::{self, Name, Spec};
use super::value::{self, At, Codec, Template};
use crate::errors::Errors;

const CACHED: &[Spec] = &[
    Spec::once("key", "key = \"largest:{limit}\""),
    Spec::once("ttl", "ttl = \"1m\""),
    Spec::once("negative_ttl", "negative_ttl = \"10s\""),
    Spec::once("codec", "codec = \"json\""),
    Spec::once("tags", "tags(\"cities\", \"country:{country}\")"),
    Spec::once("skip", "skip(argument)"),
];

const INVALIDATES: &[Spec] = &[
    Spec::repeated("id", "id = \"argument\""),
    Spec::repeated("key", "key = \"largest:{limit}\""),
    Spec::once("tags", "tags(\"cities\", \"country:{country}\")"),
];

/// What `#[cached]` or `#[cache_put]` says.
#[derive(Default)]
pub(crate) struct Cached {
    pub(crate) key: Option<Template>,
    /// Whether there is a `key = …`, be it readable or not.
    pub(crate) key_is_given: bool,
    pub(crate) ttl: Option<At<u64>>,
    pub(crate) negative_ttl: Option<At<u64>>,
    pub(crate) codec: Option<Codec>,
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

/// Reads the options of `#[cached]` and `#[cache_put]`.
pub(crate) fn cached(arguments: TokenStream, errors: &mut Errors) -> Cached {
    let mut cached = Cached::default();
    options::read(arguments, CACHED, errors, |name, input, errors| {
        let it = &mut cached;
        match name.spec.name {
            "key" => {
                it.key_is_given = true;
                it.key = Some(value::template(&name, input)?);
            }
            "ttl" => it.ttl = Some(value::time(&name, input)?),
            "negative_ttl" => it.negative_ttl = Some(value::time(&name, input)?),
            "codec" => it.codec = Some(value::codec(&name, input)?),
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
