//! Sessions: a struct with a manager, over one type of data.

use proc_macro2::Ident;
use syn::{LitStr, Type};

use super::Crate;
use crate::grammar::session::Field;

/// What `session(…)` adds to a struct.
pub(crate) struct Sessions {
    pub(crate) krate: Crate,
    pub(crate) ident: Ident,
    /// The field with the manager; none after an error.
    pub(crate) cache: Option<Ident>,
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
