//! Of a repository: an entity, a pool, a manager, and columns that are named once.

use std::collections::HashSet;

use proc_macro2::{Ident, Span};
use syn::{Field, Fields, ItemStruct, Type};

use super::{condition, terms};
use crate::errors::Errors;
use crate::grammar::repository::{Annotation, Columns};
use crate::grammar::template::Piece;
use crate::grammar::value::Template;
use crate::model::Crate;
use crate::model::condition::Condition;
use crate::model::repository::{Index, METHODS, Repository, Tag, TagPart};
use crate::{names, suggest, types};

/// As many columns as the runtime can look up by.
const MOST_COLUMNS: usize = 4;

/// The repository that the annotation describes; `None` where nothing can be made of it.
pub(crate) fn repository(
    item: &ItemStruct,
    annotation: Annotation,
    errors: &mut Errors,
) -> Option<Repository> {
    let (db, cache) = match &item.fields {
        Fields::Named(fields) => {
            let fields: Vec<&Field> = fields.named.iter().collect();
            (
                field(&DB, &fields, annotation.db, item, errors),
                field(&CACHE, &fields, annotation.cache, item, errors),
            )
        }
        _ => {
            errors.at(
                &item.ident,
                "a repository is a struct with named fields: `struct Cities { db: PgPool, cache: CacheManager }`",
            );
            (None, None)
        }
    };
    let terms = terms::terms(&annotation.terms, errors);
    let mut unique = indexes(annotation.unique, errors);
    let mut list = indexes(annotation.list, errors);
    same_methods(&mut unique, "find", errors);
    same_methods(&mut list, "list", errors);
    let conditions = condition::conditions(annotation.listed, &list, errors);
    let except = except(&annotation.except, &unique, &list, &conditions, errors);
    let tags = annotation.tags.iter().filter_map(|template| tag(template, errors)).collect();
    if !annotation.entity_is_given {
        errors.at_span(
            Span::call_site(),
            "`entity` is missing: write `#[cached_repository(entity = City)]`, with the type of the rows",
        );
    }
    if !item.generics.params.is_empty() {
        errors.at(
            &item.generics,
            "a repository is one concrete type: write it without generics and lifetimes, and own or share its fields (`PgPool` and \
             `CacheManager` are cheap to clone)",
        );
        return None;
    }
    Some(Repository {
        krate: Crate::new(annotation.krate),
        ident: item.ident.clone(),
        vis: item.vis.clone(),
        entity: annotation.entity?,
        db,
        cache,
        terms,
        max_loads: annotation.max_loads,
        unique,
        list,
        conditions,
        tags,
        except,
    })
}

/// Of a struct that has no rows: the field with the manager, and nothing that would need an entity.
pub(crate) fn without_rows(
    item: &ItemStruct,
    annotation: Annotation,
    errors: &mut Errors,
) -> Option<Ident> {
    for option in &annotation.of_rows {
        errors.at(
            option,
            format!("`{option}` is an option of rows: name their type with `entity = City`, or leave it out"),
        );
    }
    if !item.generics.params.is_empty() {
        errors.at(
            &item.generics,
            "write the struct without generics and lifetimes, and own or share its fields (a `CacheManager` is cheap to clone)",
        );
    }
    let Fields::Named(fields) = &item.fields else {
        errors.at(
            &item.ident,
            format!("write named fields: `struct {} {{ cache: CacheManager }}`", item.ident),
        );
        return None;
    };
    let fields: Vec<&Field> = fields.named.iter().collect();
    field(&CACHE, &fields, annotation.cache, item, errors)
}

/// A field that every repository has.
struct Wanted {
    option: &'static str,
    holds: &'static str,
    declare: &'static str,
    fits: fn(&Type) -> bool,
}

const DB: Wanted = Wanted {
    option: "db",
    holds: "the `PgPool`",
    declare: "db: sqlx::PgPool",
    fits: |ty| {
        let pool = types::last_segment(ty).is_some_and(|segment| segment.ident == "PgPool");
        let generic = types::argument_of(ty, "Pool").and_then(types::last_segment);
        pool || generic.is_some_and(|database| database.ident == "Postgres")
    },
};

const CACHE: Wanted = Wanted {
    option: "cache",
    holds: "the `CacheManager`",
    declare: "cache: CacheManager",
    fits: |ty| types::last_segment(ty).is_some_and(|segment| segment.ident == "CacheManager"),
};

