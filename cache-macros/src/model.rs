//! What the annotations come to: plain data that the expansion turns into code without a further question.

pub(crate) mod condition;
pub(crate) mod entity;
pub(crate) mod helpers;
pub(crate) mod key;
pub(crate) mod method;
pub(crate) mod rate_limit;
pub(crate) mod repository;
pub(crate) mod session;

use proc_macro2::Ident;
use syn::Path;

/// The crate that generated code calls.
#[derive(Clone)]
pub(crate) struct Crate(pub(crate) Path);

impl Crate {
    /// The path that `crate = …` gave, else `::cache_runtime`.
    pub(crate) fn new(given: Option<Path>) -> Self {
        Self(given.unwrap_or_else(|| syn::parse_quote!(::cache_runtime)))
    }

    /// The last name of a path that is bare (`cached`) or goes through this crate (`cache_runtime::cached`).
    pub(crate) fn names(&self, path: &Path) -> Option<Ident> {
        let last = path.segments.last()?.ident.clone();
        let of_crate = path.segments.len() == self.0.segments.len() + 1
            && path
                .segments
                .iter()
                .zip(&self.0.segments)
                .all(|(part, own)| part.ident == own.ident);
        (path.segments.len() == 1 || of_crate).then_some(last)
    }
}

impl quote::ToTokens for Crate {
    fn to_tokens(&self, tokens: &mut proc_macro2::TokenStream) {
        self.0.to_tokens(tokens);
    }
}
