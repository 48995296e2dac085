//! What must hold beyond the grammar. Annotations in, models out: as complete as can be, so that one mistake gives one
//! error and not also those that would follow from missing code.

pub(crate) mod answer;
pub(crate) mod entity;
pub(crate) mod method;
pub(crate) mod methods;
pub(crate) mod repository;
pub(crate) mod signature;
