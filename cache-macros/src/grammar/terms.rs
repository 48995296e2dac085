//! The terms on which values are kept and read: the options that a struct and its methods share.

use syn::parse::ParseStream;
use syn::{LitStr, Token};

use super::duration;
use super::level::{self, Level};
use super::options::{self, Name, Spec};
use super::value::{self, At, Codec, Compression, form};

pub(crate) const CODEC: Spec = Spec::once("codec", "codec = \"json\"");
pub(crate) const COMPRESSION: Spec = Spec::once("compression", "compression = \"lz4\"");
pub(crate) const LEVEL: Spec = Spec::once("level", "level = \"500ms\"");
pub(crate) const STALE_ON_ERROR: Spec = Spec::once("stale_on_error", "stale_on_error = \"1h\"");
pub(crate) const REFRESH_AHEAD: Spec = Spec::once("refresh_ahead", "refresh_ahead = 1.0");
pub(crate) const STALE_WHILE_REVALIDATE: Spec =
    Spec::once("stale_while_revalidate", "stale_while_revalidate = \"30s\"");
pub(crate) const NO_STRATEGY: Spec = Spec::refused(
    "strategy",
    "strategies are options here: reads are read-through and writes go to the database first whatever is written; `refresh_ahead` \
     renews a value before its TTL is over, `stale_while_revalidate = \"30s\"` after it",
);
pub(crate) const SOFT_TIMEOUT: Spec = Spec::once("soft_timeout", "soft_timeout = \"100ms\"");

/// Above this nobody means what is written.
const LARGEST_BETA: f64 = 1000.0;

const SOFT_TIMEOUT_OF_ZERO: &str = "no time could mean that no load is waited for, or that every load is: write `soft_timeout = \"1ms\"` \
                                    for the first, `soft_timeout = \"1d\"` for the second";

/// What an annotation says; where it is silent, what is around it decides.
#[derive(Default)]
pub(crate) struct Terms {
    pub(crate) ttl: Option<At<u64>>,
    pub(crate) negative_ttl: Option<At<u64>>,
    pub(crate) codec: Option<Codec>,
    pub(crate) compression: Option<Compression>,
    pub(crate) level: Option<Level>,
    pub(crate) stale_on_error: Option<At<u64>>,
    pub(crate) soft_timeout: Option<At<u64>>,
    pub(crate) refresh_ahead: Option<f64>,
    pub(crate) stale_while_revalidate: Option<At<u64>>,
}

impl Terms {
    /// Whether an option is one of these.
    pub(crate) fn have(option: &str) -> bool {
        matches!(
            option,
            "ttl"
                | "negative_ttl"
                | "codec"
                | "compression"
                | "level"
                | "stale_on_error"
                | "soft_timeout"
                | "refresh_ahead"
                | "stale_while_revalidate"
        )
    }

    /// Reads the value of an option that is one of these.
    pub(crate) fn read(&mut self, name: &Name<'_>, input: ParseStream<'_>) -> syn::Result<()> {
        match name.spec.name {
            "ttl" => self.ttl = Some(ttl(name, input)?),
            "negative_ttl" => self.negative_ttl = Some(ttl(name, input)?),
            "codec" => self.codec = Some(value::codec(name, input)?),
            "compression" => self.compression = Some(value::compression(name, input)?),
            "level" => self.level = Some(level(name, input)?),
            "stale_on_error" => self.stale_on_error = Some(stale(name, input)?),
            "refresh_ahead" => self.refresh_ahead = Some(refresh_ahead(name, input)?),
            "stale_while_revalidate" => self.stale_while_revalidate = Some(stale(name, input)?),
            _ => self.soft_timeout = Some(soft_timeout(name, input)?),
        }
        Ok(())
    }
}

/// A time in milliseconds, at the name of its option.
fn time(name: &Name<'_>, text: &LitStr) -> syn::Result<At<u64>> {
    time_by(duration::parse, name, text)
}

fn time_by(
    parse: fn(&str) -> Result<u64, String>,
    name: &Name<'_>,
    text: &LitStr,
) -> syn::Result<At<u64>> {
    let value = parse(&text.value()).map_err(|message| syn::Error::new(text.span(), message))?;
    Ok(At { value, span: name.ident.span() })
}

fn ttl(name: &Name<'_>, input: ParseStream<'_>) -> syn::Result<At<u64>> {
    let text = value::string(name, input)?;
    if text.value().starts_with('-') {
        let message = format!(
            "a TTL cannot be negative: {}, or `{} = \"0s\"`, which stores nothing",
            form(name),
            name.spec.name
        );
        return Err(syn::Error::new(text.span(), message));
    }
    time_by(duration::parse_ttl, name, &text)
}

/// No time at all says that nothing expired is served, whatever is around.
fn stale(name: &Name<'_>, input: ParseStream<'_>) -> syn::Result<At<u64>> {
    time(name, &value::string(name, input)?)
}

/// By how many times the cost of its load; one where no number is given. Zero says never, whatever is around.
fn refresh_ahead(name: &Name<'_>, input: ParseStream<'_>) -> syn::Result<f64> {
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(1.0);
    }
    let At { value: beta, span } = value::decimal(name, input)?;
    if beta > LARGEST_BETA {
        return Err(syn::Error::new(
            span,
            format!(
                "by {LARGEST_BETA} times the cost of its load ahead a value would always be renewed: write `refresh_ahead = 1.0`, or a little more"
            ),
        ));
    }
    Ok(beta)
}

fn soft_timeout(name: &Name<'_>, input: ParseStream<'_>) -> syn::Result<At<u64>> {
    let text = value::string(name, input)?;
    match time(name, &text)? {
        At { value: 0, .. } => Err(syn::Error::new(text.span(), SOFT_TIMEOUT_OF_ZERO)),
        time => Ok(time),
    }
}

/// A level; one without quotes is a mistake that tells what was meant.
fn level(name: &Name<'_>, input: ParseStream<'_>) -> syn::Result<Level> {
    if input.peek(Token![=]) && !input.peek2(LitStr) {
        let ahead = input.fork();
        ahead.parse::<Token![=]>()?;
        let written = options::before_comma(&ahead);
        if let Some(meant) = level::meant(written.clone()) {
            let message = format!("`level` takes a string: write `level = \"{meant}\"`");
            return Err(syn::Error::new_spanned(written, message));
        }
    }
    let text = value::string(name, input)?;
    level::parse(&text.value()).map_err(|message| syn::Error::new(text.span(), message))
}
