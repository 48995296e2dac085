//! Annotated methods: the method that callers see, and beside it the one that keeps the body.

mod assertions;

use std::collections::BTreeSet;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{FnArg, GenericParam, Pat, ReturnType, Signature};

use self::assertions::assertions;
use super::{beta_of, codec_of, compression_of, docs, duration_of, level_of, moved, place};
use crate::model::Crate;
use crate::model::key::{Key, Part};
use crate::model::method::{
    Answer, Block, Call, Invalidation, Kind, Member, Method, Rows, RowsForm,
};
use crate::model::repository::Terms;
use crate::{names, types};

/// The block, and what must hold for it.
pub(crate) fn block(Block { krate, head, self_ty, members }: &Block) -> TokenStream {
    let annotated = members.iter().filter_map(|member| match member {
        Member::Annotated(method) => Some(method),
        Member::Unchanged(_) => None,
    });
    let assertions = annotated.map(|method| assertions(krate, self_ty, method));
    // A type that is not a repository is reported where it is named.
    let repository = moved(quote!(#krate::CachedRepository::repository(self)), self_ty.span());
    let mut owned = BTreeSet::new();
    let members = members.iter().map(|member| match member {
        Member::Annotated(annotated) => method(krate, &repository, annotated, &mut owned),
        Member::Unchanged(tokens) => tokens.clone(),
    });
    quote! {
        #head {
            #(#members)*
        }
        #(#assertions)*
    }
}

/// The two methods that take the place of the annotated one.
fn method(
    krate: &Crate,
    repository: &TokenStream,
    method: &Method,
    owned: &mut BTreeSet<String>,
) -> TokenStream {
    let Method { attrs, attrs_below, inner_attrs, vis, body, kind, .. } = method;
    let docs = docs::attributes(&[docs::methods::of_kind(kind)]);
    let blank = |beside: &TokenStream| types::mentions(beside, "doc").then(|| quote!(#[doc = ""]));
    let (above, below) = (blank(attrs), blank(attrs_below));
    let seen = seen(&method.sig);
    let inner = Signature { ident: inner_name(&method.sig.ident), ..method.sig.clone() };
    let code = match kind {
        Kind::Cached(call) => {
            answered(krate, repository, method, call, &[quote!(call), quote!(cached)])
        }
        Kind::Put(call) => {
            answered(krate, repository, method, call, &[quote!(call_anew), quote!(put)])
        }
        Kind::Invalidates(invalidation) => invalidated(repository, method, invalidation),
    };
    let owner = match kind {
        Kind::Cached(call) if !types::mentions(inner_attrs, "cfg") => key_owner(&call.key, owned),
        _ => None,
    };
    quote! {
        #owner
        #attrs
        #above
        #docs
        #below
        #attrs_below
        #vis #seen {
            #code
        }

        #[doc(hidden)]
        #inner_attrs
        #[allow(clippy::too_many_arguments)]
        #inner #body
    }
}

/// A constant that no method with this key in another `impl` block can have: the two would answer for each other. Two in
/// one block were reported before.
fn key_owner(key: &Key, owned: &mut BTreeSet<String>) -> Option<TokenStream> {
    let (mut written, mut name) = (String::new(), String::from("__key_"));
    for part in &key.parts {
        match part {
            Part::Text(text) => {
                written.push_str(text);
                name.extend(text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }));
            }
            Part::Value(_) => {
                written.push('\0');
                name.push_str("_of_");
            }
        }
    }
    let name = format_ident!("{name}_{:x}", names::hash(&written), span = place(key.span));
    owned.insert(written).then(|| {
        quote! {
            #[doc(hidden)]
            #[allow(dead_code, non_upper_case_globals)]
            const #name: () = ();
        }
    })
}

/// `__largest_uncached`
fn inner_name(name: &Ident) -> Ident {
    format_ident!("__{}_uncached", names::plain(name), span = name.span())
}

/// The signature without `mut` before arguments, which the body alone needs.
fn seen(sig: &Signature) -> Signature {
    let mut sig = sig.clone();
    for input in &mut sig.inputs {
        if let FnArg::Typed(argument) = input
            && let Pat::Ident(pat) = &mut *argument.pat
        {
            pat.mutability = None;
        }
    }
    sig
}

