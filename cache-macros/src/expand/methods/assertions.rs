//! What must hold of the repository for its methods, which the macro cannot see and the compiler can.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Type;

use crate::expand::moved;
use crate::model::Crate;
use crate::model::key::{Key, Part};
use crate::model::method::{Invalidation, Kind, Method, Rows};

/// The constants that do not compile where it does not hold.
pub(super) fn assertions(krate: &Crate, self_ty: &Type, method: &Method) -> TokenStream {
    let (tags, unseen) = match &method.kind {
        Kind::Cached(call) | Kind::Put(call) => (&call.tags, None),
        Kind::Invalidates(Invalidation { transaction, rows, tags, .. }) => {
            (tags, transaction.is_none().then_some(rows))
        }
    };
    let rows = unseen.map(|rows| without_indexes(krate, self_ty, &method.cfg, rows));
    let tags = known_tags(krate, self_ty, &method.cfg, tags);
    quote!(#rows #tags)
}

/// Without a transaction, a row's other keys cannot be known.
fn without_indexes(krate: &Crate, self_ty: &Type, cfg: &TokenStream, rows: &[Rows]) -> TokenStream {
    let message = "`#[invalidates(id)]` without a transaction cannot know the row's old unique keys, lists and tags: \
                   add a parameter `tx: &mut CacheTransaction` and run the statement on it";
    rows.iter()
        .map(|rows| {
            let check =
                quote!(::core::assert!(!#krate::__private::has_indexes::<#self_ty>(), #message));
            let check = moved(check, rows.argument.span());
            quote!(#cfg const _: () = #check;)
        })
        .collect()
}

/// A tag may be another repository's, but not one of this repository's own misspelt.
fn known_tags(krate: &Crate, self_ty: &Type, cfg: &TokenStream, tags: &[Key]) -> TokenStream {
    let all: Vec<String> = tags.iter().map(pattern).collect();
    tags.iter()
        .zip(&all)
        .map(|(tag, pattern)| {
            let check = quote!(#krate::__private::check_tag::<#self_ty>(#pattern, &[#(#all),*]));
            let check = moved(check, tag.span);
            quote!(#cfg const _: () = #check;)
        })
        .collect()
}

/// A tag's text, with a zero byte for each value.
fn pattern(tag: &Key) -> String {
    let parts: Vec<&str> = tag
        .parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => text.as_str(),
            Part::Value(_) => "\0",
        })
        .collect();
    parts.concat()
}
