//! What follows an annotated struct: `impl CachedRepository`, its methods, and the same methods inside a transaction.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{quote, quote_spanned};

use super::operations::{self, Operation};
use super::{beta_of, codec, compression, condition, docs, duration, level, option, place};
use crate::model::repository::{Index, Repository, Tag, TagPart};
use crate::names;

/// Everything that follows the struct.
pub(crate) fn repository(repository: &Repository) -> TokenStream {
    let operations = operations::all(repository);
    let krate = &repository.krate;
    let implementation = cached_repository(repository);
    let assertions = condition::assertions(repository);
    let methods = methods(repository, &operations);
    let within = within(repository, &operations);
    quote! {
        const _: () = {
            use #krate::__private as __p;
            #implementation
            #assertions
        };
        #methods
        #within
    }
}

fn cached_repository(repository: &Repository) -> TokenStream {
    let Repository { krate, ident, entity, terms, .. } = repository;
    let name = names::plain(ident);
    let (ttl, negative_ttl) = (duration(terms.ttl), duration(terms.negative_ttl));
    let (codec, level) = (codec(krate, terms.codec), level(krate, terms.level));
    let compression = compression(krate, terms.compression);
    let (stale_on_error, soft_timeout) =
        (duration(terms.stale_on_error), duration(terms.soft_timeout));
    let refresh_ahead = option(terms.refresh_ahead.map(beta_of));
    let stale_while_revalidate = duration(terms.stale_while_revalidate);
    let max_loads = option(repository.max_loads.map(|most| {
        let most = Literal::u32_unsuffixed(most);
        quote!(#most)
    }));
    let unique = repository.unique.iter().map(|columns| index(repository, columns));
    let list = repository.list.iter().map(|columns| index(repository, columns));
    let conditions =
        repository.conditions.iter().map(|condition| condition::description(repository, condition));
    let tags = repository.tags.iter().map(|template| tag(repository, template));
    let (db, cache) = (borrowed(repository.db.as_ref()), borrowed(repository.cache.as_ref()));
    quote! {
        static SLOT: #krate::Slot = #krate::Slot::new();

        #[automatically_derived]
        impl #krate::CachedRepository for #ident {
            type Entity = #entity;
            const CONFIG: #krate::RepositoryConfig = #krate::RepositoryConfig {
                name: #name,
                ttl: #ttl,
                negative_ttl: #negative_ttl,
                codec: #codec,
                compression: #compression,
                level: #level,
                stale_on_error: #stale_on_error,
                soft_timeout: #soft_timeout,
                refresh_ahead: #refresh_ahead,
                stale_while_revalidate: #stale_while_revalidate,
                max_loads: #max_loads,
                unique: &[#(#unique),*],
                list: &[#(#list),*],
                conditions: &[#(#conditions),*],
                tags: &[#(#tags),*],
            };

            fn slot() -> &'static #krate::Slot {
                &SLOT
            }

            fn db(&self) -> &__p::PgPool {
                #db
            }

            fn cache(&self) -> &#krate::CacheManager {
                #cache
            }
        }
    }
}

/// `&self.db`. There is no such field only after an error, when the code is type-checked and never run.
pub(super) fn borrowed(field: Option<&Ident>) -> TokenStream {
    match field {
        Some(field) => quote_spanned!(place(field.span())=> &self.#field),
        None => quote!(::core::unreachable!()),
    }
}

fn index(Repository { krate, entity, .. }: &Repository, index: &Index) -> TokenStream {
    let name = index.name();
    let columns = index.columns.iter().map(|column| column_number(krate, entity, column));
    quote!(#krate::Index { name: #name, columns: &[#(#columns),*] })
}

fn tag(Repository { krate, entity, .. }: &Repository, tag: &Tag) -> TokenStream {
    let pieces = tag.parts.iter().map(|part| match part {
        TagPart::Text(text) => quote!(#krate::TagPiece::Text(#text)),
        TagPart::Column(column) => {
            let number = column_number(krate, entity, column);
            quote!(#krate::TagPiece::Column(#number))
        }
    });
    quote!(#krate::TagTemplate { pieces: &[#(#pieces),*] })
}

fn column_number(krate: &crate::model::Crate, entity: &syn::Type, column: &Ident) -> TokenStream {
    let field = operations::field(krate, entity, column);
    quote_spanned!(place(column.span())=> #field::COLUMN)
}

fn methods(repository: &Repository, operations: &[Operation]) -> TokenStream {
    let Repository { krate, ident, .. } = repository;
    let through = quote!(self.__repository());
    let methods = operations
        .iter()
        .map(|operation| method(operation, &operation.docs.alone, &quote!(&self), &through));
    let within = repository.makes("within").then(|| {
        let (within, docs) = (repository.within(), docs::attributes(&docs::within()));
        quote! {
            #docs
            pub fn within<'t>(&'t self, tx: &'t mut #krate::CacheTransaction) -> #within<'t> {
                #within(#krate::Within::new(self, tx))
            }
        }
    });
    quote! {
        #[allow(dead_code, reason = "every repository has the same methods, whether they are called or not")]
        impl #ident {
            #(#methods)*
            #within

            // No part of the methods: what the compiler proves inside of an `async fn` it keeps for nobody, and proves again
            // in the next.
            fn __repository(&self) -> #krate::Repository<'_, Self> {
                #krate::CachedRepository::repository(self)
            }
        }
    }
}

fn within(repository: &Repository, operations: &[Operation]) -> Option<TokenStream> {
    let Repository { krate, ident, vis, .. } = repository;
    if !repository.makes("within") {
        return None;
    }
    let within = repository.within();
    let name = within.to_string();
    let docs = docs::attributes(&docs::within_type(repository));
    let operations: Vec<&Operation> =
        operations.iter().filter(|operation| operation.within).collect();
    let methods = operations.iter().map(|operation| {
        method(operation, &operation.docs.within, &quote!(&mut self), &quote!(self.0))
    });
    let locked = locked(repository);
    Some(quote! {
        #docs
        #vis struct #within<'t>(#krate::Within<'t, #ident>);

        #[automatically_derived]
        impl ::core::fmt::Debug for #within<'_> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_struct(#name).finish_non_exhaustive()
            }
        }

        #[allow(dead_code, reason = "every repository has the same methods, whether they are called or not")]
        impl #within<'_> {
            #(#methods)*
            #locked
        }
    })
}

/// What only a transaction has: a row that stays as it is until the commit.
fn locked(repository: &Repository) -> Option<TokenStream> {
    let operation = operations::get_for_update(repository);
    let made = repository.makes(&names::plain(&operation.name));
    made.then(|| method(&operation, &operation.docs.within, &quote!(&mut self), &quote!(self.0)))
}

fn method(
    operation: &Operation,
    docs: &[String],
    receiver: &TokenStream,
    through: &TokenStream,
) -> TokenStream {
    let Operation { name, arguments, returns, call, is_async, .. } = operation;
    let docs = docs::attributes(docs);
    let arguments = (!arguments.is_empty()).then(|| quote!(, #arguments));
    let (asyncness, awaited) =
        if *is_async { (quote!(async), quote!(.await)) } else { (quote!(), quote!()) };
    quote! {
        #docs
        pub #asyncness fn #name(#receiver #arguments) -> #returns {
            #through.#call #awaited
        }
    }
}
