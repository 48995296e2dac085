//! What `#[derive(Entity)]` says of a type.

use std::borrow::Cow;
use std::fmt::Debug;
use std::hash::Hash;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::FromRow;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArguments, PgRow, PgTypeInfo};

use crate::key::KeyBuilder;

/// What identifies a row: one column's type, or a tuple for a composite id.
///
/// Implemented for every type that can be kept in a list and written into a key. Two that are equal have to be written alike:
/// a row is found by its id in the program and by its key in the cache, and both have to mean the same row.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an entity's id",
    label = "not usable as an id",
    note = "an id is compared, hashed, cloned, and written to the cache: derive `Clone, PartialEq, Eq, Hash, Serialize, \
            Deserialize` for it"
)]
pub trait EntityId:
    Clone + Eq + Hash + Serialize + DeserializeOwned + Send + Sync + 'static
{
}

impl<T> EntityId for T where
    T: Clone + Eq + Hash + Serialize + DeserializeOwned + Send + Sync + 'static
{
}

/// A row of a table, as `#[derive(Entity)]` describes it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an entity",
    label = "not an entity",
    note = "annotate it: `#[derive(Clone, Serialize, Deserialize, FromRow, Entity)]` with `#[entity(table = \"…\")]` on \
            the struct and `#[entity(id)]` on its id"
)]
pub trait Entity:
    Clone + Serialize + DeserializeOwned + for<'r> FromRow<'r, PgRow> + Send + Sync + Unpin + 'static
{
    /// What identifies a row.
    type Id: EntityId;

    /// How an id is passed to a method: by value where it is `Copy`, else by reference.
    type IdArg<'a>: Copy + Send;

    /// The table, with its schema where one was given: `cities`, `geo.cities`.
    const TABLE: &'static str;

    /// Every column, in the order of the fields.
    const COLUMNS: &'static [Column];

    /// The fields and types as they were written, and the version: part of the fingerprint.
    const DECLARED: &'static str;

    /// Whether only a self-describing codec can carry the type (`serde(flatten)`, `skip_serializing_if`, …).
    const SELF_DESCRIBING: bool;

    /// The id of this row.
    fn id(&self) -> Self::Id;

    /// Whether this row has this id. What is derived compares the fields, and allocates nothing.
    fn has_id(&self, id: &Self::Id) -> bool {
        self.id() == *id
    }

    /// The id that was passed to a method.
    fn id_from<'a>(argument: &'a Self::IdArg<'_>) -> Cow<'a, Self::Id>;

    /// Appends the value of column number `column`, an index into [`COLUMNS`](Self::COLUMNS), to a query's arguments.
    ///
    /// # Errors
    /// What sqlx says when it cannot encode the value.
    fn bind(&self, column: usize, arguments: &mut PgArguments) -> Result<(), BoxDynError>;

    /// Appends an id's columns to a query's arguments, in the order of [`COLUMNS`](Self::COLUMNS).
    ///
    /// # Errors
    /// What sqlx says when it cannot encode the value.
    fn bind_id(id: &Self::Id, arguments: &mut PgArguments) -> Result<(), BoxDynError>;

    /// Appends one array for each id column, in the order of [`COLUMNS`](Self::COLUMNS).
    ///
    /// # Errors
    /// What sqlx says when it cannot encode the values.
    fn bind_ids(ids: &[Self::Id], arguments: &mut PgArguments) -> Result<(), BoxDynError>;

    /// Reads the id out of a row that has the id's columns.
    ///
    /// # Errors
    /// What sqlx says when it cannot decode the value.
    fn id_of_row(row: &PgRow) -> sqlx::Result<Self::Id>;

    /// Appends the value of column number `column` to a key; `false`, and nothing appended, where it is `NULL`.
    fn write_key(&self, column: usize, key: &mut KeyBuilder) -> bool;
}

/// One column of an [`Entity`].
#[derive(Clone, Copy)]
pub struct Column {
    /// Its name in the table, unquoted.
    pub name: &'static str,
    /// The field's type as it was written.
    pub rust_type: &'static str,
    /// Part of the id.
    pub id: bool,
    /// The database makes the value: it is read, and never written.
    pub generated: bool,
    /// The field is an `Option`.
    pub nullable: bool,
    /// Whether a value of this database type can be read into the field.
    pub compatible: fn(&PgTypeInfo) -> bool,
}

impl Debug for Column {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Column")
            .field("name", &self.name)
            .field("rust_type", &self.rust_type)
            .field("id", &self.id)
            .field("generated", &self.generated)
            .field("nullable", &self.nullable)
            .finish_non_exhaustive()
    }
}

/// A field of an [`Entity`], found by the FNV-1a hash of its name: how an annotation elsewhere names it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no such column",
    label = "not a column of `{Self}`",
    note = "`unique(…)`, `list(…)` and `tags(…)` name fields of the entity"
)]
pub trait Field<const NAME: u64> {
    /// The type that is looked up: the field's, without its `Option`; `str` for a `String`.
    type Target: Serialize + Sync + ?Sized;

    /// How a value is passed to a method: by value where it is `Copy`, else by reference.
    type Arg<'a>: Copy + Send + Sync;

    /// Its place in [`Entity::COLUMNS`].
    const COLUMN: usize;

    /// The value that was passed to a method.
    fn target<'a>(argument: &'a Self::Arg<'_>) -> &'a Self::Target;
}
