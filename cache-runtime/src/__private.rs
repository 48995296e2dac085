//! What generated code names. No part of the public interface.

pub use crate::postgres::{When, compared};
pub use crate::repository::check_tag;
pub use serde;
pub use sqlx;
pub use sqlx::PgPool;
pub use sqlx::error::BoxDynError;
pub use sqlx::postgres::{PgArguments, PgRow};
pub use std::sync::Arc;

use std::borrow::Cow;

use sqlx::{Arguments, Encode, Postgres, Type};

use crate::postgres::Entity;
use crate::repository::CachedRepository;

/// What is there with a feature of this crate alone: an annotation that needs one names it here, and the compiler says
/// which feature it is that is off.
pub mod features {
    #[cfg(feature = "msgpack")]
    use crate::policy::Codec;
    #[cfg(feature = "zstd")]
    use crate::policy::Compression;

    /// `codec = "msgpack"`
    #[cfg(feature = "msgpack")]
    pub const MSGPACK: Codec = Codec::MessagePack;

    /// `compression = "zstd"`
    #[cfg(feature = "zstd")]
    pub const ZSTD: Compression = Compression::Zstd;
}

/// What `rate_limit(…)` names.
#[cfg(feature = "rate-limit")]
pub mod limits {
    pub use crate::quota::Algorithm;
    pub use crate::rate_limit::{ConcurrencySpec, LimitSpec, OnError, RuleSpec};
}

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
