//! Every repository is a data source.

use super::config::CachedRepository;
use crate::error::Error;
use crate::port::DataSource;
use crate::postgres::{Entity, PgSource, is_refusal};

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

    /// The table's own, which every change of a row through a repository invalidates.
    fn tags(&self) -> Vec<String> {
        vec![R::Entity::TABLE.to_owned()]
    }

    /// Refused by the database, or stopped because its keys could not be held.
    fn is_settled(error: &sqlx::Error) -> bool {
        is_refusal(error) || Error::of(error).is_some()
    }
}
