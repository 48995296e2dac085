//! The expansion of each feature, to be read like prose.

use proc_macro2::TokenStream;
use quote::quote;

use crate::entry::{cached_repository, derive_entity};

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
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!($name, $text);
        });
    };
}

#[test]
fn an_entity_with_one_id() {
    snapshot!(
        "entity",
        code(derive_entity(quote! {
            #[entity(table = "geo.cities", version = 2)]
            pub struct City {
                #[entity(id, generated)]
                pub id: i64,
                pub slug: String,
                #[sqlx(rename = "pop")]
                pub population: Option<i64>,
                pub r#type: Kind,
            }
        }))
    );
}

#[test]
fn an_entity_with_a_text_id() {
    snapshot!(
        "entity_text_id",
        code(derive_entity(quote! {
            #[entity(table = "countries")]
            struct Country {
                #[entity(id)]
                code: String,
            }
        }))
    );
}

#[test]
fn an_entity_with_a_composite_id() {
    snapshot!(
        "entity_composite_id",
        code(derive_entity(quote! {
            #[entity(table = "names", crate = crate::runtime)]
            struct Name {
                #[entity(id)]
                city: i64,
                #[entity(id)]
                language: Language,
            }
        }))
    );
}

#[test]
fn an_entity_with_columns_that_are_not_plain() {
    snapshot!(
        "entity_columns",
        code(derive_entity(quote! {
            #[entity(table = "settings")]
            #[sqlx(rename_all = "camelCase")]
            struct Settings {
                #[entity(id)]
                user_id: Uuid,
                #[sqlx(json)]
                theme: Theme,
                #[sqlx(json(nullable))]
                extra: Option<Extra>,
                #[serde(with = "stamp", skip_serializing_if = "never")]
                changed_at: Stamp,
                #[sqlx(skip)]
                loaded: bool,
            }
        }))
    );
}

#[test]
fn a_repository() {
    snapshot!(
        "repository",
        code(cached_repository(
            quote!(entity = City),
            quote! {
                pub struct Cities {
                    db: PgPool,
                    cache: CacheManager,
                }
            }
        ))
    );
}

#[test]
fn a_repository_with_every_option() {
    snapshot!(
        "repository_options",
        code(cached_repository(
            quote! {
                entity = geo::City,
                ttl = "15m",
                negative_ttl = "1.5s",
                codec = "json",
                unique(slug, (country, name)),
                list(r#type, page),
                tags("everything", "country:{country}:{{}}"),
                db = main,
                cache = kept,
                except(get_many, insert, insert_many, update, upsert, delete, delete_many, warm, refresh, explain, stats),
                crate = crate::runtime,
            },
            quote! {
                pub(crate) struct r#Towns {
                    main: PgPool,
                    replica: PgPool,
                    kept: Arc<CacheManager>,
                }
            }
        ))
    );
}

#[test]
fn the_documentation_of_a_repository() {
    snapshot!(
        "repository_docs",
        docs(cached_repository(
            quote! {
                entity = City,
                ttl = "15m",
                negative_ttl = "0s",
                unique(slug, (country, name)),
                list(country),
                tags("everything", "country:{country}"),
            },
            quote! {
                pub struct Cities {
                    db: PgPool,
                    cache: CacheManager,
                }
            }
        ))
    );
}

#[test]
fn a_cached_method() {
    snapshot!(
        "cached",
        read(
            cached_repository(
                quote!(),
                quote! {
                    impl Cities {
                        /// The largest cities.
                        ///
                        /// # Errors
                        /// Those of sqlx.
                        #[cached(key = "largest:{limit}", ttl = "1m", tags("cities", "limit:{limit}"))]
                        #[must_use]
                        pub async fn largest(&self, limit: i64) -> sqlx::Result<Vec<City>> {
                            self.query(limit).await
                        }

                        pub fn untouched(&self) -> i64 {
                            1
                        }
                    }
                }
            ),
            true
        )
    );
}

