//! `rate_limit(…)` on a struct.

use proc_macro2::{Ident, Span, TokenStream};
use syn::parse::ParseStream;
use syn::{LitStr, parenthesized, token};

use super::duration;
use super::options::{self, Name, Spec};
use super::value::{self, At, form};
use crate::errors::Errors;
use crate::suggest;

const OPTIONS: &[Spec] = &[
    Spec::once("name", "name = login"),
    Spec::once("algorithm", "algorithm = \"gcra\""),
    Spec::once("limit", "limit = 5"),
    Spec::once("per", "per = \"1m\""),
    Spec::once("burst", "burst = 2"),
    Spec::once("on_error", "on_error = \"deny\""),
    Spec::repeated(
        "and",
        "and(name = daily, algorithm = \"fixed_window\", limit = 100, per = \"1d\")",
    ),
    Spec::once("lease", "lease = \"10s\""),
    Spec::once("allow", "allow(\"monitor\")"),
    Spec::once("secret", "secret = pepper"),
    Spec::once("local", "local"),
];

const OF_THE_WHOLE: &str =
    "this is said once for the whole limit: write it in `rate_limit(…)`, beside `and(…)`";

const RULE_OPTIONS: &[Spec] = &[
    Spec::once("name", "name = daily"),
    Spec::once("algorithm", "algorithm = \"gcra\""),
    Spec::once("limit", "limit = 5"),
    Spec::once("per", "per = \"1d\""),
    Spec::once("burst", "burst = 2"),
    Spec::refused("on_error", OF_THE_WHOLE),
    Spec::refused("lease", OF_THE_WHOLE),
    Spec::refused("allow", OF_THE_WHOLE),
    Spec::refused("secret", OF_THE_WHOLE),
    Spec::refused("local", OF_THE_WHOLE),
    Spec::refused("and", OF_THE_WHOLE),
];

/// How calls are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Gcra,
    TokenBucket,
    FixedWindow,
    SlidingCounter,
    SlidingLog,
    Concurrency,
}

impl Algorithm {
    pub(crate) const ALL: [Self; 6] = [
        Self::Gcra,
        Self::TokenBucket,
        Self::FixedWindow,
        Self::SlidingCounter,
        Self::SlidingLog,
        Self::Concurrency,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gcra => "gcra",
            Self::TokenBucket => "token_bucket",
            Self::FixedWindow => "fixed_window",
            Self::SlidingCounter => "sliding_counter",
            Self::SlidingLog => "sliding_log",
            Self::Concurrency => "concurrency",
        }
    }
}

/// What is said where the backend cannot decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnError {
    Allow,
    Deny,
}

/// One `rate_limit(…)`.
pub(crate) struct RateLimit {
    pub(crate) rule: Rule,
    pub(crate) others: Vec<Rule>,
    pub(crate) on_error: Option<OnError>,
    pub(crate) lease: Option<At<u64>>,
    pub(crate) allow: Vec<LitStr>,
    pub(crate) secret: Option<Ident>,
    pub(crate) local: Option<Ident>,
}

/// What it says of one rule, in itself or in an `and(…)`.
pub(crate) struct Rule {
    /// `rate_limit` or `and`, as it was written.
    pub(crate) place: Ident,
    pub(crate) name: Option<Ident>,
    pub(crate) algorithm: Option<Algorithm>,
    pub(crate) limit: Option<At<u32>>,
    /// In milliseconds.
    pub(crate) per: Option<At<u64>>,
    pub(crate) burst: Option<At<u32>>,
    /// The options that are there, be they readable or not.
    pub(crate) given: Vec<(&'static str, Span)>,
}

impl Rule {
    fn new(place: &Ident) -> Self {
        Self {
            place: place.clone(),
            name: None,
            algorithm: None,
            limit: None,
            per: None,
            burst: None,
            given: Vec::new(),
        }
    }

    /// Where an option stands, if it does.
    pub(crate) fn place_of(&self, option: &str) -> Option<Span> {
        self.given.iter().find(|(name, _)| *name == option).map(|(_, place)| *place)
    }

