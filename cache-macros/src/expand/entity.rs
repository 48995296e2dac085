//! `impl Entity`.

use proc_macro2::{Literal, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;

use super::{columns, id, place};
use crate::model::entity::{Column, Entity};
use crate::{names, types};

/// The implementations of `Entity`, and of `Field` for each column that can be a key.
pub(crate) fn entity(entity: &Entity) -> TokenStream {
    let Entity { krate, ident, table, self_describing, .. } = entity;
    let columns = entity.columns.iter().map(|column| columns::description(krate, column));
    let declared = declared(entity);
    let id = id::id(entity);
    let bind = arms(entity, |column| {
        let value = columns::bound(column);
        Some(quote_spanned!(place(column.ty.span())=> __p::add(arguments, #value)))
    });
    let write_key = arms(entity, columns::written_to_key);
    let fields = entity
        .columns
        .iter()
        .enumerate()
        .map(|(place, column)| columns::field(entity, place, column));
    quote! {
        const _: () = {
            use #krate::__private as __p;

            #[automatically_derived]
            impl #krate::Entity for #ident {
                #id
                const TABLE: &'static str = #table;
                const COLUMNS: &'static [#krate::Column] = &[#(#columns),*];
                const DECLARED: &'static str = #declared;
                const SELF_DESCRIBING: bool = #self_describing;

                fn bind(
                    &self,
                    column: usize,
                    arguments: &mut __p::PgArguments,
                ) -> ::core::result::Result<(), __p::BoxDynError> {
                    match column {
                        #(#bind,)*
                        _ => ::core::result::Result::Ok(()),
                    }
                }

                fn write_key(&self, column: usize, key: &mut #krate::KeyBuilder) -> bool {
                    match column {
                        #(#write_key,)*
                        _ => false,
                    }
                }
            }

            #(#fields)*
        };
    }
}

/// One match arm for each column that `body` has code for.
fn arms<'a>(
    entity: &'a Entity,
    body: impl Fn(&Column) -> Option<TokenStream> + 'a,
) -> impl Iterator<Item = TokenStream> + 'a {
    entity.columns.iter().enumerate().filter_map(move |(place, column)| {
        let place = Literal::usize_unsuffixed(place);
        let body = body(column)?;
        Some(quote!(#place => #body))
    })
}

/// The fields and their types as they were written, and the version.
fn declared(entity: &Entity) -> String {
    let fields: Vec<String> = entity
        .columns
        .iter()
        .map(|column| format!("{}:{}", names::plain(&column.field), types::compact(&column.ty)))
        .collect();
    format!("{}{{{}}}#{}", names::plain(&entity.ident), fields.join(","), entity.version)
}
