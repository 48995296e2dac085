//! What generated code names. No part of the public interface.

#[cfg(feature = "postgres")]
mod rows;

pub use serde;

#[cfg(feature = "postgres")]
pub use self::rows::*;

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
