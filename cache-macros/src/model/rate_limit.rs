//! A rate limit: a method that gives it, and what it says.

use proc_macro2::Ident;
use syn::LitStr;

use super::Crate;
use crate::grammar::rate_limit::{Algorithm, OnError};

/// What one `rate_limit(…)` adds.
pub(crate) struct RateLimit {
    pub(crate) krate: Crate,
    pub(crate) ident: Ident,
    /// The field with the manager; none after an error.
    pub(crate) cache: Option<Ident>,
    pub(crate) name: Ident,
    pub(crate) counts: Counts,
    pub(crate) on_error: OnError,
    pub(crate) allow: Vec<LitStr>,
    /// The field with the secret.
    pub(crate) secret: Option<Ident>,
}

/// What is limited.
pub(crate) enum Counts {
    /// Calls in a time.
    Calls { rules: Vec<Rule>, local: bool },
    /// What happens at the same time; the lease in milliseconds.
    AtOnce { limit: u32, lease: Option<u64> },
}

/// So many calls in so much time. The first one of a limit bears its name.
pub(crate) struct Rule {
    pub(crate) name: Ident,
    pub(crate) algorithm: Algorithm,
    pub(crate) limit: u32,
    /// In milliseconds.
    pub(crate) per: u64,
    pub(crate) burst: Option<u32>,
}
