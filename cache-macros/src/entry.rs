//! From the tokens that a macro is given to the tokens that it makes. What the user wrote comes first, and stays also
//! after a mistake.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::parse::{Parse, ParseStream, Parser as _};
use syn::{Attribute, DeriveInput, ItemStruct, Token, Visibility};

use crate::check;
use crate::errors::Errors;
use crate::expand;
use crate::grammar::impl_block::{self, ImplBlock};
use crate::grammar::{entity, repository};
use crate::model::Crate;
use crate::model::helpers::Owner;

/// `#[derive(Entity)]`
pub(crate) fn derive_entity(item: TokenStream) -> TokenStream {
    Errors::report(|errors| {
        let Some(input) = parsed::<DeriveInput>(item, errors) else {
            return TokenStream::new();
        };
        let annotation = entity::on_struct(&input.attrs, errors);
        let fields = entity::on_fields(&input, errors);
        check::entity::entity(&input, annotation, fields, errors)
            .as_ref()
            .map(expand::entity::entity)
            .unwrap_or_default()
    })
}

/// `#[cached_repository]`
pub(crate) fn cached_repository(arguments: TokenStream, item: TokenStream) -> TokenStream {
    Errors::report(|errors| match Kind::of.parse2(item.clone()) {
        Ok(Kind::Struct) => on_struct(arguments, item, errors),
        Ok(Kind::Impl) => on_impl(arguments, item, errors),
        Ok(Kind::Other(place)) => {
            errors.at_span(
                place,
                "`#[cached_repository]` is for a struct with named fields, and for `impl` blocks of that struct",
            );
            item
        }
        Err(error) => {
            errors.push(error);
            item
        }
    })
}

/// `#[cached]`, `#[cache_put]` or `#[invalidates]` where no `#[cached_repository]` has read it.
pub(crate) fn on_its_own(name: &str, item: TokenStream) -> TokenStream {
    Errors::report(|errors| {
        errors.at_span(
            Span::call_site(),
            format!("`#[{name}]` is read by the `impl` block that it stands in: put `#[cached_repository]` on that block"),
        );
        item
    })
}

fn parsed<T: Parse>(tokens: TokenStream, errors: &mut Errors) -> Option<T> {
    syn::parse2(tokens).map_err(|error| errors.push(error)).ok()
}

/// What the attribute stands on.
enum Kind {
    Struct,
    Impl,
    Other(Span),
}

impl Kind {
    fn of(input: ParseStream<'_>) -> syn::Result<Self> {
        input.call(Attribute::parse_outer)?;
        input.parse::<Visibility>()?;
        let kind = if input.peek(Token![struct]) {
            Self::Struct
        } else if input.peek(Token![impl]) || input.peek2(Token![impl]) {
            Self::Impl
        } else {
            Self::Other(input.span())
        };
        input.parse::<TokenStream>()?;
        Ok(kind)
    }
}

fn on_struct(arguments: TokenStream, item: TokenStream, errors: &mut Errors) -> TokenStream {
    let Some(parsed) = parsed::<ItemStruct>(item.clone(), errors) else {
        return item;
    };
    let mut annotation = repository::on_struct(arguments, errors);
    let helpers = std::mem::take(&mut annotation.helpers);
    let has_rows = annotation.entity_is_given || !annotation.helper_is_given;
    let krate = Crate::new(annotation.krate.clone());
    let (made, cache, methods) = if has_rows {
        let repository = check::repository::repository(&parsed, annotation, errors);
        let made = repository.as_ref().map(expand::repository::repository);
        let methods = repository.as_ref().map(check::repository::methods).unwrap_or_default();
        (made, repository.and_then(|repository| repository.cache), methods)
    } else {
        (None, check::repository::without_rows(&parsed, annotation, errors), Vec::new())
    };
    let fields = parsed.fields.iter().filter_map(|field| field.ident.clone()).collect();
    let owner = Owner { krate, ident: parsed.ident.clone(), cache, has_rows, methods, fields };
    let helped = check::helpers::helpers(&parsed, &owner, helpers, errors);
    // What is generated for a struct with generics would not compile.
    if !parsed.generics.params.is_empty() {
        return quote!(#item #made);
    }
    let helped = helped.iter().map(expand::helpers::helper);
    quote!(#item #made #(#helped)*)
}

fn on_impl(arguments: TokenStream, item: TokenStream, errors: &mut Errors) -> TokenStream {
    let krate = Crate::new(repository::on_impl(arguments, errors));
    let Some(block) = parsed::<ImplBlock>(item.clone(), errors) else {
        return item;
    };
    let known = |name: &Ident| name == "cached" || name == "cache_put" || name == "invalidates";
    let annotation = |path: &syn::Path| krate.names(path).filter(known);
    let read = |input: ParseStream<'_>| impl_block::members(input, &annotation);
    let members = match read.parse2(block.body.stream()) {
        Ok(members) => members,
        Err(error) => {
            errors.push(error);
            return item;
        }
    };
    expand::methods::block(&check::methods::block(krate, block, &members, errors))
}
