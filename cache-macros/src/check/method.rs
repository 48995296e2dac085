//! Of an annotated method: a key that tells its calls apart, ids that are there.

use std::collections::HashSet;

use proc_macro2::{Ident, TokenStream};
use syn::{Attribute, PatType, Type};

use super::{answer, signature};
use crate::errors::Errors;
use crate::grammar::impl_block::AnnotatedMethod;
use crate::grammar::methods::{self, Cached, Invalidates};
use crate::grammar::template::Piece;
use crate::grammar::value::{self, Template};
use crate::model::key::Key;
use crate::model::method::{Call, Invalidation, Kind, Rows, RowsForm};
use crate::model::repository::Lifetimes;
use crate::{names, suggest, types};

/// What the annotation asks for; `None` after an error.
pub(crate) fn kind(
    what: &Ident,
    attribute: &Attribute,
    method: &AnnotatedMethod,
    arguments: &[Ident],
    errors: &mut Errors,
) -> Option<Kind> {
    let options = value::arguments(attribute).map_err(|error| errors.push(error)).ok()?;
    if what == "invalidates" {
        return invalidation(attribute, options, method, arguments, errors).map(Kind::Invalidates);
    }
    let call = call(what, attribute, options, method, arguments, errors)?;
    Some(if what == "cached" { Kind::Cached(call) } else { Kind::Put(call) })
}

fn call(
    what: &Ident,
    attribute: &Attribute,
    options: TokenStream,
    method: &AnnotatedMethod,
    arguments: &[Ident],
    errors: &mut Errors,
) -> Option<Call> {
    let cached = methods::cached(options, errors);
    signature::concrete(&method.sig, what, errors);
    if let Some(transaction) =
        signature::typed(&method.sig).find(|argument| is_transaction(&argument.ty))
    {
        errors.at(
            &transaction.ty,
            format!("what a transaction has seen may never be committed, so it is not cached: remove the argument, or remove `#[{what}]`"),
        );
    }
    let answer = answer::answer(&method.sig, what, errors);
    if let (Some(negative), Some(false)) =
        (&cached.negative_ttl, answer.as_ref().map(|answer| answer.optional))
    {
        errors.at_span(
            negative.span,
            "`negative_ttl` is how long a `None` lives, and this method returns no `Option`: remove it, or return `Result<Option<T>, E>`",
        );
    }
    for tag in &cached.tags {
        placeholders(tag, method, arguments, errors);
    }
    if let Some(key) = &cached.key {
        placeholders(key, method, arguments, errors);
        all_in_key(key, &cached, method, arguments, errors);
    } else if !cached.key_is_given {
        let guess: String =
            arguments.iter().map(|argument| format!(":{{{}}}", names::plain(argument))).collect();
        errors.at(
            attribute.path(),
            format!(
                "`key` is missing: write `#[{what}(key = \"{}{guess}\")]`",
                names::plain(&method.sig.ident)
            ),
        );
    }
    Some(Call {
        answer: answer?,
        lifetimes: Lifetimes {
            ttl: cached.ttl.map(|ttl| ttl.value),
            negative_ttl: cached.negative_ttl.map(|ttl| ttl.value),
            codec: cached.codec,
        },
        key: Key::new(&cached.key?, arguments),
        tags: cached.tags.iter().map(|tag| Key::tag(tag, arguments)).collect(),
    })
}

/// Each placeholder is an argument.
fn placeholders(
    template: &Template,
    method: &AnnotatedMethod,
    arguments: &[Ident],
    errors: &mut Errors,
) {
    let plain: Vec<String> = arguments.iter().map(names::plain).collect();
    let mut reported = HashSet::new();
    for piece in &template.pieces {
        if let Piece::Value(place) = piece
            && !plain.contains(&place.name)
            && reported.insert(&place.name)
        {
            let instead = suggest::instead(&place.name, plain.iter().map(String::as_str));
            errors.at(
                &template.text,
                format!(
                    "`{}` has no argument `{}`: {instead}",
                    names::plain(&method.sig.ident),
                    place.name
                ),
            );
        }
    }
}

/// Each argument is in the key, or was said to make no difference.
fn all_in_key(
    key: &Template,
    cached: &Cached,
    method: &AnnotatedMethod,
    arguments: &[Ident],
    errors: &mut Errors,
) {
    let in_key: HashSet<&str> = key
        .pieces
        .iter()
        .filter_map(|piece| match piece {
            Piece::Value(place) => Some(place.name.as_str()),
            Piece::Text(_) => None,
        })
        .collect();
    let plain: Vec<String> = arguments.iter().map(names::plain).collect();
    let skipped: Vec<String> = cached.skip.iter().map(names::plain).collect();
    for (skipped, ident) in skipped.iter().zip(&cached.skip) {
        if !plain.contains(skipped) {
            let instead = suggest::instead(skipped, plain.iter().map(String::as_str));
            errors.at(
                ident,
                format!(
                    "`{}` has no argument `{skipped}`: {instead}",
                    names::plain(&method.sig.ident)
                ),
            );
        } else if in_key.contains(skipped.as_str()) {
            errors.at(
                ident,
                format!("`{skipped}` is in the key: remove it from `skip`, or from the key"),
            );
        }
    }
    // A placeholder that is no argument was probably meant to be one of those that are left: that is one mistake.
    let unknown = in_key.iter().any(|name| !plain.iter().any(|argument| argument == name));
    let unknown_skip = skipped.iter().any(|name| !plain.contains(name));
    for (name, ident) in plain.iter().zip(arguments) {
        if !in_key.contains(name.as_str()) && !skipped.contains(name) && !unknown && !unknown_skip {
            errors.at(
                ident,
                format!(
                    "`{name}` is not in the key, so calls that differ in it would share one value: add `{{{name}}}` to the key, or \
                     `skip({name})` if it makes no difference"
                ),
            );
        }
    }
}

