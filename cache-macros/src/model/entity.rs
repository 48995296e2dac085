//! An entity: a struct that is a row of a table.

use proc_macro2::{Ident, Span};
use syn::Type;

use super::Crate;
use crate::types::{self, Passing};

/// What `#[derive(Entity)]` implements.
pub(crate) struct Entity {
    pub(crate) krate: Crate,
    pub(crate) ident: Ident,
    /// Empty after an error.
    pub(crate) table: String,
    pub(crate) version: u32,
    pub(crate) self_describing: bool,
    pub(crate) columns: Vec<Column>,
    /// Where the id is declared: what an error about the id as a whole points at.
    pub(crate) id_span: Span,
}

impl Entity {
    /// The columns of the id; none after an error.
    pub(crate) fn id(&self) -> impl Iterator<Item = &Column> + Clone {
        self.columns.iter().filter(|column| column.id)
    }
}

/// A field that is a column.
pub(crate) struct Column {
    pub(crate) field: Ident,
    /// The column's name in the table.
    pub(crate) name: String,
    pub(crate) ty: Type,
    pub(crate) id: bool,
    pub(crate) generated: bool,
    pub(crate) storage: Storage,
    /// Whether it can stand in a key, and so be looked up and listed by.
    pub(crate) keyed: bool,
}

impl Column {
    /// The field's type without its `Option`.
    pub(crate) fn inner(&self) -> &Type {
        types::argument_of(&self.ty, "Option").unwrap_or(&self.ty)
    }

    pub(crate) fn nullable(&self) -> bool {
        match self.storage {
            Storage::Plain => types::argument_of(&self.ty, "Option").is_some(),
            Storage::Json => false,
            Storage::NullableJson => true,
        }
    }

    pub(crate) fn passing(&self) -> Passing {
        types::passing(self.inner())
    }
}

/// How a field is sent to the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    /// As it is.
    Plain,
    /// `#[sqlx(json)]`
    Json,
    /// `#[sqlx(json(nullable))]`: an `Option` whose `None` is `NULL`.
    NullableJson,
}
