//! The code for an entity's id: its types, passing it, reading it, binding it.

use proc_macro2::{Literal, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;

use super::place;
use crate::model::entity::{Column, Entity};
use crate::types::Passing;

/// The id's part of `impl Entity`.
pub(super) fn id(entity: &Entity) -> TokenStream {
    let parts: Vec<&Column> = entity.id().collect();
    let id = match parts.as_slice() {
        [only] => single(only),
        _ => composite(entity, &parts),
    };
    items(&id)
}

/// The code that differs from id to id.
struct Id {
    ty: TokenStream,
    /// How it is passed, with the lifetime `'a`.
    argument: TokenStream,
    /// The same, with any lifetime.
    given: TokenStream,
    from: TokenStream,
    own: TokenStream,
    /// Whether a row has an id, where there is a better way than to compare it with a copy.
    has: Option<TokenStream>,
    bind: TokenStream,
    bind_all: TokenStream,
    of_row: TokenStream,
}

fn single(column: &Column) -> Id {
    let ty = &column.ty;
    let span = place(ty.span());
    let (argument, given, from) = match column.passing() {
        Passing::Copied => (quote!(#ty), quote!(#ty), quote!(Borrowed(argument))),
        Passing::Text => {
            (quote!(&'a str), quote!(&str), quote!(Owned(::std::string::String::from(*argument))))
        }
        Passing::Borrowed => (quote!(&'a #ty), quote!(&#ty), quote!(Borrowed(*argument))),
    };
    Id {
        ty: quote!(#ty),
        argument,
        given,
        from,
        own: own(column),
        has: (column.passing() == Passing::Text).then(|| has(column, &quote!(*id))),
        bind: quote_spanned!(span=> __p::add(arguments, id)),
        bind_all: quote_spanned!(span=> __p::add(arguments, ids.to_vec())),
        of_row: of_row(column),
    }
}

/// Several columns: a tuple in the order of the fields. None, after an error: `()`.
fn composite(entity: &Entity, parts: &[&Column]) -> Id {
    let tys = parts.iter().map(|column| &column.ty);
    let tuple = quote_spanned!(place(entity.id_span)=> (#(#tys),*));
    let copied = parts.iter().all(|column| column.passing() == Passing::Copied);
    let (argument, given, from) = if copied {
        (tuple.clone(), tuple.clone(), quote!(Borrowed(argument)))
    } else {
        (quote!(&'a #tuple), quote!(&#tuple), quote!(Borrowed(*argument)))
    };
    let numbered =
        || parts.iter().enumerate().map(|(at, column)| (Literal::usize_unsuffixed(at), column));
    let own = parts.iter().map(|column| own(column));
    // Of a type of the user's own it is not known whether it can be compared: that is said in one place.
    let known = parts.iter().all(|column| column.passing() != Passing::Borrowed) && !copied;
    let has = numbered().map(|(at, column)| has(column, &quote!(id.#at)));
    let bind = numbered().map(
        |(at, column)| quote_spanned!(place(column.ty.span())=> __p::add(arguments, &id.#at)?;),
    );
    let bind_all = numbered().map(|(at, column)| {
        let ty = &column.ty;
        let value = cloned(column, &quote!(id.#at));
        quote_spanned! {place(ty.span())=>
            __p::add(arguments, ids.iter().map(|id| #value).collect::<::std::vec::Vec<#ty>>())?;
        }
    });
    let of_row = parts.iter().map(|column| of_row(column));
    let ok = quote!(::core::result::Result::Ok);
    Id {
        own: quote!((#(#own),*)),
        has: known.then(|| quote!(#(#has)&&*)),
        bind: quote!(#(#bind)* #ok(())),
        bind_all: quote!(#(#bind_all)* #ok(())),
        of_row: quote!(#ok((#(#of_row?),*))),
        ty: tuple,
        argument,
        given,
        from,
    }
}

fn own(column: &Column) -> TokenStream {
    let field = &column.field;
    cloned(column, &quote!(self.#field))
}

fn has(column: &Column, part: &TokenStream) -> TokenStream {
    let field = &column.field;
    quote!(self.#field == #part)
}

fn cloned(column: &Column, value: &TokenStream) -> TokenStream {
    if column.passing() == Passing::Copied {
        value.clone()
    } else {
        quote!(::core::clone::Clone::clone(&#value))
    }
}

/// Reads the column out of a row.
fn of_row(column: &Column) -> TokenStream {
    let Column { name, ty, .. } = column;
    quote_spanned!(place(ty.span())=> __p::sqlx::Row::try_get::<#ty, _>(row, #name))
}

/// The types are written out: where one of the entity's own traits is missing, `Self::Id` would report it again.
fn items(Id { ty, argument, given, from, own, has, bind, bind_all, of_row }: &Id) -> TokenStream {
    let has = has.as_ref().map(|has| {
        quote! {
            fn has_id(&self, id: &#ty) -> bool {
                #has
            }
        }
    });
    quote! {
        type Id = #ty;
        type IdArg<'a> = #argument;

        fn id(&self) -> #ty {
            #own
        }

        #has

        fn id_from<'a>(argument: &'a #given) -> ::std::borrow::Cow<'a, #ty> {
            ::std::borrow::Cow::#from
        }

        fn bind_id(
            id: &#ty,
            arguments: &mut __p::PgArguments,
        ) -> ::core::result::Result<(), __p::BoxDynError> {
            #bind
        }

        fn bind_ids(
            ids: &[#ty],
            arguments: &mut __p::PgArguments,
        ) -> ::core::result::Result<(), __p::BoxDynError> {
            #bind_all
        }

        fn id_of_row(row: &__p::PgRow) -> __p::sqlx::Result<#ty> {
            #of_row
        }
    }
}