/// `self.__largest_uncached(limit)`
fn inner_call(method: &Method) -> TokenStream {
    let name = inner_name(&method.sig.ident);
    let arguments = &method.arguments;
    let generics: Vec<&Ident> = method
        .sig
        .generics
        .params
        .iter()
        .filter_map(|parameter| match parameter {
            GenericParam::Lifetime(_) => None,
            GenericParam::Type(parameter) => Some(&parameter.ident),
            GenericParam::Const(parameter) => Some(&parameter.ident),
        })
        .collect();
    let turbofish = (!generics.is_empty()).then(|| quote!(::<#(#generics),*>));
    quote!(self.#name #turbofish(#(#arguments),*))
}

fn answered(
    krate: &Crate,
    repository: &TokenStream,
    method: &Method,
    call: &Call,
    [begin, end]: &[TokenStream; 2],
) -> TokenStream {
    let Call { answer, terms, key, tags } = call;
    let Answer { written, value, .. } = answer;
    let (declared, name) = (types::compact(written), names::plain(&method.sig.ident));
    let terms = terms_calls(krate, terms);
    let (form, key, tags, inner) =
        (form(krate, answer), key_call(key), tags.iter().map(tag_call), inner_call(method));
    let called = moved(end.clone(), value.span());
    quote! {
        static CALL: #krate::CallSpec = #krate::CallSpec::new(#declared).operation(#name) #terms;
        #repository
            .#begin::<#form>(&CALL)
            #key
            #(#tags)*
            .#called(|| #inner)
            .await
    }
}

/// `.ttl(Duration::from_millis(60000)).level(Level::Strong)`
fn terms_calls(krate: &Crate, terms: &Terms) -> TokenStream {
    let Terms {
        ttl,
        negative_ttl,
        codec,
        compression,
        level,
        stale_on_error,
        soft_timeout: _,
        refresh_ahead,
        stale_while_revalidate,
    } = *terms;
    [
        ("ttl", ttl.map(duration_of)),
        ("negative_ttl", negative_ttl.map(duration_of)),
        ("codec", codec.map(|codec| codec_of(krate, codec))),
        ("compression", compression.map(|compression| compression_of(krate, compression))),
        ("level", level.map(|level| level_of(krate, level))),
        ("stale_on_error", stale_on_error.map(duration_of)),
        ("refresh_ahead", refresh_ahead.map(beta_of)),
        ("stale_while_revalidate", stale_while_revalidate.map(duration_of)),
    ]
    .into_iter()
    .filter_map(|(name, value)| {
        let name = Ident::new(name, Span::call_site());
        value.map(|value| quote!(.#name(#value)))
    })
    .collect()
}

/// `Optional<Shared<City>>`
fn form(krate: &Crate, Answer { optional, shared, value, .. }: &Answer) -> TokenStream {
    let form = if *shared { quote!(#krate::Shared<#value>) } else { quote!(#krate::Whole<#value>) };
    let form = if *optional { quote!(#krate::Optional<#form>) } else { form };
    moved(form, value.span())
}

/// `.key(|key| key.text("largest").value(&limit))`
fn key_call(key: &Key) -> TokenStream {
    // Of no name that an argument could have.
    let builder = Ident::new("key", Span::mixed_site());
    let parts = parts(key);
    quote!(.key(|#builder| #builder #parts))
}

/// `.tag(|tag| tag.text("cities"))`
fn tag_call(tag: &Key) -> TokenStream {
    let builder = Ident::new("tag", Span::mixed_site());
    let parts = parts(tag);
    quote!(.tag(|#builder| #builder #parts))
}

fn parts(key: &Key) -> TokenStream {
    let span = place(key.span);
    key.parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => quote_spanned!(span=> .text(#text)),
            Part::Value(value) => quote_spanned!(span=> .value(&#value)),
        })
        .collect()
}

fn invalidated(
    repository: &TokenStream,
    method: &Method,
    invalidation: &Invalidation,
) -> TokenStream {
    let rows = rows(&invalidation.rows);
    let keys = invalidation.keys.iter().map(key_call);
    let tags = invalidation.tags.iter().map(tag_call);
    let inner = inner_call(method);
    // An error type that sqlx's does not turn into is reported where it is written.
    let span = returned(method);
    let change = Ident::new("__change", Span::mixed_site().located_at(span));
    let result = Ident::new("__result", Span::mixed_site().located_at(span));
    let begun = quote! {
        let #change = #repository
            .invalidation()
            #rows
            #(#keys)*
            #(#tags)*;
    };
    let Some(transaction) = &invalidation.transaction else {
        let around = quote_spanned!(span=> #change.around(|| #inner).await);
        return quote!(#begun #around);
    };
    let transaction = moved(transaction, span);
    let before = quote_spanned!(span=> #change.before(#transaction).await?);
    let after = quote_spanned!(span=> #change.after(#transaction, #result.is_ok()).await?);
    quote! {
        #begun
        let #change = #before;
        let #result = #inner.await;
        #after;
        #result
    }
}

/// The place of the error type, or of the type that it stands in.
fn returned(method: &Method) -> Span {
    let ReturnType::Type(_, ty) = &method.sig.output else {
        return Span::call_site();
    };
    let error = types::last_segment(ty).and_then(types::last_argument);
    place(error.map_or_else(|| ty.span(), |error| error.span()))
}

/// `.rows(vec![id])`
fn rows(rows: &[Rows]) -> Option<TokenStream> {
    let lists: Vec<TokenStream> = rows.iter().map(ids).collect();
    match lists.as_slice() {
        [] => None,
        all => Some(quote!(#(.rows(#all))*)),
    }
}

/// The ids that an argument holds; of another type than the entity's, they are reported at the argument's.
fn ids(Rows { argument, form, ty }: &Rows) -> TokenStream {
    let span = place(ty.span());
    let id = moved(argument, ty.span());
    match form {
        RowsForm::Value => quote_spanned!(span=> ::std::vec![::core::clone::Clone::clone(&#id)]),
        RowsForm::Reference => quote_spanned!(span=> ::std::vec![::core::clone::Clone::clone(#id)]),
        RowsForm::Text => quote_spanned!(span=> ::std::vec![::std::string::String::from(#id)]),
        RowsForm::Slice => quote_spanned!(span=> #id.to_vec()),
        RowsForm::List => quote_spanned!(span=> ::core::clone::Clone::clone(&#id)),
    }
}
