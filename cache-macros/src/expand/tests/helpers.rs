use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::entry::cached_repository;
use crate::model::session::{METHODS, METHODS_OF_A_USER};

fn limit(name: &str) -> TokenStream {
    let name = format_ident!("{name}");
    quote!(rate_limit(
        name = #name,
        algorithm = "gcra",
        limit = 5,
        per = "1m",
        on_error = "deny"
    ))
}

fn logins(options: TokenStream) -> String {
    let item = quote! {
        struct Logins {
            cache: CacheManager,
        }
    };
    cached_repository(options, item).to_string()
}

fn session() -> TokenStream {
    quote!(session(
        data = Login,
        idle = "30m",
        absolute = "12h",
        user = user_id,
        fields(theme: String)
    ))
}

#[test]
fn a_struct_may_have_a_session_and_several_limits() {
    let (session, attempts, pages) = (session(), limit("attempts"), limit("pages"));
    let made = logins(quote!(#attempts, #session, #pages));
    for method in ["fn attempts", "fn pages", "fn rotate", "SessionRepository for Logins"] {
        assert!(made.contains(method), "{method}: {made}");
    }
    assert!(!made.contains("compile_error"), "{made}");
}

#[test]
fn no_limit_takes_the_name_of_a_method_of_sessions() {
    let session = session();
    let all = METHODS.into_iter().chain(METHODS_OF_A_USER).chain(["set_theme"]);
    for method in all {
        let limit = limit(method);
        let made = logins(quote!(#limit, #session));
        let message = format!("`{method}` is a method of the sessions");
        assert!(made.contains(&message), "{method}: {made}");
    }
}

#[test]
fn the_methods_of_sessions_are_those_that_are_generated() {
    let session = session();
    let made = logins(quote!(#session));
    let file = syn::parse_str::<syn::File>(&made).expect("the expansion parses");
    let mut found = Vec::new();
    for item in file.items {
        let syn::Item::Impl(block) = item else { continue };
        for member in block.items {
            if let syn::ImplItem::Fn(method) = member {
                found.push(method.sig.ident.to_string());
            }
        }
    }
    let mut known: Vec<&str> =
        METHODS.into_iter().chain(METHODS_OF_A_USER).chain(["set_theme"]).collect();
    found.sort_unstable();
    known.sort_unstable();
    assert_eq!(found, known);
}

#[test]
fn a_method_that_is_left_out_is_free_for_a_limit() {
    let item = || {
        quote! {
            struct Cities {
                db: PgPool,
                cache: CacheManager,
            }
        }
    };
    let limit = limit("find_by_slug");
    let made = cached_repository(quote!(entity = City, unique(slug), #limit), item()).to_string();
    assert!(made.contains("`find_by_slug` is a method of the repository"), "{made}");
    let without = quote!(entity = City, unique(slug), except(find_by_slug), #limit);
    let made = cached_repository(without, item()).to_string();
    assert!(!made.contains("compile_error"), "{made}");
}
