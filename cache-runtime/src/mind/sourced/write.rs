//! A write to the source: held before, released after.

use std::future::Future;
use std::slice;

use super::{CacheableSource, Sourced};
use crate::error::Error;
use crate::mind::soft::outcome;
use crate::mind::writer::{Held, release_all, settle};

impl<S: CacheableSource> Sourced<S> {
    /// Stores a value under its key: the source first; what is cached of it is gone before, and stays so until the source
    /// has answered.
    pub(crate) async fn store(&self, key: &S::Key, value: &S::Value) -> Result<S::Value, S::Error>
    where
        S::Value: Clone,
        S::Error: From<Error>,
    {
        let (it, value) = (self.clone(), value.clone());
        self.write(key, async move { it.shared.source.store(&value).await }).await
    }

    pub(crate) async fn delete(&self, key: &S::Key) -> Result<bool, S::Error>
    where
        S::Error: From<Error>,
    {
        let (it, deleted) = (self.clone(), key.clone());
        self.write(key, async move { it.shared.source.delete(&deleted).await }).await
    }

    /// Runs to its end, whoever waits for it.
    async fn write<T: Send + 'static>(
        &self,
        key: &S::Key,
        work: impl Future<Output = Result<T, S::Error>> + Send + 'static,
    ) -> Result<T, S::Error>
    where
        S::Error: From<Error>,
    {
        let under_way = self.shared.context.tasks.begin();
        let (it, key) = (self.clone(), key.clone());
        let written = tokio::spawn(async move {
            let _under_way = under_way;
            it.write_to_the_end(&key, work).await
        });
        outcome(written.await)
    }

    async fn write_to_the_end<T>(
        &self,
        key: &S::Key,
        work: impl Future<Output = Result<T, S::Error>>,
    ) -> Result<T, S::Error>
    where
        S::Error: From<Error>,
    {
        let head = crate::key::ScratchKey::begin(&self.shared.head);
        // A key that cannot be written is never cached, and a tag that cannot be written makes every read a load.
        let mut keys: Vec<_> = head.written(|head| head.value(key)).finish().into_iter().collect();
        keys.extend(self.shared.tags.iter().flatten().cloned());
        let counters = &self.shared.writes;
        counters.invalidations.add(keys.len());
        let mut held = [Held::place(&self.shared.context, slice::from_ref(counters), keys).await?];
        for held in &held {
            held.before_commit().await;
        }
        let written = Held::while_standing(&mut held, work).await;
        match &written {
            Ok(_) => settle(held.into()).await,
            Err(error) if S::is_settled(error) => release_all(held),
            // It may have been stored, or may still be: the hold runs out by itself.
            Err(_) => drop(held),
        }
        written
    }
}
