//! What follows a struct with `session(…)`: `impl SessionRepository`, and its methods.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};

use super::repository::borrowed;
use super::{docs, duration_of};
use crate::grammar::duration::words;
use crate::grammar::session::Field;
use crate::model::session::{self as model, Sessions};
use crate::names;

/// Everything that follows the struct.
pub(super) fn sessions(sessions: &Sessions) -> TokenStream {
    let implementation = implementation(sessions);
    let methods = methods(sessions);
    quote!(#implementation #methods)
}

fn implementation(sessions: &Sessions) -> TokenStream {
    let Sessions { krate, ident, data, cache, tolerant, .. } = sessions;
    let name = sessions.name.as_ref().map_or_else(|| names::plain(ident), syn::LitStr::value);
    let (idle, absolute) = (duration_of(sessions.idle), duration_of(sessions.absolute));
    let per_user = sessions.per_user.map_or_else(
        || quote!(#krate::session::SessionConfig::<#data>::PER_USER),
        |most| Literal::u32_unsuffixed(most).into_token_stream(),
    );
    let user = match &sessions.user {
        Some(user) => {
            let field = quote_spanned!(super::place(user.span())=> &data.#user);
            quote!(|data| #krate::session::SessionUser::of(#field))
        }
        None => quote!(|_| #krate::session::SessionUser::none()),
    };
    // There is no such field only after an error.
    let place = cache.as_ref().map_or_else(
        || quote!(::core::unreachable!()),
        |_| {
            let manager = borrowed(cache.as_ref());
            quote! {
                let cache: &#krate::CacheManager = #manager;
                (cache.backend(), cache.namespace())
            }
        },
    );
    let kept = sessions.keep.as_ref().filter(|_| cache.is_some()).map(|_| {
        let (manager, pool) = (borrowed(cache.as_ref()), borrowed(sessions.keep.as_ref()));
        quote! {
            fn kept(&self) -> ::core::option::Option<::std::sync::Arc<dyn #krate::SessionBackend>> {
                let cache: &#krate::CacheManager = #manager;
                ::core::option::Option::Some(cache.kept_sessions(#pool))
            }
        }
    });
    quote! {
        const _: () = {
            static SLOT: #krate::session::SessionSlot<#data> = #krate::session::SessionSlot::new();

            #[automatically_derived]
            impl #krate::session::SessionRepository for #ident {
                type Data = #data;
                const CONFIG: #krate::session::SessionConfig<#data> = #krate::session::SessionConfig {
                    name: #name,
                    idle: #idle,
                    absolute: #absolute,
                    per_user: #per_user,
                    tolerant: #tolerant,
                    user: #user,
                };

                fn slot() -> &'static #krate::session::SessionSlot<#data> {
                    &SLOT
                }

                fn place(&self) -> (&::std::sync::Arc<dyn #krate::CoherentCache>, &#krate::Namespace) {
                    #place
                }

                #kept
            }
        };
    }
}

/// A method: what it is called with, what it returns, and how it is called in the runtime.
struct Method {
    name: Ident,
    generics: TokenStream,
    arguments: TokenStream,
    returns: TokenStream,
    call: TokenStream,
    docs: Vec<String>,
}

fn methods(sessions: &Sessions) -> TokenStream {
    let Sessions { krate, ident, .. } = sessions;
    let mut all = of_one(sessions);
    if sessions.user.is_some() {
        all.extend(of_a_user(krate));
    }
    if sessions.keep.is_some() {
        all.push(remove_ended());
    }
    all.extend(sessions.fields.iter().map(|field| setter(krate, field)));
    let methods = all.into_iter().map(|method| {
        let Method { name, generics, arguments, returns, call, docs } = method;
        let docs = docs::attributes(&docs);
        quote! {
            #docs
            pub async fn #name #generics (&self, #arguments) -> #krate::Result<#returns> {
                #krate::session::SessionRepository::sessions(self)?.#call
            }
        }
    });
    quote! {
        #[allow(dead_code, reason = "all sessions have the same methods, whether they are called or not")]
        impl #ident {
            #(#methods)*
        }
    }
}

const ERRORS: &str = "# Errors\n\nWhat keeps the backend from answering: nobody is then admitted, and nobody logged out.";
const CHANGES: &str = "# Errors\n\nWhat keeps the backend from answering: the change may then be made. `Contended`, where others came \
                       before again and again; `NeedsRotation`, where the change makes the session another user's.";
const USERS: &str =
    "# Errors\n\nWhat keeps the backend from answering; `Config` where no user is named.";
const TEXT: &str = "A user is known by its text, as it would stand in a key: `7`, `\"7\"` and a new type around either are one.";

fn method(
    name: &str,
    arguments: TokenStream,
    returns: TokenStream,
    call: TokenStream,
    docs: &[&str],
) -> Method {
    Method {
        name: format_ident!("{name}"),
        generics: TokenStream::new(),
        arguments,
        returns,
        call,
        docs: docs.iter().map(|text| (*text).to_owned()).collect(),
    }
}

fn of_one(sessions: &Sessions) -> Vec<Method> {
    let Sessions { krate, data, .. } = sessions;
    let id = quote!(id: &#krate::session::SessionId);
    let begins = format!(
        "It ends when it was not used for {}, and {} after it began or got its user{}.",
        words(sessions.idle),
        words(sessions.absolute),
        if sessions.keep.is_some() { ", by the clock of the database that keeps it" } else { "" }
    );
    let trips = match sessions.keep {
        Some(_) => {
            "One round trip to the cache. Once in a tenth of the idle limit the database is asked, and told that it was used."
        }
        None => {
            "One round trip. That it was used is written down once in a tenth of the idle limit."
        }
    };
    let mut update = method(
        "update",
        quote!(#id, change: impl FnMut(&mut #data) -> T),
        quote!(::core::option::Option<T>),
        quote!(update(id, change).await),
        &[
            "Changes the data, and answers with what `change` answers; `None` where there is no such session.",
            "Of many who change one session at once, in whatever processes, none undoes another's change: `change` is called \
             again on the newer data where somebody came before. One that leaves the data as they are writes nothing.",
            CHANGES,
        ],
    );
    update.generics = quote!(<T>);
    vec![
        method(
            "create",
            quote!(data: &#data, client: &#krate::session::Client),
            quote!(#krate::session::SessionId),
            quote!(create(data, client).await),
            &["Begins a session with these data.", &begins, ERRORS],
        ),
        method(
            "get",
            id.clone(),
            quote!(::core::option::Option<#krate::session::Session<#data>>),
            quote!(get(id).await),
            &[
                "The session, which counts as used by that; `None` where there is none of this id.",
                trips,
                ERRORS,
            ],
        ),
        method(
            "touch",
            id.clone(),
            quote!(bool),
            quote!(touch(id).await),
            &["Counts the session as used; says whether it is alive.", ERRORS],
        ),
        update,
        method(
            "rotate",
            quote!(#id, change: impl FnMut(&mut #data)),
            quote!(::core::option::Option<#krate::session::SessionId>),
            quote!(rotate(id, change).await),
            &[
                "Changes the data and gives the session a new id in one step; `None` where there is no such session.",
                "At a login, and at any change of what the user may do: the old id is dead at once. Where the user is \
                 another one, the absolute limit begins anew. What the change leaves alone goes along: over a session that \
                 is somebody else's, that would be that user's data and rights, so at a login rotate a visitor's alone.",
                CHANGES,
            ],
        ),
        method(
            "destroy",
            id.clone(),
            quote!(bool),
            quote!(destroy(id).await),
            &["Ends the session for good; says whether it was alive.", ERRORS],
        ),
        method(
            "destroy_everyone",
            quote!(),
            quote!(u64),
            quote!(destroy_everyone().await),
            &[
                "Ends every session of every user, in pieces; says how many keys it removed.",
                ERRORS,
            ],
        ),
    ]
}

fn remove_ended() -> Method {
    method(
        "remove_ended",
        quote!(),
        quote!(u64),
        quote!(remove_ended().await),
        &[
            "Deletes the rows of sessions that are over, in pieces; says how many. For the room that they take: call it once \
             an hour, say.",
            "# Errors\n\nWhat keeps the database from answering.",
        ],
    )
}

fn of_a_user(krate: &crate::model::Crate) -> Vec<Method> {
    let user = quote!(user: &(impl #krate::__private::serde::Serialize + ?Sized));
    vec![
        method(
            "destroy_all",
            user.clone(),
            quote!(u64),
            quote!(destroy_all(user).await),
            &[
                "Ends every session of a user, in every process at once and however many they are; says how many there were.",
                TEXT,
                USERS,
            ],
        ),
        method(
            "destroy_others",
            quote!(id: &#krate::session::SessionId),
            quote!(u64),
            quote!(destroy_others(id).await),
            &["Ends every other session of this one's user; says how many there were.", ERRORS],
        ),
        method(
            "destroy_listed",
            quote!(#user, session: &#krate::SessionDigest),
            quote!(bool),
            quote!(destroy_listed(user, session).await),
            &[
                "Ends one of the sessions that `list` shows to this user, and no other's.",
                TEXT,
                USERS,
            ],
        ),
        method(
            "list",
            user,
            quote!(::std::vec::Vec<#krate::session::ListedSession>),
            quote!(list(user).await),
            &[
                "The sessions of a user that are alive, with device, address and times; the one that was used last first.",
                TEXT,
                USERS,
            ],
        ),
    ]
}

fn setter(krate: &crate::model::Crate, field: &Field) -> Method {
    let Field { name, ty } = field;
    let assignment = quote_spanned! {super::place(name.span())=>
        data.#name = <#ty as ::core::clone::Clone>::clone(&value)
    };
    let summary = format!(
        "Sets `{}`, whatever it was, and leaves the rest to others who change the session at the same time; says whether it is \
         alive.",
        names::plain(name)
    );
    method(
        &model::setter(name),
        quote!(id: &#krate::session::SessionId, value: #ty),
        quote!(bool),
        quote!(update(id, |data| #assignment).await.map(|done| done.is_some())),
        &[&summary, CHANGES],
    )
}