    /// Reads an option that every rule has; `false` for another one.
    fn read(&mut self, name: &Name<'_>, input: ParseStream<'_>) -> syn::Result<bool> {
        self.given.push((name.spec.name, name.ident.span()));
        match name.spec.name {
            "name" => self.name = Some(value::ident(name, input)?),
            "algorithm" => self.algorithm = Some(algorithm(name, input)?),
            "limit" => self.limit = Some(value::number(name, input)?),
            "per" => self.per = Some(time(name, input)?),
            "burst" => self.burst = Some(value::number(name, input)?),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Reads what stands in the parentheses.
pub(crate) fn rate_limit(
    name: &Name<'_>,
    input: ParseStream<'_>,
    errors: &mut Errors,
) -> syn::Result<RateLimit> {
    let tokens = parentheses(name, input)?;
    let mut limit = RateLimit {
        rule: Rule::new(name.ident),
        others: Vec::new(),
        on_error: None,
        lease: None,
        allow: Vec::new(),
        secret: None,
        local: None,
    };
    options::read(tokens, OPTIONS, errors, |name, input, errors| {
        let it = &mut limit;
        if it.rule.read(&name, input)? {
            return Ok(());
        }
        match name.spec.name {
            "on_error" => it.on_error = Some(on_error(&name, input)?),
            "and" => it.others.push(rule(&name, input, errors)?),
            "lease" => it.lease = Some(time(&name, input)?),
            "allow" => it.allow = texts(&name, input, errors)?,
            "secret" => it.secret = Some(value::ident(&name, input)?),
            _ => {
                value::flag(&name, input)?;
                it.local = Some(name.ident.clone());
            }
        }
        Ok(())
    });
    Ok(limit)
}

fn rule(name: &Name<'_>, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Rule> {
    let tokens = parentheses(name, input)?;
    let mut rule = Rule::new(name.ident);
    options::read(tokens, RULE_OPTIONS, errors, |name, input, _| rule.read(&name, input).map(drop));
    Ok(rule)
}

fn parentheses(name: &Name<'_>, input: ParseStream<'_>) -> syn::Result<TokenStream> {
    if !input.peek(token::Paren) {
        return Err(syn::Error::new(
            name.ident.span(),
            format!("`{}` takes options in parentheses: {}", name.spec.name, form(name)),
        ));
    }
    let content;
    parenthesized!(content in input);
    content.parse()
}

fn algorithm(name: &Name<'_>, input: ParseStream<'_>) -> syn::Result<Algorithm> {
    let text = value::string(name, input)?;
    let written = text.value();
    let named = Algorithm::ALL.into_iter().find(|algorithm| algorithm.name() == written);
    named.ok_or_else(|| {
        let instead = suggest::instead(&written, Algorithm::ALL.map(Algorithm::name));
        syn::Error::new(text.span(), format!("there is no algorithm `{written}`: {instead}"))
    })
}

fn on_error(name: &Name<'_>, input: ParseStream<'_>) -> syn::Result<OnError> {
    let text = value::string(name, input)?;
    match text.value().as_str() {
        "allow" => Ok(OnError::Allow),
        "deny" => Ok(OnError::Deny),
        other => Err(syn::Error::new(
            text.span(),
            format!(
                "`{other}` is no answer to a failure: write `on_error = \"deny\"` (nothing is admitted) or \
                 `on_error = \"allow\"` (everything is)"
            ),
        )),
    }
}

/// Milliseconds.
fn time(name: &Name<'_>, input: ParseStream<'_>) -> syn::Result<At<u64>> {
    let text = value::string(name, input)?;
    let span = text.span();
    let value = duration::parse(&text.value()).map_err(|message| syn::Error::new(span, message))?;
    Ok(At { value, span })
}

fn texts(name: &Name<'_>, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Vec<LitStr>> {
    let mut texts: Vec<LitStr> = Vec::new();
    value::list(name, input, errors, |content, errors| {
        let text = content.parse::<LitStr>().map_err(|error| {
            syn::Error::new(error.span(), format!("expected a string: {}", form(name)))
        })?;
        if texts.iter().any(|other| other.value() == text.value()) {
            errors.at(&text, format!("`{}` is given twice: keep one of the two", text.value()));
        } else {
            texts.push(text);
        }
        Ok(())
    })?;
    Ok(texts)
}
