//! Of `#[cached]` and `#[cache_put]`: a key that tells the calls apart.

use std::collections::HashSet;

use super::method::{Subject, is_transaction};
use super::{answer, signature, terms};
use crate::errors::Errors;
use crate::grammar::methods::Cached;
use crate::grammar::template::Piece;
use crate::grammar::value::Template;
use crate::model::key::Key;
use crate::model::method::Call;
use crate::names;

/// The call that the options describe; `None` after an error.
pub(super) fn call(subject: &Subject<'_>, cached: Cached, errors: &mut Errors) -> Option<Call> {
    let what = subject.what;
    signature::concrete(&subject.method.sig, what, errors);
    if let Some(transaction) = subject.typed().find(|argument| is_transaction(&argument.ty)) {
        errors.at(
            &transaction.ty,
            format!(
                "what a transaction has seen may never be committed, so it is not cached: remove the argument, or remove \
                 `#[{what}]`"
            ),
        );
    }
    let answer = answer::answer(&subject.method.sig, what, errors);
    if let (Some(negative), Some(false)) =
        (&cached.terms.negative_ttl, answer.as_ref().map(|answer| answer.optional))
    {
        errors.at_span(
            negative.span,
            "`negative_ttl` is how long a `None` lives, and this method returns no `Option`: remove it, or return \
             `Result<Option<T>, E>`",
        );
    }
    let terms = terms::terms(&cached.terms, errors);
    for template in cached.key.iter().chain(&cached.tags) {
        subject.placeholders(template, errors);
    }
    if let Some(key) = &cached.key {
        skipped(subject, &cached, key, errors);
        all_in_key(subject, &cached, key, errors);
    } else if !cached.key_is_given {
        let parts = std::iter::once(subject.name());
        let parts: Vec<String> =
            parts.chain(subject.plain().iter().map(|argument| format!("{{{argument}}}"))).collect();
        errors.at(
            subject.attribute.path(),
            format!("`key` is missing: write `#[{what}(key = \"{}\")]`", parts.join(":")),
        );
    }
    Some(Call {
        answer: answer?,
        terms,
        key: Key::new(&cached.key?, subject.arguments),
        tags: cached.tags.iter().map(|tag| Key::tag(tag, subject.arguments)).collect(),
    })
}

fn in_key(key: &Template) -> HashSet<&str> {
    key.pieces
        .iter()
        .filter_map(|piece| match piece {
            Piece::Value(place) => Some(place.name.as_str()),
            Piece::Text(_) => None,
        })
        .collect()
}

/// What is left out of the key is an argument, and is not in the key.
fn skipped(subject: &Subject<'_>, cached: &Cached, key: &Template, errors: &mut Errors) {
    let (plain, in_key) = (subject.plain(), in_key(key));
    for ident in &cached.skip {
        let name = names::plain(ident);
        if !plain.contains(&name) {
            errors.at(ident, subject.no_argument(&name));
        } else if in_key.contains(name.as_str()) {
            errors.at(
                ident,
                format!("`{name}` is in the key: remove it from `skip`, or from the key"),
            );
        }
    }
}

/// Each argument is in the key, or was said to make no difference.
fn all_in_key(subject: &Subject<'_>, cached: &Cached, key: &Template, errors: &mut Errors) {
    let (plain, in_key) = (subject.plain(), in_key(key));
    let skipped: Vec<String> = cached.skip.iter().map(names::plain).collect();
    // A name that is no argument was probably meant to be one of those that are left: that is one mistake.
    let known = |name: &str| plain.iter().any(|argument| argument == name);
    if !in_key.iter().all(|name| known(name)) || !skipped.iter().all(|name| known(name)) {
        return;
    }
    for (name, ident) in plain.iter().zip(subject.arguments) {
        if !in_key.contains(name.as_str()) && !skipped.contains(name) {
            errors.at(
                ident,
                format!(
                    "`{name}` is not in the key, so calls that differ in it would share one value: add `{{{name}}}` to the \
                     key, or `skip({name})` if it makes no difference"
                ),
            );
        }
    }
}