fn field(
    wanted: &Wanted,
    fields: &[&Field],
    named: Option<Ident>,
    item: &ItemStruct,
    errors: &mut Errors,
) -> Option<Ident> {
    let Wanted { option, holds, declare, .. } = wanted;
    let all: Vec<&Ident> = fields.iter().filter_map(|field| field.ident.as_ref()).collect();
    if let Some(named) = named {
        if let Some(found) = all.iter().find(|ident| names::plain(ident) == names::plain(&named)) {
            return Some((*found).clone());
        }
        let names: Vec<String> = all.iter().map(|ident| names::plain(ident)).collect();
        let instead = suggest::instead(&names::plain(&named), names.iter().map(String::as_str));
        errors.at(
            &named,
            format!(
                "`{}` has no field `{}`: {instead}",
                names::plain(&item.ident),
                names::plain(&named)
            ),
        );
        return None;
    }
    let fitting: Vec<&Ident> = fields
        .iter()
        .filter(|field| (wanted.fits)(types::referred(&field.ty)))
        .filter_map(|field| field.ident.as_ref())
        .collect();
    match fitting.as_slice() {
        [one] => Some((*one).clone()),
        [] => {
            errors.at(
                &item.ident,
                format!(
                    "`{}` has no field with {holds}: add `{declare}`, or name the field that holds it: `{option} = field`",
                    names::plain(&item.ident)
                ),
            );
            None
        }
        [first, second, ..] => {
            errors.at(
                second,
                format!("`{first}` and `{second}` could both hold {holds}: say which with `{option} = {first}`"),
            );
            Some((*first).clone())
        }
    }
}

fn indexes(written: Vec<Columns>, errors: &mut Errors) -> Vec<Index> {
    let mut indexes: Vec<Index> = Vec::new();
    for Columns(columns) in written {
        let mut seen = HashSet::new();
        let Some(place) = columns.first() else {
            continue;
        };
        if let Some(twice) = columns.iter().find(|column| !seen.insert(names::plain(column))) {
            errors.at(
                twice,
                format!(
                    "`{}` stands twice in this index: keep one of the two",
                    names::plain(twice)
                ),
            );
            continue;
        }
        if let Some(fifth) = columns.get(MOST_COLUMNS) {
            errors.at(fifth, format!("an index has at most {MOST_COLUMNS} columns: leave out what the others already tell apart"));
            continue;
        }
        let place = place.clone();
        let index = Index { columns };
        if indexes.iter().any(|other| other.name() == index.name()) {
            errors.at(place, format!("`{}` is given twice: keep one of the two", index.name()));
            continue;
        }
        indexes.push(index);
    }
    indexes
}

/// `(a, b)` and `a_and_b` would make methods of one name: only the first is kept.
fn same_methods(indexes: &mut Vec<Index>, prefix: &str, errors: &mut Errors) {
    let mut seen = HashSet::new();
    indexes.retain(|index| {
        let method = index.method(prefix);
        let first = seen.insert(method.clone());
        if let Some(column) = index.columns.first().filter(|_| !first) {
            errors.at(
                column,
                format!("there would be two methods `{method}`: leave out one of the two indexes"),
            );
        }
        first
    });
}

/// The methods that these look-ups and lists bring, and every repository has.
fn generated(unique: &[Index], list: &[Index], conditions: &[Condition]) -> Vec<String> {
    METHODS
        .iter()
        .map(|name| (*name).to_owned())
        .chain(unique.iter().map(|index| index.method("find")))
        .chain(list.iter().map(|index| index.method("list")))
        .chain(conditions.iter().map(Condition::method))
        .collect()
}

/// The methods of a repository but for those that it leaves out.
pub(crate) fn methods(repository: &Repository) -> Vec<String> {
    let mut methods = generated(&repository.unique, &repository.list, &repository.conditions);
    methods.retain(|method| !repository.except.contains(method));
    methods
}

fn except(
    written: &[Ident],
    unique: &[Index],
    list: &[Index],
    conditions: &[Condition],
    errors: &mut Errors,
) -> Vec<String> {
    let generated = generated(unique, list, conditions);
    for ident in written {
        let name = names::plain(ident);
        if !generated.contains(&name) {
            let instead = suggest::instead(&name, generated.iter().map(String::as_str));
            errors.at(ident, format!("no method `{name}` is generated: {instead}"));
        }
    }
    written.iter().map(names::plain).collect()
}

fn tag(template: &Template, errors: &mut Errors) -> Option<Tag> {
    let parts = template
        .pieces
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => Some(TagPart::Text(text.clone())),
            Piece::Value(place) if place.fields.is_empty() => {
                Some(TagPart::Column(names::ident(&place.name, template.text.span())))
            }
            Piece::Value(place) => {
                errors.at(
                    &template.text,
                    format!("`{{{place}}}`: a repository's tag is made of whole columns, such as `{{{}}}`", place.name),
                );
                None
            }
        })
        .collect::<Option<Vec<_>>>()?;
    Some(Tag { text: template.text.value(), parts })
}
