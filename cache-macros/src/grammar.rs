//! What may be written: tokens in, annotations out, each part still where the user wrote it.

pub(crate) mod condition;
pub(crate) mod duration;
pub(crate) mod entity;
pub(crate) mod foreign;
pub(crate) mod helpers;
pub(crate) mod impl_block;
pub(crate) mod level;
pub(crate) mod methods;
pub(crate) mod options;
pub(crate) mod rate_limit;
pub(crate) mod repository;
pub(crate) mod session;
pub(crate) mod template;
pub(crate) mod terms;
pub(crate) mod value;
