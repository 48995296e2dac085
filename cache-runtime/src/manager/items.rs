//! Items: values that an application caches by hand, without a repository.
//!
//! An item stands at `namespace:item:=name`, and goes through the same protocol as a repository's rows: one load at a
//! time within and across processes, leases, the tier in the process, levels. What a repository knows and an item does
//! not is *when it changes*. See [`CacheManager::item`] for what that means.

mod batch;
mod cached;
mod changes;
mod failures;
mod item;
mod name;
mod operations;
mod shelf;
mod terms;

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;

pub use batch::Items;
pub use cached::{Cached, Fresh};
pub use changes::{Guard, Holding};
pub(super) use failures::Failures;
pub use item::Item;
pub use name::ItemKey;
pub(super) use shelf::Shelf;
pub use terms::Tiers;

use super::CacheManager;
use crate::error::Result;
use crate::key::KeyBuilder;
use crate::mind::{Cacheable, Stats};
use crate::policy::Ttl;

/// # Items, by hand
///
/// ```
/// use std::time::Duration;
///
/// use cache_runtime::{CacheManager, Cached, Level};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # async fn ask_the_database(id: u64) -> Result<String, std::io::Error> { Ok(format!("user {id}")) }
/// let cache = CacheManager::builder("shop").memory().build()?;
/// let minute = Duration::from_secs(60);
///
/// // The value, from the cache or by the load: of a thousand callers one loads.
/// let name = cache.remember("user:5", minute, || ask_the_database(5)).await?;
/// assert_eq!(name, "user 5");
///
/// // The same with more to say.
/// let name = cache
///     .item(("user", 5))
///     .ttl(minute)
///     .tags(["users"])
///     .level(Level::Strong)
///     .remember(|| ask_the_database(5))
///     .await?;
///
/// // After a change has been committed:
/// cache.forget("user:5").await?;
/// cache.invalidate_tags(&["users"]).await?;
/// assert_eq!(cache.get::<String>("user:5").await?, Cached::Miss);
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
impl CacheManager {
    /// Begins a call on the item of this name: options first, then what is to be done with it. The short forms below do
    /// the same with the manager's [`Policy`](crate::Policy).
    ///
    /// # What an item promises
    ///
    /// A [`forget`](Self::forget), [`set`](Self::set) or [`invalidate_tags`](Self::invalidate_tags) that has returned is
    /// never followed by what was loaded before it began: the lease of a load that is under way is gone, so its value is
    /// kept nowhere. Reads at [`Level::Strong`](crate::Level::Strong) see it at once in every process, reads at
    /// [`Level::Bounded`](crate::Level::Bounded) at once in this process, and in any other within the bound.
    ///
    /// What it cannot promise is that the cache changes *together* with the database: the commit and the `forget` are two
    /// steps. So `forget` after the commit, never before it, where a reader would load the old state once more. Between
    /// the two, and for the TTL if the process dies there, readers see the old value. To close this gap, hold the item
    /// around the commit: [`hold`](Self::hold), or [`changing`](Self::changing). A repository does it by itself.
    ///
    /// # What is kept where
    ///
    /// An item's key begins with `namespace:item:=`, where no repository has anything. An entry bears the shape of its
    /// type: reading it as another is a miss, and the next load replaces it. Tags are part of how an item is read: an
    /// item that was kept under tags is a miss where the call does not name the same ones.
    pub fn item(&self, key: impl ItemKey) -> Item<'_> {
        Item::new(self, key.item_key(self.namespace()))
    }

    /// Begins a call on several items at once.
    pub fn items<K: ItemKey>(&self, keys: impl IntoIterator<Item = K>) -> Items<'_, K> {
        Items::new(self, keys.into_iter().collect())
    }

    /// Begins the key of an item in parts: `item_key("user").value(&5)` is `shop:item:=user:=5`.
    #[must_use]
    pub fn item_key(&self, name: &str) -> KeyBuilder {
        self.namespace().item(name)
    }

    /// What the cache has for the item. Nothing is loaded; where something is to be, [`remember`](Self::remember) does
    /// both in one.
    ///
    /// # Errors
    /// What keeps the cache from answering.
    pub async fn get<T: Cacheable>(&self, key: impl ItemKey) -> Result<Cached<T>> {
        self.item(key).get().await
    }

    /// Puts a value in the place of whatever the item was, in every process; says whether it stands there now. It does
    /// not while a writer [holds](Self::hold) the item. A TTL of zero leaves nothing there.
    ///
    /// Of a `set` and a load at the same time either's value may stay. Where the value comes from a database,
    /// [`remember`](Self::remember) and [`forget`](Self::forget) are the better pair: of two `set`s the later one's
    /// value stays, whichever was committed last.
    ///
    /// # Errors
    /// What keeps the cache from answering, and [`Codec`](crate::ErrorKind::Codec) for a value that cannot be written or
    /// is above [`Policy::max_value_bytes`](crate::Policy::max_value_bytes). What stood there may then be gone.
    pub async fn set<T: Cacheable>(
        &self,
        key: impl ItemKey,
        value: &T,
        ttl: impl Into<Ttl>,
    ) -> Result<bool> {
        self.item(key).ttl(ttl).set(value).await
    }

    /// Puts the knowledge that there is no such `T` in the place of whatever the item was, for the manager's negative
    /// TTL; says whether it stands there now.
    ///
    /// # Errors
    /// What keeps the cache from answering. What stood there may then be gone.
    pub async fn set_nothing<T: Cacheable>(&self, key: impl ItemKey) -> Result<bool> {
        self.item(key).set_nothing::<T>().await
    }

    /// The item's value, or else this one, which is then kept. It never fails: a cache that is away keeps nothing.
    pub async fn get_or_set<T: Cacheable>(
        &self,
        key: impl ItemKey,
        ttl: impl Into<Ttl>,
        value: T,
    ) -> T {
        self.item(key).ttl(ttl).get_or_set(value).await
    }

    /// The same for a value that is made only where it is needed.
    pub async fn get_or_set_with<T: Cacheable>(
        &self,
        key: impl ItemKey,
        ttl: impl Into<Ttl>,
        make: impl FnOnce() -> T,
    ) -> T {
        self.item(key).ttl(ttl).get_or_set_with(make).await
    }

    /// The item's value, or that of `load`, which is then kept. Of many callers that miss at the same time, in all
    /// processes, one loads.
    ///
    /// # Errors
    /// Those of `load`, unchanged; the cache's own never. A failure is given to all who waited for it where its type can
    /// be copied: `sqlx::Error`, [`Error`](crate::Error), `String`, `&'static str`, and each that was named to
    /// [`share_errors`](crate::CacheManagerBuilder::share_errors). Of any other type each caller gets one of its own, by
    /// a load of its own.
    pub async fn remember<T, E, F, Fut>(
        &self,
        key: impl ItemKey,
        ttl: impl Into<Ttl>,
        load: F,
    ) -> Result<T, E>
    where
        T: Cacheable,
        E: Send + 'static,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        self.item(key).ttl(ttl).remember(load).await
    }

    /// The same for a value that stays until it is forgotten, or the cache needs its place.
    ///
    /// # Errors
    /// Those of `load`, as [`remember`](Self::remember) gives them.
    pub async fn remember_forever<T, E, F, Fut>(&self, key: impl ItemKey, load: F) -> Result<T, E>
    where
        T: Cacheable,
        E: Send + 'static,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        self.item(key).ttl(Ttl::Forever).remember(load).await
    }

    /// The same for a load that may say that there is none, which is kept as well, for the manager's negative TTL.
    ///
    /// # Errors
    /// Those of `load`, as [`remember`](Self::remember) gives them.
    pub async fn remember_optional<T, E, F, Fut>(
        &self,
        key: impl ItemKey,
        ttl: impl Into<Ttl>,
        load: F,
    ) -> Result<Option<T>, E>
    where
        T: Cacheable,
        E: Send + 'static,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<Option<T>, E>>,
    {
        self.item(key).ttl(ttl).remember_optional(load).await
    }

    /// The values of these items: one batch read of the cache, and one load of what it misses, each key kept for itself
    /// for the manager's TTL. Keys that the loaded map lacks have no value, which is kept for the negative TTL.
    ///
    /// # Errors
    /// Those of `load`, unchanged; the cache's own never.
    pub async fn get_many_or_load<K, T, E, F, Fut>(
        &self,
        keys: impl IntoIterator<Item = K>,
        load: F,
    ) -> Result<HashMap<K, T>, E>
    where
        K: ItemKey + Clone + Eq + Hash,
        T: Cacheable,
        E: 'static,
        F: FnOnce(Vec<K>) -> Fut,
        Fut: Future<Output = Result<HashMap<K, T>, E>>,
    {
        self.items(keys).get_or_load(load).await
    }

    /// Makes the item a miss in every process, and keeps what is being loaded for it out of the cache. Writers' holds
    /// stay. Forgetting what is not there is fine.
    ///
    /// # Errors
    /// What keeps the cache from answering; the old value may then still be served.
    pub async fn forget(&self, key: impl ItemKey) -> Result<()> {
        self.item(key).forget().await
    }

    /// The same for several items, in one round trip.
    ///
    /// # Errors
    /// What keeps the cache from answering; some of them may then still be served.
    pub async fn forget_many<K: ItemKey>(&self, keys: impl IntoIterator<Item = K>) -> Result<()> {
        self.items(keys).forget().await
    }

    /// Makes every item of the namespace a miss, in every process; says how many keys it removed. What repositories
    /// keep, the stamps of tags and the holds of writers stay, and so does whatever else is on the server. It goes
    /// through all keys of the server in pieces, and takes its time where there are many; an item that is kept meanwhile,
    /// by a load that began after the call, may stay. [`clear`](Self::clear) takes everything of the namespace.
    ///
    /// # Errors
    /// What keeps the cache from answering; some items may then be gone.
    pub async fn flush(&self) -> Result<u64> {
        let context = &self.0.context;
        let outcome = self.backend().sweep(&context.namespace.items()).await;
        context.forget_everything();
        outcome
    }

    /// Takes the item out of the cache, and answers with its value: of many who pull it at the same time, in all
    /// processes, one gets it. For what may be used once, a code or a ticket.
    ///
    /// Who only *reads* it may still see it in another process, for the bound of the read's level. A call whose answer is
    /// lost on the way, or that is dropped, may have taken the value with it.
    ///
    /// # Errors
    /// What keeps the cache from answering; the value may then be gone.
    pub async fn pull<T: Cacheable>(&self, key: impl ItemKey) -> Result<Option<T>> {
        self.item(key).pull().await
    }

    /// What was done with items since the manager began.
    #[must_use]
    pub fn item_stats(&self) -> Stats {
        self.0.shelf.all().total()
    }
}

#[cfg(test)]
#[cfg(all(feature = "memory", feature = "testing"))]
mod tests;
