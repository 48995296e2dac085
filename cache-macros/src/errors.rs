//! Every mistake of an annotation, collected and reported together.

use std::fmt::Display;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;

/// The mistakes found so far.
///
/// There is no way to make one except [`Errors::report`], so none can be dropped unseen.
pub(crate) struct Errors {
    found: Vec<syn::Error>,
}

impl Errors {
    /// Runs `work`; the mistakes that it reports follow the tokens that it makes.
    pub(crate) fn report(work: impl FnOnce(&mut Self) -> TokenStream) -> TokenStream {
        let mut errors = Self { found: Vec::new() };
        let mut tokens = work(&mut errors);
        tokens.extend(errors.found.iter().map(syn::Error::to_compile_error));
        tokens
    }

    /// Reports a mistake at these tokens.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.push(syn::Error::new_spanned(tokens, message));
    }

    /// Reports a mistake at this place.
    pub(crate) fn at_span(&mut self, span: Span, message: impl Display) {
        self.push(syn::Error::new(span, message));
    }

    /// Reports what a parser found.
    pub(crate) fn push(&mut self, error: syn::Error) {
        self.found.push(error);
    }

    /// How many mistakes there are: what was read since an earlier count is sound if the count has not grown.
    pub(crate) fn count(&self) -> usize {
        self.found.len()
    }
}
