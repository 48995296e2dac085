//! Every repository is a data source.

use super::config::CachedRepository;
use crate::port::DataSource;
use crate::postgres::{Entity, PgSource};

/// Loads pass the cache over: they are what a strategy caches. Writes are the repository's own, and invalidate.
impl<R: CachedRepository> DataSource for R {
    type Key = <R::Entity as Entity>::Id;
    type Value = R::Entity;
    type Error = sqlx::Error;

    async fn load(&self, key: &Self::Key) -> sqlx::Result<Option<R::Entity>> {
        PgSource::new(self.db()).load(key).await
    }

    async fn load_many(&self, keys: &[Self::Key]) -> sqlx::Result<Vec<Option<R::Entity>>> {
        PgSource::new(self.db()).load_many(keys).await
    }

    async fn store(&self, value: &R::Entity) -> sqlx::Result<R::Entity> {
        Ok((*self.repository().upsert(value).await?).clone())
    }

    async fn delete(&self, key: &Self::Key) -> sqlx::Result<bool> {
        Ok(self.repository().delete(key).await?.is_some())
    }
}
