//! What generated code names. No part of the public interface.

pub use serde;
pub use sqlx;
pub use sqlx::PgPool;
pub use sqlx::error::BoxDynError;
pub use sqlx::postgres::{PgArguments, PgRow};
pub use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::{Arguments, Encode, Postgres, Type};

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

/// A value that a cached method may return.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a cached value",
    label = "not a cached value",
    note = "a cached value is written and read back: derive `serde::Serialize` and `serde::Deserialize` for it; it owns \
            its data, and is `Send + Sync`"
)]
pub trait Cacheable {}

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Cacheable for T {}

/// Fails to compile, at the type, for a type that cannot be cached.
pub const fn assert_cacheable<T: Cacheable + ?Sized>() {}

/// Whether a row of this repository is found by more than its id.
#[must_use]
pub const fn has_indexes<R: CachedRepository>() -> bool {
    !(R::CONFIG.unique.is_empty() && R::CONFIG.list.is_empty() && R::CONFIG.tags.is_empty())
}
