//! Every repository is what a write-behind can write to.

use std::sync::Arc;

use super::config::CachedRepository;
use super::within::Within;
use crate::policy::{Level, ReadAt};
use crate::port::{Write, WriteBehindSource};
use crate::postgres::{Entity, applied};
use crate::transaction::CacheTransaction;

/// A batch is one [`CacheTransaction`]: it holds and releases the keys of every row, look-up, list and tag that it changes,
/// so that plain reads through the repository are coherent with what was applied. They do not see what waits: that only
/// [`WriteBehind::get`](crate::WriteBehind::get) does. Versions are in the table `cache_runtime.applied`, which
/// [`migrate`](crate::migrate) makes.
impl<R: CachedRepository> WriteBehindSource for R {
    const OWN_CACHE: bool = true;

    async fn apply(
        &self,
        queue: &str,
        writes: &[Write<<R::Entity as Entity>::Id, R::Entity>],
    ) -> sqlx::Result<()> {
        let mut transaction = CacheTransaction::begin_with(self.db(), applied::BEGIN).await?;
        let fresh = applied::claim(&mut transaction, queue, writes).await?;
        let mut rows = Within::new(self, &mut transaction);
        for write in writes.iter().filter(|write| fresh.contains(&write.name)) {
            match applied::row_of(write)? {
                Some(row) => drop(rows.upsert(row).await?),
                None => drop(rows.delete(&write.key).await?),
            }
        }
        transaction.commit().await
    }

    fn refusal(&self, key: &<R::Entity as Entity>::Id, row: &R::Entity) -> Option<String> {
        applied::refusal(key, row)
    }

    fn is_away(&self, error: &sqlx::Error) -> bool {
        applied::is_away(error)
    }

    /// Not out of the tier in the process, which may be a moment behind the worker of another.
    async fn read(&self, key: &<R::Entity as Entity>::Id) -> sqlx::Result<Option<Arc<R::Entity>>> {
        self.repository().get(key).at(Level::Strong).await
    }

    async fn forget(&self, queue: &str, before: u64) -> sqlx::Result<()> {
        applied::forget(self.db(), queue, before).await
    }
}
