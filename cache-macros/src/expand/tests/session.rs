use quote::quote;

use super::{code, docs};
use crate::entry::cached_repository;

#[test]
fn sessions() {
    let item = quote! {
        pub struct Logins {
            cache: CacheManager,
        }
    };
    let options = quote!(session(data = Login, idle = "30m", absolute = "12h", user = user_id));
    snapshot!("session", code(cached_repository(options.clone(), item.clone())));
    snapshot!("session_docs", docs(cached_repository(options, item)));
}

#[test]
fn sessions_with_every_option() {
    let options = quote! {
        session(
            data = shop::Cart,
            idle = "1d",
            absolute = "30d",
            name = "carts",
            keep = pool,
            per_user = 3,
            tolerant,
            fields(r#type: String, items: Vec<i64>),
        ),
        cache = kept,
        crate = crate::runtime,
    };
    let item = quote! {
        struct Carts {
            kept: Arc<CacheManager>,
            pool: PgPool,
        }
    };
    snapshot!("session_options", code(cached_repository(options, item)));
}
