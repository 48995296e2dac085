//! A repository without its host: for what is done later, when nobody can borrow the user's struct any more.

use std::collections::BTreeSet;
use std::marker::PhantomData;

use sqlx::PgPool;

use super::Repository;
use super::config::{CachedRepository, RepositoryConfig, Slot};
use super::invalidation::as_others_see;
use crate::error::{Error, ErrorKind, Result};
use crate::manager::{CacheManager, Target};
use crate::port::BoxFuture;
use crate::postgres::{Entity, Rows};
use crate::transaction::CacheTransaction;

type Id<R> = <<R as CachedRepository>::Entity as Entity>::Id;

/// The pool and the manager of a repository, with what the repository keeps under that manager.
pub(crate) struct Detached<R> {
    db: PgPool,
    cache: CacheManager,
    repository: PhantomData<fn() -> R>,
}

impl<R: CachedRepository> Detached<R> {
    pub(crate) fn of(repository: &R) -> Self {
        let (db, cache) = (repository.db().clone(), repository.cache().clone());
        Self { db, cache, repository: PhantomData }
    }

    pub(crate) fn rows(self, ids: Vec<Id<R>>) -> Box<dyn Target> {
        Box::new(TheseRows { of: self, ids })
    }

    pub(crate) fn matching(self, glob: String) -> Box<dyn Target> {
        Box::new(TheseKeys { of: self, glob })
    }
}

/// The slot is that of the repository itself, and so is what stands there.
impl<R: CachedRepository> CachedRepository for Detached<R> {
    type Entity = R::Entity;
    const CONFIG: RepositoryConfig = R::CONFIG;

    fn slot() -> &'static Slot {
        R::slot()
    }

    fn db(&self) -> &PgPool {
        &self.db
    }

    fn cache(&self) -> &CacheManager {
        &self.cache
    }
}

struct TheseRows<R: CachedRepository> {
    of: Detached<R>,
    ids: Vec<Id<R>>,
}

impl<R: CachedRepository> Target for TheseRows<R> {
    fn invalidate(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let mut failed = None;
            for id in &self.ids {
                if let Err(error) = self.of.repository().invalidate(id).await {
                    failed.get_or_insert(error);
                }
            }
            failed.map_or(Ok(()), Err)
        })
    }

    fn touch<'a>(
        &'a self,
        transaction: &'a mut CacheTransaction,
    ) -> BoxFuture<'a, sqlx::Result<()>> {
        Box::pin(async move { self.of.repository().touch(transaction, &self.ids).await })
    }
}

struct TheseKeys<R> {
    of: Detached<R>,
    glob: String,
}

impl<R: CachedRepository> Target for TheseKeys<R> {
    fn invalidate(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(
            async move { self.of.repository().invalidate_matching(&self.glob).await.map(drop) },
        )
    }

    fn touch<'a>(&'a self, _: &'a mut CacheTransaction) -> BoxFuture<'a, sqlx::Result<()>> {
        let message = format!(
            "the pattern \"{}\" cannot be held for a commit, because nobody knows all keys that it will match: give what it \
             means a tag, or publish the event after the commit",
            self.glob
        );
        Box::pin(async move { Err(Error::new(ErrorKind::Config, message).into()) })
    }
}

impl<R: CachedRepository> Repository<'_, R> {
    /// Leaves the keys of these rows with the transaction: as it sees them, as others do, and as they are cached.
    async fn touch(&self, transaction: &mut CacheTransaction, ids: &[Id<R>]) -> sqlx::Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let core = self.core;
        let mut keys = BTreeSet::new();
        let mut rows = Rows::<R::Entity>::load_many_in(transaction.live()?, ids, false).await?;
        rows.extend(as_others_see::<R::Entity>(transaction, ids.to_vec()).await?);
        for id in ids {
            let key = core.row_key(id)?;
            // What the cache does not tell is known from the database, unless it passed both by.
            rows.extend(self.cached(&key).await.ok().flatten());
            keys.insert(key);
        }
        keys.extend(self.ways_to(rows)?);
        transaction.touch(&core.context, &core.operations.write, keys);
        Ok(())
    }
}
