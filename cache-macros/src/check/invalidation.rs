//! Of `#[invalidates]`: something to invalidate, ids that are there, one transaction.

use std::collections::HashSet;

use proc_macro2::{Ident, TokenStream};
use syn::{Pat, PatType, Type};

use super::method::{Subject, is_transaction};
use crate::errors::Errors;
use crate::grammar::methods::{self, Id, Invalidates};
use crate::grammar::value::Template;
use crate::model::key::Key;
use crate::model::method::{Invalidation, Rows, RowsForm};
use crate::{names, types};

/// What the options describe; `None` after an error.
pub(super) fn invalidation(
    subject: &Subject<'_>,
    options: TokenStream,
    errors: &mut Errors,
) -> Option<Invalidation> {
    let before = errors.count();
    let Invalidates { ids, keys, tags } = methods::invalidates(options, errors);
    if ids.is_empty() && keys.is_empty() && tags.is_empty() && errors.count() == before {
        errors.at(
            subject.attribute.path(),
            "this invalidates nothing: name the row, a key or a tag: `#[invalidates(id, key = \"largest:{limit}\", \
             tags(\"cities\"))]`",
        );
    }
    for template in keys.iter().chain(&tags) {
        subject.placeholders(template, errors);
    }
    once(&keys, errors);
    let transaction = transaction(subject, errors);
    let rows = rows(subject, ids, errors);
    let key = |template: &Template| Key::new(template, subject.arguments);
    let tag = |template: &Template| Key::tag(template, subject.arguments);
    (errors.count() == before).then(|| Invalidation {
        transaction,
        rows,
        keys: keys.iter().map(key).collect(),
        tags: tags.iter().map(tag).collect(),
    })
}

fn once(keys: &[Template], errors: &mut Errors) {
    let mut seen = HashSet::new();
    for key in keys.iter().filter(|key| !seen.insert(key.text.value())) {
        errors.at(&key.text, format!("`{}` is given twice: keep one of the two", key.text.value()));
    }
}

/// The arguments with ids.
fn rows(subject: &Subject<'_>, ids: Vec<Id>, errors: &mut Errors) -> Vec<Rows> {
    let mut rows: Vec<Rows> = Vec::new();
    for Id { argument, named } in ids {
        let name = names::plain(&argument);
        if rows.iter().any(|other| names::plain(&other.argument) == name) {
            errors.at(&argument, format!("`{name}` is given twice: keep one of the two"));
            continue;
        }
        if let Some(PatType { ty, .. }) = subject.typed().find(|typed| is_named(typed, &name)) {
            rows.push(Rows { argument, form: form(ty), ty: (**ty).clone() });
        } else if named {
            errors.at(&argument, subject.no_argument(&name));
        } else {
            errors.at(
                &argument,
                format!(
                    "`{}` has no argument `id`: name the one that holds the row's id, `id = \"argument\"`",
                    subject.name()
                ),
            );
        }
    }
    rows
}

fn is_named(argument: &PatType, name: &str) -> bool {
    matches!(&*argument.pat, Pat::Ident(pat) if names::plain(&pat.ident) == name)
}

/// The argument with the transaction.
fn transaction(subject: &Subject<'_>, errors: &mut Errors) -> Option<Ident> {
    let mut found = None;
    for argument in subject.typed().filter(|argument| is_transaction(&argument.ty)) {
        let Pat::Ident(pat) = &*argument.pat else {
            continue;
        };
        let mutable = matches!(types::bare(&argument.ty), Type::Reference(reference) if reference.mutability.is_some());
        if !mutable {
            errors.at(
                &argument.ty,
                "the keys are held in the transaction of the caller: take it as `&mut CacheTransaction`",
            );
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
    let is = |ty: &Type, name: &str| {
        types::last_segment(ty).is_some_and(|segment| segment.ident == name)
    };
    match types::bare(ty) {
        Type::Reference(reference) => match types::bare(&reference.elem) {
            Type::Slice(_) => RowsForm::Slice,
            list if is(list, "Vec") => RowsForm::Slice,
            text if is(text, "str") => RowsForm::Text,
            _ => RowsForm::Reference,
        },
        list if is(list, "Vec") => RowsForm::List,
        _ => RowsForm::Value,
    }
}
