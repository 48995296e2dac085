//! The hand that speaks to Postgres through sqlx: entities, their SQL, the data source, the schema check.

mod entity;
mod index;
mod schema;
mod source;
mod sql;

pub use entity::{Column, Entity, EntityId, Field};
pub use index::IndexValue;
pub(crate) use schema::verify;
pub use schema::{SchemaDifference, SchemaError};
pub use source::PgSource;
pub(crate) use source::{Change, Rows, in_order};
pub(crate) use sql::Statements;
