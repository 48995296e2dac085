//! `#[entity(…)]`, and what sqlx and serde are told of the same struct.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::{Attribute, Data, DeriveInput, Field, Fields, LitStr, Path, Type};

use super::foreign::{self, Item};
use super::options::{self, Spec};
use super::value;
use crate::errors::Errors;
use crate::names::RenameAll;

const ON_STRUCT: &[Spec] = &[
    Spec::once("table", "table = \"cities\""),
    Spec::once("version", "version = 2"),
    Spec::once("crate", "crate = some::path"),
];

const ON_FIELD: &[Spec] = &[
    Spec::once("id", "#[entity(id)]"),
    Spec::once("generated", "#[entity(generated)]"),
    Spec::once("column", "column = \"name\""),
];

/// An annotated struct.
#[derive(Default)]
pub(crate) struct Annotation {
    pub(crate) krate: Option<Path>,
    pub(crate) table: Option<LitStr>,
    /// Whether there is a `table = …`, be it readable or not.
    pub(crate) table_is_given: bool,
    pub(crate) version: Option<u32>,
    pub(crate) rename_all: Option<RenameAll>,
    /// serde needs a codec that names its fields.
    pub(crate) self_describing: bool,
}

/// An annotated field.
pub(crate) struct AnnotatedField {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    pub(crate) id: Option<Span>,
    pub(crate) generated: Option<Span>,
    pub(crate) column: Option<LitStr>,
    pub(crate) sqlx: Sqlx,
    pub(crate) serde: Serde,
}

/// What sqlx is told of a field.
#[derive(Default)]
pub(crate) struct Sqlx {
    pub(crate) rename: Option<LitStr>,
    pub(crate) skip: bool,
    pub(crate) json: Option<Json>,
    /// `flatten` or `try_from`: the field is not one column of its own type.
    pub(crate) unlike_a_column: Option<Ident>,
}

/// `#[sqlx(json)]`
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Json {
    Plain,
    Nullable,
}

/// What serde is told of a field.
#[derive(Default)]
pub(crate) struct Serde {
    /// `skip`, `skip_serializing` or `skip_deserializing`: the value does not come back.
    pub(crate) skip: Option<Ident>,
    /// serde needs a codec that names its fields.
    pub(crate) self_describing: bool,
    /// `with` and the like: the field's type need not be serde's.
    pub(crate) custom: bool,
}

/// Reads the attributes of the struct.
pub(crate) fn on_struct(attrs: &[Attribute], errors: &mut Errors) -> Annotation {
    let mut annotation = Annotation {
        rename_all: foreign::items(attrs, "sqlx")
            .iter()
            .find(|item| item.name == "rename_all")
            .and_then(|item| RenameAll::named(&item.text()?.value())),
        self_describing: foreign::items(attrs, "serde")
            .iter()
            .any(|item| item.name == "tag" || item.name == "untagged"),
        ..Annotation::default()
    };
    let readable = each_own(attrs, ON_STRUCT, errors, |name, input, _| {
        match name.spec.name {
            "table" => {
                annotation.table_is_given = true;
                annotation.table = Some(value::string(&name, input)?);
            }
            "version" => annotation.version = Some(value::number(&name, input)?.value),
            _ => annotation.krate = Some(value::path(&name, input)?),
        }
        Ok(())
    });
    annotation.table_is_given |= !readable;
    annotation
}

/// Reads the attributes of the fields; `None` where there are no named fields.
pub(crate) fn on_fields(input: &DeriveInput, errors: &mut Errors) -> Option<Vec<AnnotatedField>> {
    let Data::Struct(data) = &input.data else {
        return None;
    };
    let Fields::Named(fields) = &data.fields else {
        return None;
    };
    Some(fields.named.iter().filter_map(|field| on_field(field, errors)).collect())
}

fn on_field(field: &Field, errors: &mut Errors) -> Option<AnnotatedField> {
    let mut annotated = AnnotatedField {
        ident: field.ident.clone()?,
        ty: field.ty.clone(),
        id: None,
        generated: None,
        column: None,
        sqlx: sqlx(&foreign::items(&field.attrs, "sqlx")),
        serde: serde(&foreign::items(&field.attrs, "serde")),
    };
    each_own(&field.attrs, ON_FIELD, errors, |name, input, _| match name.spec.name {
        "id" => {
            annotated.id = Some(name.ident.span());
            value::flag(&name, input)
        }
        "generated" => {
            annotated.generated = Some(name.ident.span());
            value::flag(&name, input)
        }
        _ => {
            annotated.column = Some(value::string(&name, input)?);
            Ok(())
        }
    });
    Some(annotated)
}

fn sqlx(items: &[Item]) -> Sqlx {
    let mut sqlx = Sqlx::default();
    for item in items {
        match item.name.to_string().as_str() {
            "rename" => sqlx.rename = item.text(),
            "skip" => sqlx.skip = true,
            "json" if item.is("nullable") => sqlx.json = Some(Json::Nullable),
            "json" => sqlx.json = Some(Json::Plain),
            "flatten" | "try_from" => sqlx.unlike_a_column = Some(item.name.clone()),
            _ => {}
        }
    }
    sqlx
}

fn serde(items: &[Item]) -> Serde {
    let mut serde = Serde::default();
    for item in items {
        match item.name.to_string().as_str() {
            "skip" | "skip_serializing" | "skip_deserializing" => {
                serde.skip = Some(item.name.clone())
            }
            "flatten" | "skip_serializing_if" => serde.self_describing = true,
            "with" | "serialize_with" | "deserialize_with" => serde.custom = true,
            _ => {}
        }
    }
    serde
}

/// Reads the attributes as if they were one, so that an option that is given twice is noticed. `false` where one has
/// no options that could be read.
fn each_own(
    attrs: &[Attribute],
    specs: &'static [Spec],
    errors: &mut Errors,
    mut read: impl FnMut(options::Name<'_>, syn::parse::ParseStream<'_>, &mut Errors) -> syn::Result<()>,
) -> bool {
    let before = errors.count();
    let mut all = TokenStream::new();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("entity")) {
        match value::arguments(attr) {
            Ok(tokens) if all.is_empty() => all = tokens,
            Ok(tokens) => all.extend(quote!(, #tokens)),
            Err(error) => errors.push(error),
        }
    }
    let readable = errors.count() == before;
    options::read(all, specs, errors, &mut read);
    readable
}
