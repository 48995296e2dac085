//! Of an entity: a table, an id, columns that exist, values that survive the cache.

use quote::ToTokens;
use syn::DeriveInput;

use crate::errors::Errors;
use crate::grammar::entity::{AnnotatedField, Annotation, Json};
use crate::model::Crate;
use crate::model::entity::{Column, Entity, Storage};
use crate::{names, types};

/// The entity that the annotations describe; `None` where nothing can be made of them.
pub(crate) fn entity(
    input: &DeriveInput,
    annotation: Annotation,
    fields: Option<Vec<AnnotatedField>>,
    errors: &mut Errors,
) -> Option<Entity> {
    let Some(fields) = fields else {
        errors
            .at(&input.ident, "`Entity` is for structs with named fields: each field is a column");
        return None;
    };
    if !input.generics.params.is_empty() {
        errors.at(
            &input.generics,
            "an entity is a row of one table: write concrete types, without generics and lifetimes",
        );
        return None;
    }
    let table = table(input, &annotation, errors);
    let id_span = fields
        .iter()
        .find(|field| field.id.is_some())
        .map_or(input.ident.span(), |field| field.ident.span());
    require_id(input, &fields, errors);
    let self_describing =
        annotation.self_describing || fields.iter().any(|field| field.serde.self_describing);
    let mut columns: Vec<Column> = Vec::new();
    for field in fields {
        let Some(column) = column(field, &annotation, errors) else {
            continue;
        };
        if let Some(other) = columns.iter().find(|other| other.name == column.name) {
            errors.at(
                &column.field,
                format!(
                    "`{}` is the column `{}`, too: give one of the two another column",
                    names::plain(&other.field),
                    column.name
                ),
            );
        }
        columns.push(column);
    }
    Some(Entity {
        krate: Crate::new(annotation.krate),
        ident: input.ident.clone(),
        table,
        version: annotation.version.unwrap_or(1),
        self_describing,
        columns,
        id_span,
    })
}

fn table(input: &DeriveInput, annotation: &Annotation, errors: &mut Errors) -> String {
    let Some(written) = &annotation.table else {
        if annotation.table_is_given {
            return String::new();
        }
        let guess = names::plural(&names::snake_case(&names::plain(&input.ident)));
        errors.at(
            &input.ident,
            format!(
                "`{}` names no table: add `#[entity(table = \"{guess}\")]`",
                names::plain(&input.ident)
            ),
        );
        return String::new();
    };
    let table = written.value();
    let parts: Vec<&str> = table.split('.').collect();
    if parts.len() > 2
        || parts.iter().any(|part| part.trim().is_empty() || part.contains(['"', '\0']))
    {
        let what = if table.is_empty() {
            "the table is empty".to_owned()
        } else {
            format!("`{table}` is not a table")
        };
        errors.at(
            written,
            format!("{what}: write its name, with its schema or without, and without quotes: \"cities\", \"geo.cities\""),
        );
    }
    table
}

fn require_id(input: &DeriveInput, fields: &[AnnotatedField], errors: &mut Errors) {
    if fields.iter().any(|field| field.id.is_some()) {
        return;
    }
    let advice = if fields.iter().any(|field| field.ident == "id") {
        "put `#[entity(id)]` on the field `id`"
    } else {
        "put `#[entity(id)]` on the field that is the primary key, or on each of its fields"
    };
    errors.at(&input.ident, format!("`{}` has no id: {advice}", names::plain(&input.ident)));
}

fn column(field: AnnotatedField, annotation: &Annotation, errors: &mut Errors) -> Option<Column> {
    let plain = names::plain(&field.ident);
    if let Some(attribute) = &field.sqlx.unlike_a_column {
        errors.at(
            attribute,
            format!(
                "an entity's field is one column of its own type, so `{attribute}` cannot be written back: list the columns as \
                 fields, or give the field a type that implements sqlx's `Type`, `Encode` and `Decode`"
            ),
        );
        return None;
    }
    if field.sqlx.skip {
        not_a_column(&field, errors);
        return None;
    }
    if let Some(attribute) = &field.serde.skip {
        errors.at(
            attribute,
            format!(
                "`{plain}` would come back from the cache without its value: remove `{attribute}`, or add `#[sqlx(skip)]` if it \
                 is no column"
            ),
        );
    }
    let json = field.sqlx.json.is_some();
    if field.id.is_some() && json {
        errors.at(&field.ident, "a JSON column cannot be an id: choose a column with a plain type");
    } else if field.id.is_some() && types::argument_of(&field.ty, "Option").is_some() {
        errors.at(&field.ty, "an id is never NULL: write the type without `Option`");
    }
    Some(Column {
        name: column_name(&field, &plain, annotation, errors),
        id: field.id.is_some() && !json,
        generated: field.generated.is_some(),
        storage: match field.sqlx.json {
            None => Storage::Plain,
            Some(Json::Plain) => Storage::Json,
            Some(Json::Nullable) => Storage::NullableJson,
        },
        keyed: !json && (field.id.is_some() || !field.serde.custom),
        field: field.ident,
        ty: field.ty,
    })
}

/// The column that sqlx's `FromRow` reads.
fn column_name(
    field: &AnnotatedField,
    plain: &str,
    annotation: &Annotation,
    errors: &mut Errors,
) -> String {
    let read = match (&field.sqlx.rename, annotation.rename_all) {
        (Some(name), _) => name.value(),
        (None, Some(pattern)) => pattern.apply(plain),
        (None, None) => plain.to_owned(),
    };
    let Some(column) = &field.column else {
        return read;
    };
    if column.value() != read {
        errors.at(
            column,
            format!(
                "sqlx's `FromRow` reads this field from the column `{read}`: write `#[sqlx(rename = {})]`, which `Entity` \
                 follows, too",
                column.to_token_stream()
            ),
        );
    }
    column.value()
}

fn not_a_column(field: &AnnotatedField, errors: &mut Errors) {
    let column = field.column.as_ref().map(syn::LitStr::span);
    for span in [field.id, field.generated, column].into_iter().flatten() {
        errors.at_span(
            span,
            "`#[sqlx(skip)]` says that this field is no column: remove one of the two",
        );
    }
}
