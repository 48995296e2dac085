use quote::quote;

use super::{code, docs, read};
use crate::entry::cached_repository;

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
                    #[cached(key = "capital:{filter.country}-{filter.pair.0}:x", negative_ttl = "10s", codec = "msgpack", compression = "none", skip(trace))]
                    #[cfg(feature = "capitals")]
                    #[expect(unused)]
                    async fn capital(&self, filter: Filter, mut trace: Trace) -> Result<Option<Arc<City>>, Problem> {
                        todo!()
                    }

                    #[cached(key = "all", level = "500ms", stale_on_error = "1h", refresh_ahead, stale_while_revalidate = "30s")]
                    async fn all(&self) -> Result<Arc<Vec<City>>, Problem> {
                        todo!()
                    }

                    #[cached(key = "kind:{type}:{key}", level = "database")]
                    async fn r#type(&self, r#type: Kind, key: &str) -> sqlx::Result<Option<i64>> {
                        todo!()
                    }
                }
            }
        ))
    );
}

#[test]
fn the_documentation_of_the_terms_of_a_method() {
    snapshot!(
        "cached_docs",
        docs(cached_repository(
            quote!(),
            quote! {
                impl Cities {
                    #[cached(key = "strong", level = "strong")]
                    pub async fn strong(&self) -> sqlx::Result<i64> {}

                    #[cached(key = "bounded", level = "1m30s", stale_on_error = "45d")]
                    pub async fn bounded(&self) -> sqlx::Result<i64> {}

                    #[cached(key = "database", level = "database", stale_on_error = "0s")]
                    pub async fn database(&self) -> sqlx::Result<i64> {}

                    #[cached(key = "ahead", refresh_ahead = 2)]
                    pub async fn ahead(&self) -> sqlx::Result<i64> {}

                    #[cached(key = "behind", refresh_ahead = 0, stale_while_revalidate = "30s")]
                    pub async fn behind(&self) -> sqlx::Result<i64> {}

                    #[cached(key = "never", stale_while_revalidate = "0s")]
                    pub async fn never(&self) -> sqlx::Result<i64> {}

                    #[cached(key = "maybe", stale_on_error = "1h")]
                    pub async fn maybe(&self) -> sqlx::Result<Option<i64>> {}
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
