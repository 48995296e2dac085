//! Sessions: a struct with a manager, over one type of data.

use proc_macro2::Ident;
use syn::{LitStr, Type};

use super::Crate;
use crate::grammar::session::Field;
use crate::names;

/// What `session(…)` adds to a struct.
pub(crate) struct Sessions {
    pub(crate) krate: Crate,
    pub(crate) ident: Ident,
    /// The field with the manager; none after an error.
    pub(crate) cache: Option<Ident>,
    /// The field with the pool of the database that keeps them, if one does.
    pub(crate) keep: Option<Ident>,
    pub(crate) data: Type,
    /// What stands in the keys, if it is not the struct's name.
    pub(crate) name: Option<LitStr>,
    /// Milliseconds.
    pub(crate) idle: u64,
    /// Milliseconds.
    pub(crate) absolute: u64,
    pub(crate) user: Option<Ident>,
    pub(crate) per_user: Option<u32>,
    pub(crate) tolerant: bool,
    pub(crate) fields: Vec<Field>,
}

/// The methods that all sessions have.
pub(crate) const METHODS: [&str; 7] =
    ["create", "get", "touch", "update", "rotate", "destroy", "destroy_everyone"];

/// The methods that they have besides where they have a user.
pub(crate) const METHODS_OF_A_USER: [&str; 4] =
    ["destroy_all", "destroy_others", "destroy_listed", "list"];

/// The method that sets a field.
pub(crate) fn setter(field: &Ident) -> String {
    format!("set_{}", names::plain(field))
}
