//! What a struct is given beside rows, or in their place.

use proc_macro2::Ident;

use super::Crate;
use super::rate_limit::RateLimit;
use super::session::Sessions;

/// The struct that is given it.
#[derive(Clone)]
pub(crate) struct Owner {
    pub(crate) krate: Crate,
    pub(crate) ident: Ident,
    /// The field with the manager; none after an error.
    pub(crate) cache: Option<Ident>,
    /// Whether it is a repository of rows, too.
    pub(crate) has_rows: bool,
    /// The methods that the rows bring.
    pub(crate) methods: Vec<String>,
    /// All of its fields.
    pub(crate) fields: Vec<Ident>,
}

/// One thing that it is given.
pub(crate) enum Made {
    /// `session(…)`
    Sessions(Box<Sessions>),
    /// `rate_limit(…)`
    RateLimit(RateLimit),
}
