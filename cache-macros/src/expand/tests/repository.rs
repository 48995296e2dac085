use quote::quote;

use super::{code, docs};
use crate::entry::cached_repository;

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
                compression = "zstd",
                level = "strong",
                stale_on_error = "1h",
                soft_timeout = "100ms",
                refresh_ahead = 1.5,
                stale_while_revalidate = "30s",
                max_loads = 16,
                unique(slug, (country, name)),
                list(r#type, page),
                tags("everything", "country:{country}:{{}}"),
                db = main,
                cache = kept,
                except(get_many, insert, insert_many, update, upsert, delete, delete_many, warm, warm_all, warm_where, refresh, explain, stats),
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
                level = "500ms",
                stale_on_error = "1h",
                refresh_ahead,
                stale_while_revalidate = "30s",
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
fn lists_by_condition() {
    let item = quote! {
        pub struct Cities {
            db: PgPool,
            cache: CacheManager,
        }
    };
    let all = crate::model::repository::METHODS.map(|name| quote::format_ident!("{name}"));
    let but = |kept: &[&str]| {
        let left: Vec<_> =
            all.iter().filter(|name| !kept.iter().any(|kept| *name == kept)).collect();
        cached_repository(
            quote! {
                entity = City,
                list(name = big, where = "population >= 100_000 AND NOT (country IN ('PT', 'ES') OR ruin = TRUE)"),
                list(
                    name = above,
                    where = "country = $country AND population > $min",
                    order = "population DESC NULLS LAST, slug",
                    limit = 100,
                    buckets(min = [-1, 1_000])
                ),
                except(#(#left),*)
            },
            item.clone(),
        )
    };
    snapshot!("conditions", code(but(&["explain", "within"])));
    snapshot!("conditions_docs", docs(but(&["explain"])));
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
                    warm_all,
                    warm_where,
                    refresh,
                    stats,
                    invalidate,
                    invalidate_matching,
                    verify_schema,
                    watch,
                    unwatch,
                    watch_sql,
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
