//! The hand that speaks to Postgres through sqlx: entities, their SQL, the data source, the schema check, the outbox and the triggers that
//! write to it.

pub(crate) mod applied;
mod condition;
mod entity;
mod index;
mod lent;
mod migrations;
mod outbox;
mod refusal;
mod schema;
#[cfg(feature = "session")]
pub(crate) mod sessions;
mod source;
mod sql;
pub(crate) mod watch;

pub(crate) use condition::{Between, order_by};
pub use condition::{By, Operand, Order, Test, When, compared};
pub use entity::{Column, Entity, EntityId, Field};
pub use index::IndexValue;
pub(crate) use lent::Lent;
pub use migrations::migrate;
pub(crate) use outbox::PgOutbox;
pub(crate) use outbox::{delivered, record};
pub(crate) use refusal::is_refusal;
pub(crate) use schema::verify;
pub use schema::{SchemaDifference, SchemaError};
pub use source::PgSource;
pub(crate) use source::{Change, Rows, in_order};
pub(crate) use sql::{Pages, Statements};
