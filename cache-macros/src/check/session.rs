//! Of sessions: data, two limits of which one is within the other, and a user who changes with the id alone.

use proc_macro2::Ident;

use crate::errors::Errors;
use crate::grammar::duration;
use crate::grammar::session::Annotation;
use crate::model::helpers::Owner;
use crate::model::session::{METHODS, METHODS_OF_A_USER, Sessions, setter};
use crate::{names, suggest};

/// The field that `keep` names.
fn pool(owner: &Owner, named: &Ident, errors: &mut Errors) -> Option<Ident> {
    let name = names::plain(named);
    if owner.fields.iter().any(|field| names::plain(field) == name) {
        return Some(named.clone());
    }
    let others: Vec<String> = owner
        .fields
        .iter()
        .filter(|field| owner.cache.as_ref() != Some(*field))
        .map(names::plain)
        .collect();
    let instead = match others.as_slice() {
        [] => format!("add `{name}: sqlx::PgPool`, the database that keeps the sessions"),
        others => suggest::instead(&name, others.iter().map(String::as_str)),
    };
    errors.at(named, format!("`{}` has no field `{name}`: {instead}", names::plain(&owner.ident)));
    None
}

/// The sessions that the annotation describes; `None` where nothing can be made of it.
pub(super) fn sessions(
    owner: &Owner,
    annotation: Annotation,
    errors: &mut Errors,
) -> Option<Sessions> {
    let Annotation { span, data, given, idle, absolute, user, keep, .. } = annotation;
    let (name, per_user, tolerant) = (annotation.name, annotation.per_user, annotation.tolerant);
    let fields = annotation.fields;
    let keep = keep.and_then(|keep| pool(owner, &keep, errors));
    for (option, example, what) in [
        ("data", "data = Login", "the type of what a session keeps"),
        ("idle", "idle = \"30m\"", "how long a session lives without being used"),
        ("absolute", "absolute = \"12h\"", "how long a session lives at most"),
    ] {
        if !given.contains(&option) {
            errors.at_span(span, format!("`{option}` is missing: write `{example}`, {what}"));
        }
    }
    if let (Some(idle), Some(absolute)) = (&idle, &absolute)
        && idle.value > absolute.value
    {
        errors.at_span(
            idle.span,
            format!(
                "a session is over after {} and so never idle for {}: write an idle limit within the absolute one",
                duration::words(absolute.value),
                duration::words(idle.value)
            ),
        );
    }
    let users = fields.iter().find(|field| user.as_ref() == Some(&field.name));
    if let (Some(user), Some(field)) = (&user, users) {
        errors.at(
            &field.name,
            format!("`{user}` says whose the session is, and changes with `rotate` alone, which gives it a new id: leave it out"),
        );
    }
    if owner.has_rows {
        errors.at_span(
            span,
            "the methods of sessions have the names of those of rows: put `session(…)` on a struct of its own, without `entity`",
        );
        return None;
    }
    let fields = fields.into_iter().filter(|field| user.as_ref() != Some(&field.name)).collect();
    Some(Sessions {
        krate: owner.krate.clone(),
        ident: owner.ident.clone(),
        cache: owner.cache.clone(),
        keep,
        data: data?,
        name,
        idle: idle?.value,
        absolute: absolute?.value,
        user,
        per_user,
        tolerant,
        fields,
    })
}

/// The names of the methods that sessions bring.
pub(super) fn methods(annotation: &Annotation) -> Vec<String> {
    let of_a_user = annotation.user.iter().flat_map(|_| METHODS_OF_A_USER);
    let setters = annotation.fields.iter().map(|field| setter(&field.name));
    METHODS.into_iter().chain(of_a_user).map(str::to_owned).chain(setters).collect()
}
