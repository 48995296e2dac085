//! One call on several items.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::time::Duration;

use super::cached::Fresh;
use super::name::ItemKey;
use super::shelf::Shelf;
use super::terms::{Terms, options};
use crate::error::Result;
use crate::key::Key;
use crate::manager::CacheManager;
use crate::mind::{
    Answer, Answers, AnyAnswer, Cacheable, Form, Optional, Timed, Turn, Whole, read_many,
};
use crate::policy::{Codec, Compression, Level, Ttl};

/// One call on several items: [`CacheManager::items`]. A batch has no tags.
///
/// ```
/// use std::collections::HashMap;
///
/// use cache_runtime::CacheManager;
///
/// # async fn example() -> cache_runtime::Result<()> {
/// # async fn names(of: Vec<&str>) -> cache_runtime::Result<HashMap<&str, String>> {
/// #     Ok(of.into_iter().filter(|id| *id != "9").map(|id| (id, format!("user {id}"))).collect())
/// # }
/// let cache = CacheManager::builder("shop").memory().build()?;
/// cache.set("1", &"Ada".to_owned(), cache_runtime::Ttl::Forever).await?;
///
/// // Asks for "2" and "9" alone; that there is no "9" is kept, too.
/// let found = cache.items(["1", "2", "9"]).get_or_load(|missing| names(missing)).await?;
/// assert_eq!(found["1"], "Ada");
/// assert_eq!(found["2"], "user 2");
/// assert!(!found.contains_key("9"));
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[must_use = "it does nothing until it is told what to do, as with `get_or_load`"]
pub struct Items<'c, K> {
    manager: &'c CacheManager,
    keys: Vec<K>,
    terms: Terms,
}

impl<'c, K: ItemKey> Items<'c, K> {
    pub(super) fn new(manager: &'c CacheManager, keys: Vec<K>) -> Self {
        Self { manager, keys, terms: Terms::default() }
    }

    options!();

    /// Makes the items a miss in every process: [`CacheManager::forget_many`].
    ///
    /// # Errors
    /// What keeps the cache from answering; some of them may then still be served.
    pub async fn forget(self) -> Result<()> {
        let keys = self.manager.item_keys(self.keys)?;
        if keys.is_empty() { Ok(()) } else { self.manager.remove(&keys).await }
    }

    /// The values of these items, by the keys that were given: one batch read of the cache, and one call of `load` with
    /// the keys that it misses. Keys that the loaded map lacks have no value, which is kept for the negative TTL; what it
    /// has beyond them is passed over. Nothing is asked of anyone for no keys.
    ///
    /// Two batches that miss the same keys load them both: only calls on one item share loads.
    ///
    /// # Errors
    /// Those of `load`, unchanged; the cache's own never.
    pub async fn get_or_load<T, E, F, Fut>(self, load: F) -> Result<HashMap<K, T>, E>
    where
        K: Clone + Eq + Hash,
        T: Cacheable,
        E: 'static,
        F: FnOnce(Vec<K>) -> Fut,
        Fut: Future<Output = Result<HashMap<K, T>, E>>,
    {
        self.read::<T, Whole<T>, E, F, Fut>(load).await
    }

    /// The same for a load that says of each value how long it lives.
    ///
    /// # Errors
    /// Those of `load`, unchanged; the cache's own never.
    pub async fn get_or_load_fresh<T, E, F, Fut>(mut self, load: F) -> Result<HashMap<K, T>, E>
    where
        K: Clone + Eq + Hash,
        T: Cacheable,
        E: 'static,
        F: FnOnce(Vec<K>) -> Fut,
        Fut: Future<Output = Result<HashMap<K, Fresh<T>>, E>>,
    {
        // A zero would say that nothing is to be kept, before the load has said anything.
        self.terms.ttl = Some(Ttl::Forever);
        let load = |keys| async {
            let loaded = load(keys).await?;
            Ok(loaded.into_iter().map(|(key, fresh)| (key, fresh.into_parts())).collect())
        };
        let found = self.read::<T, Timed<Whole<T>>, E, _, _>(load).await?;
        Ok(found.into_iter().map(|(key, (value, _))| (key, value)).collect())
    }

    async fn read<T, A, E, F, Fut>(self, load: F) -> Result<HashMap<K, A::Value>, E>
    where
        K: Clone + Eq + Hash,
        T: Cacheable,
        A: Answer,
        E: 'static,
        F: FnOnce(Vec<K>) -> Fut,
        Fut: Future<Output = Result<HashMap<K, A::Value>, E>>,
    {
        let Self { manager, keys: names, terms } = self;
        let (context, shelf) = (&manager.0.context, &manager.0.shelf);
        let keys = match manager.item_keys(&names) {
            Ok(keys) => keys,
            Err(error) => {
                shelf.operations().get_many_or_load.errors.up();
                context.complain("writing a key", &error);
                return load(names).await;
            }
        };
        let Some(first) = keys.first() else { return Ok(HashMap::new()) };
        let kind = shelf.kind::<T>(context);
        let reader = Shelf::reader(context, &kind, &shelf.operations().get_many_or_load);
        let spec =
            terms.spec(context, (kind.shape, Form::of::<Optional<A>>()), first.clone(), Vec::new());
        let mut found = HashMap::with_capacity(names.len());
        let (mut far, mut far_names, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
        for (name, key) in names.into_iter().zip(keys) {
            if !seen.insert(name.clone()) {
                continue;
            }
            match reader.near::<Optional<A>>(&spec, &key) {
                Some(Some(value)) => drop(found.insert(name, value)),
                Some(None) => {}
                None => {
                    far.push(key);
                    far_names.push(name);
                }
            }
        }
        if far.is_empty() {
            return Ok(found);
        }
        let load = |missing: Vec<usize>, turn: Turn| async {
            let _turn = turn;
            let missing: Vec<K> =
                missing.into_iter().filter_map(|at| far_names.get(at).cloned()).collect();
            let mut loaded = load(missing.clone()).await?;
            let answer = |name| Optional::<A>::erase(loaded.remove(name));
            Ok(missing.iter().map(answer).collect::<Vec<_>>())
        };
        let own = shelf.sharing::<E>().own;
        let Answers { answers, .. } = read_many(reader, &spec, &far, own, load).await?;
        for (name, answer) in far_names.iter().zip(answers) {
            if let Some(value) = answer.and_then(AnyAnswer::into_answer::<Optional<A>>) {
                found.insert(name.clone(), value);
            }
        }
        Ok(found)
    }
}

impl CacheManager {
    /// The keys of these items, checked, in their order.
    pub(super) fn item_keys<K: ItemKey>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<Vec<Key>> {
        let namespace = self.namespace();
        let checked = |key: K| key.item_key(namespace)?.item_key(namespace);
        keys.into_iter().map(checked).collect()
    }
}

impl<K> fmt::Debug for Items<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items")
            .field("keys", &self.keys.len())
            .field("terms", &self.terms)
            .finish_non_exhaustive()
    }
}
