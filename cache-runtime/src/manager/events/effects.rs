//! What an event makes wrong.

use std::fmt;

use crate::error::{Error, Result};
use crate::key::Key;
use crate::manager::{CacheManager, ItemKey};
#[cfg(feature = "postgres")]
use crate::port::BoxFuture;
#[cfg(feature = "postgres")]
use crate::repository::{CachedRepository, Detached};
#[cfg(feature = "postgres")]
use crate::transaction::CacheTransaction;

/// What an event makes wrong: items, tags, rows of repositories, and entries by pattern. A handler adds to it.
#[must_use = "a handler gives back what it has added to"]
pub struct Effects {
    manager: CacheManager,
    keys: Vec<Result<Key>>,
    #[cfg(feature = "postgres")]
    targets: Vec<Box<dyn Target>>,
}

/// What of a repository is wrong.
#[cfg(feature = "postgres")]
pub(crate) trait Target: Send + Sync {
    /// Invalidates it now.
    fn invalidate(&self) -> BoxFuture<'_, Result<()>>;

    /// Leaves its keys with the transaction.
    fn touch<'a>(
        &'a self,
        transaction: &'a mut CacheTransaction,
    ) -> BoxFuture<'a, sqlx::Result<()>>;
}

impl Effects {
    pub(super) fn new(manager: &CacheManager) -> Self {
        Self {
            manager: manager.clone(),
            keys: Vec::new(),
            #[cfg(feature = "postgres")]
            targets: Vec::new(),
        }
    }

    /// Everything under this tag, such as that which bears a table's name.
    pub fn tag(mut self, tag: &str) -> Self {
        self.keys.push(self.manager.tag_key(tag));
        self
    }

    /// The item under this key.
    pub fn item<K: ItemKey>(mut self, key: K) -> Self {
        self.keys.push(key.item_key(self.manager.namespace()));
        self
    }

    /// The rows of a repository with these ids, their look-ups, lists and tags, as its `invalidate` knows them.
    #[cfg(feature = "postgres")]
    pub fn rows<R: CachedRepository>(
        mut self,
        repository: &R,
        ids: impl IntoIterator<Item = <R::Entity as crate::postgres::Entity>::Id>,
    ) -> Self {
        self.targets.push(Detached::of(repository).rows(ids.into_iter().collect()));
        self
    }

    /// Entries of a repository by pattern: its `invalidate_matching`. Not in a transaction, because nobody can hold a
    /// pattern.
    #[cfg(feature = "postgres")]
    pub fn matching<R: CachedRepository>(mut self, repository: &R, glob: &str) -> Self {
        self.targets.push(Detached::of(repository).matching(glob.to_owned()));
        self
    }

    fn take_keys(&mut self) -> Result<Vec<Key>> {
        let mut keys = std::mem::take(&mut self.keys).into_iter().collect::<Result<Vec<_>>>()?;
        keys.sort();
        keys.dedup();
        Ok(keys)
    }

    /// Invalidates all of it; what fails keeps nothing else from being done.
    pub(super) async fn apply(mut self, manager: &CacheManager) -> Result<()> {
        let mut failed: Option<Error> = None;
        let mut note = |outcome: Result<()>| {
            if let Err(error) = outcome {
                failed.get_or_insert(error);
            }
        };
        match self.take_keys() {
            Ok(keys) if keys.is_empty() => {}
            Ok(keys) => note(manager.remove(&keys).await),
            Err(error) => note(Err(error)),
        }
        #[cfg(feature = "postgres")]
        for target in &self.targets {
            note(target.invalidate().await);
        }
        failed.map_or(Ok(()), Err)
    }

    /// Leaves all of it with the transaction.
    #[cfg(feature = "postgres")]
    pub(super) async fn touch(
        mut self,
        manager: &CacheManager,
        transaction: &mut CacheTransaction,
    ) -> sqlx::Result<()> {
        let keys = self.take_keys()?;
        transaction.live()?;
        transaction.touch(&manager.0.context, manager.0.shelf.writes(), keys);
        for target in &self.targets {
            target.touch(transaction).await?;
        }
        Ok(())
    }
}

impl fmt::Debug for Effects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Effects").field("keys", &self.keys).finish_non_exhaustive()
    }
}
