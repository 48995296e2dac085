//! Holding items around a change, so that readers never see the cache and the database apart.

use std::future::{Future, IntoFuture};
use std::sync::Arc;

use super::name::ItemKey;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::manager::CacheManager;
use crate::mind::{Held, settle};
use crate::port::BoxFuture;
#[cfg(feature = "postgres")]
use crate::transaction::CacheTransaction;

impl CacheManager {
    /// Holds items while what they are loaded from changes: until the release nobody hits them and nobody keeps what
    /// they load, in no process, so no reader sees an old value once the change is committed.
    ///
    /// ```
    /// # use cache_runtime::CacheManager;
    /// # async fn example() -> cache_runtime::Result<()> {
    /// # async fn commit() -> cache_runtime::Result<()> { Ok(()) }
    /// # let cache = CacheManager::builder("shop").memory().build()?;
    /// let mut held = cache.hold(["user:5"]).tags(["users"]).await?;
    /// held.during(commit()).await?; // the change, or at least its commit
    /// held.release().await;
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn hold<K: ItemKey>(&self, keys: impl IntoIterator<Item = K>) -> Holding<'_> {
        Holding { manager: self, keys: self.item_keys(keys) }
    }

    /// Holds the items, makes the change, and releases them.
    ///
    /// Where `change` fails in a way that leaves open whether the database has changed, or the call is dropped while it
    /// runs, the items stay held until the hold runs out ([`Policy::hold_ttl`](crate::Policy::hold_ttl)): readers load
    /// them until then. That is so for every error but one with which a `sqlx::Error` says that the server has refused.
    ///
    /// # Errors
    /// Those of `change`; and, made into its type, that the items could not be held, in which case it did not run.
    pub async fn changing<K, T, E, F, Fut>(
        &self,
        keys: impl IntoIterator<Item = K>,
        change: F,
    ) -> Result<T, E>
    where
        K: ItemKey,
        E: From<Error> + 'static,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let mut guard = self.hold(keys).place().await?;
        let outcome = guard.during(async { change().await }).await;
        match &outcome {
            Err(error) if may_have_changed(error) => drop(guard),
            _ => guard.release().await,
        }
        outcome
    }

    /// Makes the commit of this transaction hold these items before, and release them after, as it does with the keys of
    /// the rows that it changes. Nothing happens to them where it is rolled back.
    ///
    /// # Errors
    /// For a key that is no item's.
    #[cfg(feature = "postgres")]
    pub fn hold_in<K: ItemKey>(
        &self,
        transaction: &mut CacheTransaction,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<()> {
        let keys = self.item_keys(keys)?;
        transaction.touch(&self.0.context, &self.0.shelf.operations().write, keys);
        Ok(())
    }
}

/// Whether the database may have changed although the change failed, now or later.
fn may_have_changed<E: 'static>(error: &E) -> bool {
    #[cfg(feature = "postgres")]
    return crate::repository::may_have_changed(error);
    #[cfg(not(feature = "postgres"))]
    {
        let _ = error;
        true
    }
}

/// Items that are about to be held: await it.
#[derive(Debug)]
#[must_use = "nothing is held until it is awaited"]
pub struct Holding<'c> {
    manager: &'c CacheManager,
    keys: Result<Vec<Key>>,
}

impl<'c> Holding<'c> {
    /// Holds these tags as well: everything that is kept under them is a miss from now on.
    pub fn tags<S: AsRef<str>>(mut self, tags: impl IntoIterator<Item = S>) -> Self {
        let tags = tags.into_iter().map(|tag| self.manager.tag_key(tag.as_ref()));
        self.keys = self.keys.and_then(|mut keys| {
            for tag in tags {
                keys.push(tag?);
            }
            Ok(keys)
        });
        self
    }

    async fn place(self) -> Result<Guard> {
        let mut keys = self.keys?;
        keys.sort();
        keys.dedup();
        let count = keys.len();
        let write = &self.manager.0.shelf.operations().write;
        let held = Held::place(&self.manager.0.context, &[Arc::clone(write)], keys).await;
        let held = held.inspect_err(|_| write.refused.up())?;
        write.invalidations.add(count);
        Ok(Guard { held })
    }
}

impl<'c> IntoFuture for Holding<'c> {
    /// # Errors
    /// [`HoldNotPlaced`](crate::ErrorKind::HoldNotPlaced) where the cache is out of reach, unless the policy is
    /// [`OnUnreachable::Proceed`](crate::OnUnreachable::Proceed); what was held is then released.
    type Output = Result<Guard>;
    type IntoFuture = BoxFuture<'c, Result<Guard>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.place())
    }
}

/// Items that are held: [`CacheManager::hold`].
///
/// Dropped, it releases them, as after an error before anything was changed. But once [`during`](Self::during) has begun
/// only [`release`](Self::release) does so: a commit whose answer is lost may still happen, and until the hold runs out
/// ([`Policy::hold_ttl`](crate::Policy::hold_ttl)) readers load, so that nothing old is kept.
#[derive(Debug)]
#[must_use = "dropped, it holds nothing any more"]
pub struct Guard {
    held: Held,
}

impl Guard {
    /// Makes the change, or its commit, and renews the hold for as long as it takes. Without it the hold lasts for
    /// [`Policy::hold_ttl`](crate::Policy::hold_ttl), and a change that takes longer is one that nobody guards.
    pub async fn during<T>(&mut self, change: impl Future<Output = T>) -> T {
        self.held.before_commit().await;
        Held::while_standing(std::slice::from_mut(&mut self.held), change).await
    }

    /// The change is done, or will never be: lets go of the items. Returned, the first attempt has ended; where the cache
    /// was out of reach it is repeated in the background, and this process does not believe the cache until it has
    /// answered.
    pub async fn release(self) {
        let mut held = [self.held];
        // From here on it counts as changed: the release is repeated for as long as it takes.
        Held::while_standing(&mut held, std::future::ready(())).await;
        settle(held.into()).await;
    }
}