fn invalidation(
    attribute: &Attribute,
    options: TokenStream,
    method: &AnnotatedMethod,
    arguments: &[Ident],
    errors: &mut Errors,
) -> Option<Invalidation> {
    let before = errors.count();
    let Invalidates { ids, keys, tags } = methods::invalidates(options, errors);
    if ids.is_empty() && keys.is_empty() && tags.is_empty() && errors.count() == before {
        errors.at(
            attribute.path(),
            "this invalidates nothing: name the row, a key or a tag: `#[invalidates(id, key = \"largest:{limit}\", tags(\"cities\"))]`",
        );
    }
    for template in keys.iter().chain(&tags) {
        placeholders(template, method, arguments, errors);
    }
    let mut seen = HashSet::new();
    for key in keys.iter().filter(|key| !seen.insert(key.text.value())) {
        errors.at(&key.text, format!("`{}` is given twice: keep one of the two", key.text.value()));
    }
    let transaction = transaction(method, errors);
    let mut rows: Vec<Rows> = Vec::new();
    for id in ids {
        if rows.iter().any(|other| names::plain(&other.argument) == names::plain(&id.argument)) {
            errors.at(
                &id.argument,
                format!("`{}` is given twice: keep one of the two", names::plain(&id.argument)),
            );
            continue;
        }
        match signature::typed(&method.sig).find(|argument| named(argument, &id.argument)) {
            Some(PatType { ty, .. }) => {
                rows.push(Rows { argument: id.argument, form: form(ty), ty: (**ty).clone() });
            }
            None => no_such_id(&id, method, arguments, errors),
        }
    }
    (errors.count() == before).then(|| Invalidation {
        transaction,
        rows,
        keys: keys.iter().map(|key| Key::new(key, arguments)).collect(),
        tags: tags.iter().map(|tag| Key::tag(tag, arguments)).collect(),
    })
}

fn no_such_id(
    id: &methods::Id,
    method: &AnnotatedMethod,
    arguments: &[Ident],
    errors: &mut Errors,
) {
    let (name, method) = (names::plain(&id.argument), names::plain(&method.sig.ident));
    let plain: Vec<String> = arguments.iter().map(names::plain).collect();
    let message = if id.named {
        let instead = suggest::instead(&name, plain.iter().map(String::as_str));
        format!("`{method}` has no argument `{name}`: {instead}")
    } else {
        format!(
            "`{method}` has no argument `id`: name the one that holds the row's id, `id = \"argument\"`"
        )
    };
    errors.at(&id.argument, message);
}

fn named(argument: &PatType, wanted: &Ident) -> bool {
    matches!(&*argument.pat, syn::Pat::Ident(pat) if names::plain(&pat.ident) == names::plain(wanted))
}

fn is_transaction(ty: &Type) -> bool {
    let ty = match types::bare(ty) {
        Type::Reference(reference) => &reference.elem,
        other => other,
    };
    types::last_segment(ty).is_some_and(|segment| segment.ident == "CacheTransaction")
}

/// The argument with the transaction.
fn transaction(method: &AnnotatedMethod, errors: &mut Errors) -> Option<Ident> {
    let mut found = None;
    for argument in signature::typed(&method.sig).filter(|argument| is_transaction(&argument.ty)) {
        let syn::Pat::Ident(pat) = &*argument.pat else {
            continue;
        };
        if !matches!(types::bare(&argument.ty), Type::Reference(reference) if reference.mutability.is_some())
        {
            errors.at(&argument.ty, "the keys are held in the transaction of the caller: take it as `&mut CacheTransaction`");
        } else if found.is_some() {
            errors.at(
                &argument.ty,
                "the keys are held in one transaction: take only one `&mut CacheTransaction`",
            );
        } else {
            found = Some(pat.ident.clone());
        }
    }
    found
}

fn form(ty: &Type) -> RowsForm {
    match types::bare(ty) {
        Type::Reference(reference) => match types::bare(&reference.elem) {
            Type::Slice(_) => RowsForm::Slice,
            other => match types::last_segment(other) {
                Some(segment) if segment.ident == "Vec" => RowsForm::Slice,
                Some(segment) if segment.ident == "str" => RowsForm::Text,
                _ => RowsForm::Reference,
            },
        },
        other => match types::last_segment(other) {
            Some(segment) if segment.ident == "Vec" => RowsForm::List,
            _ => RowsForm::Value,
        },
    }
}
