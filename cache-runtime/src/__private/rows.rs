//! What the code of repositories and entities names.

pub use crate::postgres::{When, compared};
pub use crate::repository::check_tag;
pub use sqlx;
pub use sqlx::PgPool;
pub use sqlx::error::BoxDynError;
pub use sqlx::postgres::{PgArguments, PgRow};
pub use std::sync::Arc;

use std::borrow::Cow;

use sqlx::{Arguments, Encode, Postgres, Type};

use crate::postgres::Entity;
use crate::repository::CachedRepository;

/// Appends a value to a query's arguments.
///
/// # Errors
/// What sqlx says when it cannot encode the value.
pub fn add<'q, T: Encode<'q, Postgres> + Type<Postgres>>(
    arguments: &mut PgArguments,
    value: T,
) -> Result<(), BoxDynError> {
    arguments.add(value)
}

/// The id that was passed to a method of the repository.
pub fn id<'a, R: CachedRepository>(
    argument: &'a <R::Entity as Entity>::IdArg<'_>,
) -> Cow<'a, <R::Entity as Entity>::Id> {
    R::Entity::id_from(argument)
}

/// Whether a row of this repository is found by more than its id.
#[must_use]
pub const fn has_indexes<R: CachedRepository>() -> bool {
    !(R::CONFIG.unique.is_empty()
        && R::CONFIG.list.is_empty()
        && R::CONFIG.conditions.is_empty()
        && R::CONFIG.tags.is_empty())
}
