//! What follows a struct with `rate_limit(…)`: the method that gives the limit.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{quote, quote_spanned};

use super::{docs, duration_of, option, place};
use crate::grammar::rate_limit::{Algorithm, OnError};
use crate::model::Crate;
use crate::model::rate_limit::{Counts, RateLimit, Rule};
use crate::names;

/// The method, in an `impl` block of its own.
pub(super) fn rate_limit(limit: &RateLimit) -> TokenStream {
    let ident = &limit.ident;
    let method = method(limit);
    quote! {
        #[allow(dead_code, reason = "there is a method for each limit, whether it is called or not")]
        impl #ident {
            #method
        }
    }
}

fn method(limit: &RateLimit) -> TokenStream {
    let RateLimit { krate, cache, .. } = limit;
    let name = &limit.name;
    let docs = docs::attributes(&docs::rate_limit::rate_limit(limit));
    let (returns, through, kind, spec) = match &limit.counts {
        Counts::Calls { .. } => ("RateLimit", "generated_rate_limit", "LimitSpec", calls(limit)),
        Counts::AtOnce { .. } => {
            ("ConcurrencyLimit", "generated_concurrency_limit", "ConcurrencySpec", at_once(limit))
        }
    };
    let [returns, through, kind] =
        [returns, through, kind].map(|word| names::ident(word, proc_macro2::Span::call_site()));
    let secret = option(limit.secret.as_ref().map(secret));
    // Without the field an error says so, and this is type-checked and never run.
    let body = match cache {
        Some(field) => {
            let cache = quote_spanned!(place(field.span())=> &self.#field);
            quote! {
                static SPEC: #krate::__private::limits::#kind = #spec;
                #krate::CacheManager::#through(#cache, &SPEC, #secret)
            }
        }
        None => quote!(::core::unreachable!()),
    };
    quote! {
        #docs
        #[must_use]
        pub fn #name(&self) -> #krate::#returns {
            #body
        }
    }
}

fn secret(field: &Ident) -> TokenStream {
    quote_spanned!(place(field.span())=> ::core::convert::AsRef::<[u8]>::as_ref(&self.#field))
}

fn calls(limit: &RateLimit) -> TokenStream {
    let krate = &limit.krate;
    let Counts::Calls { rules, local } = &limit.counts else { return TokenStream::new() };
    let (name, on_error, allow) = common(limit);
    let mut rules = rules.iter().map(|of| (names::plain(&of.name), rule(krate, of)));
    let first = rules.next().map(|(_, rule)| rule);
    let others = rules.map(|(name, rule)| quote!((#name, #rule)));
    quote! {
        #krate::__private::limits::LimitSpec {
            name: #name,
            first: #first,
            others: &[#(#others),*],
            on_error: #on_error,
            allow: &[#(#allow),*],
            local: #local,
        }
    }
}

fn at_once(limit: &RateLimit) -> TokenStream {
    let krate = &limit.krate;
    let Counts::AtOnce { limit: seats, lease } = &limit.counts else { return TokenStream::new() };
    let (name, on_error, allow) = common(limit);
    let (seats, lease) = (Literal::u32_unsuffixed(*seats), option(lease.map(duration_of)));
    quote! {
        #krate::__private::limits::ConcurrencySpec {
            name: #name,
            limit: #seats,
            lease: #lease,
            on_error: #on_error,
            allow: &[#(#allow),*],
        }
    }
}

fn common(limit: &RateLimit) -> (String, TokenStream, &[syn::LitStr]) {
    let krate = &limit.krate;
    let on_error = match limit.on_error {
        OnError::Allow => quote!(#krate::__private::limits::OnError::Allow),
        OnError::Deny => quote!(#krate::__private::limits::OnError::Deny),
    };
    (names::plain(&limit.name), on_error, &limit.allow)
}

fn rule(krate: &Crate, rule: &Rule) -> TokenStream {
    let algorithm = match rule.algorithm {
        Algorithm::TokenBucket => quote!(TokenBucket),
        Algorithm::FixedWindow => quote!(FixedWindow),
        Algorithm::SlidingCounter => quote!(SlidingCounter),
        Algorithm::SlidingLog => quote!(SlidingLog),
        // A limit of what happens at the same time has no rules.
        Algorithm::Gcra | Algorithm::Concurrency => quote!(Gcra),
    };
    let (limit, per) = (Literal::u32_unsuffixed(rule.limit), duration_of(rule.per));
    let burst = option(rule.burst.map(|burst| {
        let burst = Literal::u32_unsuffixed(burst);
        quote!(#burst)
    }));
    quote! {
        #krate::__private::limits::RuleSpec {
            algorithm: #krate::__private::limits::Algorithm::#algorithm,
            limit: #limit,
            per: #per,
            burst: #burst,
        }
    }
}
