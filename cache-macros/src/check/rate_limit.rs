//! Of rate limits: what makes no sense, as the runtime would say it, too.

use std::collections::HashSet;

use proc_macro2::Ident;
use syn::{Fields, ItemStruct};

use crate::errors::Errors;
use crate::grammar::rate_limit::{self as written, Algorithm};
use crate::model::helpers::Owner;
use crate::model::rate_limit::{Counts, RateLimit, Rule};
use crate::{names, suggest};

/// As in the runtime: `Quota::MAX_LIMIT`, `Quota::MAX_LOGGED`, `Quota::MAX_PERIOD`, and the bounds of `Seats`.
const MAX_LIMIT: u32 = 90_000_000;
const MAX_LOGGED: u32 = 100_000;
const MAX_PERIOD: u64 = 3_650 * 86_400_000;
const LEASES: std::ops::RangeInclusive<u64> = 100..=86_400_000;
/// What is leased locally is good for a hundredth of this.
const MIN_LOCAL: u64 = 1_000;

/// The limit that the annotation describes; `None` where nothing can be made of it.
pub(super) fn rate_limit(
    item: &ItemStruct,
    owner: &Owner,
    limit: written::RateLimit,
    errors: &mut Errors,
) -> Option<RateLimit> {
    let before = errors.count();
    let first = &limit.rule;
    missing(first, "name", "write `name = login`, the method that gives the limit", errors);
    missing(
        first,
        "algorithm",
        "write `algorithm = \"gcra\"` (evenly, with a burst), `\"token_bucket\"`, `\"fixed_window\"`, `\"sliding_counter\"`, \
         `\"sliding_log\"` (exact in any period) or `\"concurrency\"` (at the same time)",
        errors,
    );
    missing(
        first,
        "on_error",
        "say what happens while the backend cannot decide, `on_error = \"deny\"` (nothing is admitted) or \
         `on_error = \"allow\"` (everything is); there is no default, because each is wrong for somebody",
        errors,
    );
    for name in std::iter::once(first).chain(&limit.others).filter_map(|rule| rule.name.as_ref()) {
        if !names::plain(name).is_ascii() {
            errors.at(
                name,
                format!(
                    "`{name}` would stand in keys and header fields, which have other letters than these: write one of \
                     `a` to `z`, `A` to `Z`, `0` to `9` and `_`"
                ),
            );
        }
    }
    for text in &limit.allow {
        if text.value().is_empty() {
            errors.at(text, "an empty key is refused, so it cannot be allowed: leave it out");
        }
    }
    if let Some(secret) = &limit.secret {
        field(item, secret, errors);
    }
    let counts = if first.algorithm == Some(Algorithm::Concurrency) {
        at_once(&limit, errors)
    } else {
        calls(&limit, errors)
    };
    if errors.count() > before {
        return None;
    }
    Some(RateLimit {
        krate: owner.krate.clone(),
        ident: owner.ident.clone(),
        cache: owner.cache.clone(),
        name: first.name.clone()?,
        counts: counts?,
        on_error: limit.on_error?,
        allow: limit.allow,
        secret: limit.secret,
    })
}

fn missing(rule: &written::Rule, option: &str, instead: &str, errors: &mut Errors) {
    if rule.place_of(option).is_none() {
        errors.at(&rule.place, format!("`{option}` is missing: {instead}"));
    }
}

fn at_once(limit: &written::RateLimit, errors: &mut Errors) -> Option<Counts> {
    let rule = &limit.rule;
    for (option, instead) in [
        (
            "per",
            "what happens at the same time has no period: leave it out, or say with `lease` how long a seat outlives a crash",
        ),
        ("burst", "as many as the limit says may come at once: leave it out"),
        ("local", "seats are given by the backend alone: leave it out"),
        (
            "and",
            "seats are taken by `acquire`, calls are counted by `check`: write a limit of its own for each",
        ),
    ] {
        if let Some(place) = rule.place_of(option) {
            errors.at_span(place, format!("`{option}` with `concurrency`: {instead}"));
        }
    }
    if let Some(lease) = &limit.lease
        && !LEASES.contains(&lease.value)
    {
        errors.at_span(
            lease.span,
            "a lease lives from 100 milliseconds to a day: write `lease = \"10s\"`",
        );
    }
    let lease = limit.lease.as_ref().map(|lease| lease.value);
    Some(Counts::AtOnce { limit: amount(rule, Algorithm::Concurrency, errors)?, lease })
}

