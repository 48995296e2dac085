use quote::quote;

use super::{code, docs};
use crate::entry::cached_repository;

fn limits() -> proc_macro2::TokenStream {
    cached_repository(
        quote!(
            rate_limit(
                name = login,
                algorithm = "gcra",
                limit = 5,
                per = "1m",
                burst = 2,
                on_error = "deny"
            ),
            rate_limit(
                name = api,
                algorithm = "token_bucket",
                limit = 100,
                per = "1s",
                and(name = daily, algorithm = "fixed_window", limit = 10000, per = "1d"),
                on_error = "allow",
                allow("monitor", "office"),
                secret = pepper,
                local
            ),
            rate_limit(
                name = reports,
                algorithm = "concurrency",
                limit = 3,
                lease = "30s",
                on_error = "deny"
            )
        ),
        quote! {
            pub struct Limits {
                cache: CacheManager,
                pepper: Vec<u8>,
            }
        },
    )
}

#[test]
fn rate_limits() {
    snapshot!("rate_limits", code(limits()));
}

#[test]
fn the_documentation_of_rate_limits() {
    snapshot!("rate_limits_docs", docs(limits()));
}

#[test]
fn rate_limits_beside_rows() {
    let made = cached_repository(
        quote!(
            entity = City,
            rate_limit(
                name = search,
                algorithm = "sliding_log",
                limit = 5,
                per = "1m",
                on_error = "deny"
            )
        ),
        quote! {
            struct Cities {
                db: PgPool,
                cache: CacheManager,
            }
        },
    );
    let text = made.to_string();
    assert!(text.contains("CachedRepository") && text.contains("fn search"), "{text}");
    assert!(!text.contains("compile_error"), "{text}");
}
