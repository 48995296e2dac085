//! What must hold beyond the grammar. Annotations in, models out: as complete as can be, so that one mistake gives one
//! error and not also those that would follow from missing code.

mod answer;
mod call;
mod condition;
pub(crate) mod entity;
pub(crate) mod helpers;
mod invalidation;
mod method;
pub(crate) mod methods;
mod rate_limit;
pub(crate) mod repository;
mod session;
mod signature;
mod terms;