#[test]
fn the_forms_of_an_answer_and_of_a_key() {
    snapshot!(
        "cached_forms",
        code(cached_repository(
            quote!(),
            quote! {
                impl Cities {
                    #[cached(key = "capital:{filter.country}-{filter.pair.0}:x", negative_ttl = "10s", codec = "postcard", skip(trace))]
                    #[cfg(feature = "capitals")]
                    #[expect(unused)]
                    async fn capital(&self, filter: Filter, mut trace: Trace) -> Result<Option<Arc<City>>, Problem> {
                        todo!()
                    }

                    #[cached(key = "all")]
                    async fn all(&self) -> Result<Arc<Vec<City>>, Problem> {
                        todo!()
                    }

                    #[cached(key = "kind:{type}:{key}")]
                    async fn r#type(&self, r#type: Kind, key: &str) -> sqlx::Result<Option<i64>> {
                        todo!()
                    }
                }
            }
        ))
    );
}

#[test]
fn a_method_that_puts_its_answer() {
    snapshot!(
        "cache_put",
        read(
            cached_repository(
                quote!(),
                quote! {
                    impl Cities {
                        #[cache_put(key = "largest:{limit}", ttl = "1m", tags("cities"))]
                        async fn recount(&self, limit: i64) -> sqlx::Result<Vec<City>> {
                            self.query(limit).await
                        }
                    }
                }
            ),
            true
        )
    );
}

#[test]
fn a_method_that_invalidates_in_a_transaction() {
    snapshot!(
        "invalidates_in_a_transaction",
        read(
            cached_repository(
                quote!(),
                quote! {
                    impl Cities {
                        #[invalidates(id, id = "others", key = "largest:{by}", tags("cities", "by:{by}"))]
                        pub async fn grow(
                            &self,
                            tx: &mut CacheTransaction,
                            id: i64,
                            others: &[i64],
                            by: i64,
                        ) -> sqlx::Result<()> {
                            self.update(id, by).await
                        }
                    }
                }
            ),
            true
        )
    );
}

#[test]
fn a_method_that_invalidates_without_a_transaction() {
    snapshot!(
        "invalidates_without_a_transaction",
        code(cached_repository(
            quote!(crate = crate::runtime),
            quote! {
                impl Cities {
                    #[invalidates(id)]
                    async fn rename(&self, id: &str, to: &str) -> Result<(), Problem> {
                        self.update(id, to).await
                    }

                    #[crate::runtime::invalidates(tags("cities"))]
                    async fn replace<'a, T: Source, const N: usize>(&'a self, from: T) -> sqlx::Result<()> {
                        self.all(from).await
                    }
                }
            }
        ))
    );
}

#[test]
fn after_mistakes_the_item_stands_and_what_can_be_made_is_made() {
    snapshot!(
        "after_mistakes",
        code(cached_repository(
            quote!(
                entity = City,
                ttl = "soon",
                db = pool,
                unique("slug"),
                except(
                    insert,
                    insert_many,
                    update,
                    upsert,
                    delete,
                    delete_many,
                    begin,
                    within,
                    explain,
                    warm,
                    refresh,
                    stats,
                    invalidate,
                    verify_schema,
                    get_many
                )
            ),
            quote! {
                struct Cities {
                    db: PgPool,
                    cache: CacheManager,
                }
            }
        ))
    );
}

#[test]
fn after_mistakes_the_methods_stand() {
    snapshot!(
        "after_mistakes_methods",
        code(cached_repository(
            quote!(),
            quote! {
                impl Cities {
                    #[cached(key = "count:{of}")]
                    async fn count(&self, from: i64) -> sqlx::Result<i64> {
                        Ok(from)
                    }
                }
            }
        ))
    );
}

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

#[test]
fn every_method_can_be_left_out() {
    use crate::model::repository::METHODS;

    let names = METHODS.map(|name| quote::format_ident!("{name}"));
    let item = quote!(
        struct Cities {
            db: PgPool,
            cache: CacheManager,
        }
    );
    let made = cached_repository(quote!(entity = City, except(#(#names),*)), item).to_string();
    assert!(!made.contains("pub async fn") && !made.contains("pub fn"), "{made}");
    assert!(!made.contains("compile_error"), "{made}");
}
