//! Models in, code out. Nothing here fails, and nothing here knows how the annotations were written.

pub(crate) mod columns;
mod condition;
pub(crate) mod docs;
pub(crate) mod entity;
pub(crate) mod helpers;
mod id;
pub(crate) mod methods;
pub(crate) mod operations;
mod rate_limit;
pub(crate) mod repository;
mod session;

use proc_macro2::{Group, Literal, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};

use crate::grammar::level::Level;
use crate::grammar::value::{Codec, Compression};
use crate::model::Crate;

/// The place of a token of the user's, for code that is not: an error about the code is shown there, and no lint or
/// suggestion takes it for the user's own.
fn place(span: Span) -> Span {
    span.resolved_at(Span::call_site())
}

/// The tokens, as if they had been written at this place.
fn moved(tokens: impl ToTokens, span: Span) -> TokenStream {
    let span = place(span);
    tokens
        .into_token_stream()
        .into_iter()
        .map(|mut token| {
            if let TokenTree::Group(group) = token {
                token = Group::new(group.delimiter(), moved(group.stream(), span)).into();
            }
            token.set_span(span);
            token
        })
        .collect()
}

/// `Some(Duration::from_millis(900000))`, or `None`.
fn duration(millis: Option<u64>) -> TokenStream {
    option(millis.map(duration_of))
}

fn duration_of(millis: u64) -> TokenStream {
    let millis = Literal::u64_unsuffixed(millis);
    quote!(::core::time::Duration::from_millis(#millis))
}

/// `1.5`
fn beta_of(beta: f64) -> TokenStream {
    let beta = Literal::f64_unsuffixed(beta);
    quote!(#beta)
}

/// `Some(Codec::Json)`, or `None`.
fn codec(krate: &Crate, codec: Option<Codec>) -> TokenStream {
    option(codec.map(|codec| codec_of(krate, codec)))
}

fn codec_of(krate: &Crate, codec: Codec) -> TokenStream {
    match codec {
        Codec::Postcard => quote!(#krate::Codec::Postcard),
        Codec::Json => quote!(#krate::Codec::Json),
        // Behind a feature: where that is off, the compiler names it.
        Codec::MessagePack => quote!(#krate::__private::features::MSGPACK),
    }
}

/// `Some(Compression::Lz4)`, or `None`.
fn compression(krate: &Crate, compression: Option<Compression>) -> TokenStream {
    option(compression.map(|compression| compression_of(krate, compression)))
}

fn compression_of(krate: &Crate, compression: Compression) -> TokenStream {
    match compression {
        Compression::None => quote!(#krate::Compression::None),
        Compression::Lz4 => quote!(#krate::Compression::Lz4),
        Compression::Zstd => quote!(#krate::__private::features::ZSTD),
    }
}

/// `Some(Level::Strong)`, or `None`.
fn level(krate: &Crate, level: Option<Level>) -> TokenStream {
    option(level.map(|level| level_of(krate, level)))
}

fn level_of(krate: &Crate, level: Level) -> TokenStream {
    match level {
        Level::Strong => quote!(#krate::Level::Strong),
        Level::Bounded(bound) => {
            let bound = duration_of(bound);
            quote!(#krate::Level::Bounded(#bound))
        }
        Level::Database => quote!(#krate::Level::Database),
    }
}

fn option(value: Option<TokenStream>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}

#[cfg(test)]
mod tests;