fn calls(limit: &written::RateLimit, errors: &mut Errors) -> Option<Counts> {
    if let Some(place) = limit.rule.place_of("lease") {
        errors.at_span(place, "only what happens at the same time has a lease: leave it out, or write `algorithm = \"concurrency\"`");
    }
    let mut rules = Vec::new();
    let mut seen = HashSet::new();
    for (place, written) in std::iter::once(&limit.rule).chain(&limit.others).enumerate() {
        if place > 0 {
            missing(written, "name", "write `name = daily`, for keys and headers", errors);
            missing(written, "algorithm", "write `algorithm = \"fixed_window\"`", errors);
            if let Some(name) =
                written.name.as_ref().filter(|name| !seen.insert(names::plain(name)))
            {
                errors
                    .at(name, format!("there are two rules `{name}`: give each a name of its own"));
            }
        }
        if written.algorithm == Some(Algorithm::Concurrency) {
            let place = written.place_of("algorithm").unwrap_or(written.place.span());
            errors.at_span(place, "seats are taken by `acquire`, calls are counted by `check`: write a limit of its own for each");
            continue;
        }
        let rule = rule(written, limit.local.as_ref(), errors);
        rules.extend(rule);
    }
    let complete = rules.len() == limit.others.len() + 1;
    complete.then_some(Counts::Calls { rules, local: limit.local.is_some() })
}

fn rule(rule: &written::Rule, local: Option<&Ident>, errors: &mut Errors) -> Option<Rule> {
    missing(rule, "per", "write `per = \"1m\"`, in how much time", errors);
    // An algorithm that could not be read has been told of; what holds for all is checked all the same.
    let algorithm = rule.algorithm.unwrap_or(Algorithm::Gcra);
    let limit = amount(rule, algorithm, errors);
    let per = rule.per.as_ref().and_then(|per| match per.value {
        0 => {
            errors.at_span(
                per.span,
                "a period of no time has no limit: write how long, such as `per = \"1m\"`",
            );
            None
        }
        value if value > MAX_PERIOD => {
            errors.at_span(per.span, "a period is at most 3650 days: write a shorter one");
            None
        }
        value => Some(value),
    });
    if let Some(burst) = &rule.burst {
        let has_burst = matches!(algorithm, Algorithm::Gcra | Algorithm::TokenBucket);
        let name = algorithm.name();
        if !has_burst {
            let place = rule.place_of("burst").unwrap_or(burst.span);
            errors.at_span(place, format!("`{name}` has no burst, the whole limit may come at once: leave it out, or write `algorithm = \"gcra\"`"));
        } else if burst.value == 0 {
            errors.at_span(burst.span, "a burst of 0 admits nothing, ever: write at least 1");
        } else if let Some(limit) = limit.filter(|limit| burst.value > *limit) {
            let burst_of = burst.value;
            errors.at_span(burst.span, format!("a burst of {burst_of} is above the limit of {limit}: write at most {limit}, or raise the limit"));
        }
    }
    if let Some(local) = local {
        if matches!(algorithm, Algorithm::SlidingCounter | Algorithm::SlidingLog) {
            let name = algorithm.name();
            errors.at(local, format!("`{name}` cannot be counted locally, because what is leased would count when it was leased and not when it was used: write `gcra`, `token_bucket` or `fixed_window`"));
        } else if per.is_some_and(|per| per < MIN_LOCAL) {
            errors.at(local, "what is leased is good for a hundredth of the period, here less than a round trip takes: write a period of a second or more, or leave out `local`");
        }
    }
    Some(Rule {
        name: rule.name.clone()?,
        algorithm: rule.algorithm?,
        limit: limit?,
        per: per?,
        burst: rule.burst.as_ref().map(|burst| burst.value),
    })
}

/// The limit, where it is one.
fn amount(rule: &written::Rule, algorithm: Algorithm, errors: &mut Errors) -> Option<u32> {
    missing(rule, "limit", "write `limit = 5`, how many", errors);
    let limit = rule.limit.as_ref()?;
    let (most, instead) = match algorithm {
        Algorithm::SlidingLog => {
            (MAX_LOGGED, ", or `sliding_counter`, which remembers two numbers")
        }
        Algorithm::Concurrency => (MAX_LOGGED, ""),
        _ => (MAX_LIMIT, ""),
    };
    if limit.value == 0 {
        errors.at_span(limit.span, "a limit of 0 admits nothing, ever: write at least 1");
        return None;
    }
    if limit.value > most {
        let (value, name) = (limit.value, algorithm.name());
        errors.at_span(
            limit.span,
            format!("a limit of {value} is too large for `{name}`: write at most {most}{instead}"),
        );
        return None;
    }
    Some(limit.value)
}

/// Whether there is a field of this name.
fn field(item: &ItemStruct, named: &Ident, errors: &mut Errors) {
    let Fields::Named(fields) = &item.fields else { return };
    let fields: Vec<String> =
        fields.named.iter().filter_map(|field| field.ident.as_ref()).map(names::plain).collect();
    let name = names::plain(named);
    if !fields.contains(&name) {
        let instead = suggest::instead(&name, fields.iter().map(String::as_str));
        let item = names::plain(&item.ident);
        errors.at(named, format!("`{item}` has no field `{name}` for the secret: {instead}"));
    }
}
