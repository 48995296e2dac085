//! The code for one column: its description, its value in a query and in a key, and `impl Field`.

use proc_macro2::{Literal, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::LitInt;
use syn::spanned::Spanned as _;

use super::{moved, place};
use crate::model::Crate;
use crate::model::entity::{Column, Entity, Storage};
use crate::types::Passing;
use crate::{names, types};

/// The type that stands for a field: its name's hash, as a reader of the expansion can compare it.
pub(crate) fn hash(name: &str, span: Span) -> LitInt {
    LitInt::new(&format!("0x{:016x}", names::hash(name)), span)
}

/// `Column { … }`
pub(super) fn description(krate: &Crate, column: &Column) -> TokenStream {
    let Column { name, ty, id, generated, .. } = column;
    let (rust_type, nullable) = (types::compact(ty), column.nullable());
    let span = place(ty.span());
    let sent = match column.storage {
        Storage::Plain => quote!(#ty),
        Storage::Json => quote_spanned!(span=> __p::sqlx::types::Json<#ty>),
        Storage::NullableJson => {
            let inner = column.inner();
            quote_spanned!(span=> ::core::option::Option<__p::sqlx::types::Json<#inner>>)
        }
    };
    let sql = quote_spanned!(span=> <#sent as __p::sqlx::Type<__p::sqlx::Postgres>>);
    quote! {
        #krate::Column {
            name: #name,
            rust_type: #rust_type,
            id: #id,
            generated: #generated,
            nullable: #nullable,
            compatible: #sql::compatible,
        }
    }
}

/// The field as an argument of a query.
pub(super) fn bound(column: &Column) -> TokenStream {
    let field = moved(&column.field, column.ty.span());
    let span = place(column.ty.span());
    match column.storage {
        Storage::Plain => quote_spanned!(span=> &self.#field),
        Storage::Json => quote_spanned!(span=> __p::sqlx::types::Json(&self.#field)),
        Storage::NullableJson => {
            quote_spanned!(span=> self.#field.as_ref().map(__p::sqlx::types::Json))
        }
    }
}

/// Appends the field to a key, and says whether there was a value.
pub(super) fn written_to_key(column: &Column) -> Option<TokenStream> {
    if !column.keyed {
        return None;
    }
    let field = moved(&column.field, column.ty.span());
    let span = place(column.ty.span());
    Some(if column.nullable() {
        quote_spanned! {span=>
            match &self.#field {
                ::core::option::Option::Some(value) => {
                    key.push_value(value);
                    true
                }
                ::core::option::Option::None => false,
            }
        }
    } else {
        quote_spanned! {span=>
            {
                key.push_value(&self.#field);
                true
            }
        }
    })
}

/// `impl Field`, for a column that can be looked up by.
pub(super) fn field(entity: &Entity, number: usize, column: &Column) -> Option<TokenStream> {
    if !column.keyed {
        return None;
    }
    let Entity { krate, ident, .. } = entity;
    let name = hash(&names::plain(&column.field), Span::call_site());
    let number = Literal::usize_unsuffixed(number);
    let inner = column.inner();
    let (target, argument, given) = match column.passing() {
        Passing::Copied => (quote!(#inner), quote!(#inner), quote!(#inner)),
        Passing::Text => (quote!(str), quote!(&'a str), quote!(&str)),
        Passing::Borrowed => (quote!(#inner), quote!(&'a #inner), quote!(&#inner)),
    };
    Some(quote! {
        #[automatically_derived]
        impl #krate::Field<#name> for #ident {
            type Target = #target;
            type Arg<'a> = #argument;
            const COLUMN: usize = #number;

            fn target<'a>(argument: &'a #given) -> &'a #target {
                argument
            }
        }
    })
}
