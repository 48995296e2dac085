//! The expansion of each feature, to be read like prose.

use proc_macro2::TokenStream;
use quote::quote;

use crate::entry::cached_repository;

/// The code as a person reads it: formatted, and without the documentation unless that is the point.
fn read(tokens: TokenStream, with_docs: bool) -> String {
    let file = syn::parse2::<syn::File>(tokens).expect("the expansion parses");
    let code = prettyplease::unparse(&file);
    let is_docs = |line: &&str| line.trim_start().starts_with("///");
    code.lines()
        .filter(|line| with_docs || !is_docs(line))
        .map(|line| format!("{line}\n"))
        .collect()
}

fn code(tokens: TokenStream) -> String {
    read(tokens, false)
}

/// The signatures with their documentation, without the code.
fn docs(tokens: TokenStream) -> String {
    let wanted = |line: &&str| {
        let line = line.trim_start();
        ["///", "pub ", "impl ", "async fn"].iter().any(|start| line.starts_with(start))
    };
    read(tokens, true).lines().filter(wanted).map(|line| format!("{line}\n")).collect()
}

macro_rules! snapshot {
    ($name:literal, $text:expr) => {
        insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!($name, $text);
        });
    };
}

mod entity;
mod helpers;
mod methods;
mod rate_limit;
mod repository;
mod session;

#[test]
fn what_cannot_be_parsed_is_left_as_it_is() {
    let half: TokenStream = "struct Cities { db: }".parse().expect("tokens");
    let made = cached_repository(quote!(entity = City), half.clone()).to_string();
    assert!(made.starts_with(&half.to_string()), "{made}");
    assert!(made.contains("compile_error"), "{made}");

    // A body that is half typed is none of the macro's business.
    let half: TokenStream =
        "impl Cities { #[cached(key = \"a\")] async fn a(&self) -> sqlx::Result<T> { self. } }"
            .parse()
            .expect("tokens");
    let made = cached_repository(TokenStream::new(), half).to_string();
    assert!(made.contains("__a_uncached"), "{made}");
    assert!(!made.contains("compile_error"), "{made}");
}

#[test]
fn the_expansion_is_the_same_every_time() {
    let make = || {
        let item = quote!(
            struct Cities {
                db: PgPool,
                cache: CacheManager,
            }
        );
        let options =
            quote!(entity = City, unique(a, b, c), list(d, e), tags("f", "g{h}"), ttl = "1h");
        cached_repository(options, item).to_string()
    };
    assert_eq!(make(), make());
}
