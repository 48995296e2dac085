//! One call on one item.

use std::convert::Infallible;
use std::future::Future;
use std::slice::from_ref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::cached::{Cached, Fresh};
use super::operations::Operations;
use super::shelf::{Kind, Shelf};
use super::terms::{Terms, Tiers, options};
use crate::codec;
use crate::entry::Body;
use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;
use crate::manager::CacheManager;
use crate::mind::{
    Answer, AnyAnswer, Cacheable, Counters, Form, Kept, Look, Optional, Origin, Reader, Shared,
    Spec, Timed, Turn, Whole, erased,
};
use crate::policy::{Codec, Compression, Level, Ttl};

/// One call on one item: [`CacheManager::item`].
///
/// ```
/// use std::time::Duration;
///
/// use cache_runtime::{CacheManager, Fresh, Tiers};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # async fn sign_in() -> Result<(String, u64), String> { Ok(("secret".into(), 3600)) }
/// let cache = CacheManager::builder("shop").memory().build()?;
/// let token = cache
///     .item("bank:token")
///     .tiers(Tiers::Process) // it never leaves the process
///     .remember_fresh(|| async {
///         let (token, seconds) = sign_in().await?;
///         Ok::<_, String>(Fresh::new(token, Duration::from_secs(seconds * 9 / 10)))
///     })
///     .await?;
/// assert_eq!(token, "secret");
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Debug)]
#[must_use = "it does nothing until it is told what to do, as with `get` or `remember`"]
pub struct Item<'c> {
    manager: &'c CacheManager,
    key: Result<Key>,
    tags: Vec<String>,
    terms: Terms,
}

/// A call that is ready to be made.
struct Ready<'c> {
    manager: &'c CacheManager,
    kind: Kind,
    operation: &'c Arc<Counters>,
    spec: Spec,
}

impl Ready<'_> {
    fn reader(&self) -> Reader<'_> {
        Shelf::reader(&self.manager.0.context, &self.kind, self.operation)
    }

    /// Counts a call that failed.
    fn counted<T>(&self, answer: Result<T>) -> Result<T> {
        answer.inspect_err(|_| self.operation.errors.up())
    }
}

impl<'c> Item<'c> {
    pub(super) fn new(manager: &'c CacheManager, key: Result<Key>) -> Self {
        let key = key.and_then(|key| super::ItemKey::item_key(&key, manager.namespace()));
        Self { manager, key, tags: Vec::new(), terms: Terms::default() }
    }

    options!();

    /// Where the item is kept; in the cache and in the process where not given.
    pub fn tiers(mut self, tiers: Tiers) -> Self {
        self.terms.tiers = tiers;
        self
    }

    /// Tags that the value depends on: [`invalidate_tags`](CacheManager::invalidate_tags) makes it a miss, and so does a
    /// change of a row whose repository has the tag. Each call on the item has to name the same ones, in any order.
    pub fn tags<S: AsRef<str>>(mut self, tags: impl IntoIterator<Item = S>) -> Self {
        self.tags.extend(tags.into_iter().map(|tag| tag.as_ref().to_owned()));
        self
    }

    /// What the cache has.
    ///
    /// # Errors
    /// What keeps the cache from answering.
    pub async fn get<T: Cacheable>(self) -> Result<Cached<T>> {
        self.look::<T, Optional<Whole<T>>>().await
    }

    /// The same, without a copy of one's own. Read the item always in one way: the tier in the process keeps either the
    /// value itself, to be shared, or its bytes, and the other way then asks the cache again.
    ///
    /// # Errors
    /// What keeps the cache from answering.
    pub async fn get_shared<T: Cacheable>(self) -> Result<Cached<Arc<T>>> {
        self.look::<T, Optional<Shared<T>>>().await
    }

    /// The value, or that of `load`, which is then kept: [`CacheManager::remember`].
    ///
    /// # Errors
    /// Those of `load`.
    pub async fn remember<T, E, F, Fut>(self, load: F) -> Result<T, E>
    where
        T: Cacheable,
        E: Send + 'static,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        self.read::<T, Whole<T>, E, F, Fut>(load).await
    }

    /// The same, and where the value came from. [`Origin::Database`] is the call's own load; what another caller's load
    /// in this process has answered counts as [`Origin::Cache`].
    ///
    /// # Errors
    /// Those of `load`.
    pub async fn remember_with_origin<T, E, F, Fut>(self, load: F) -> Result<(T, Origin), E>
    where
        T: Cacheable,
        E: Send + 'static,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let loaded = AtomicBool::new(false);
        let load = || {
            loaded.store(true, Ordering::Relaxed);
            load()
        };
        let (value, near) = self.read_near::<T, Whole<T>, E, _, Fut>(load).await?;
        let origin = match (near, loaded.into_inner()) {
            (true, _) => Origin::Process,
            (_, false) => Origin::Cache,
            (_, true) => Origin::Database,
        };
        Ok((value, origin))
    }

    /// The same as an `Arc`: a hit in the process neither decodes nor copies the value. See
    /// [`get_shared`](Self::get_shared).
    ///
    /// # Errors
    /// Those of `load`.
    pub async fn remember_shared<T, E, F, Fut>(self, load: F) -> Result<Arc<T>, E>
    where
        T: Cacheable,
        E: Send + 'static,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let load = || async { load().await.map(Arc::new) };
        self.read::<T, Shared<T>, E, _, _>(load).await
    }

    /// The same for a load that may say that there is none, which is kept for the negative TTL.
    ///
    /// # Errors
    /// Those of `load`.
    pub async fn remember_optional<T, E, F, Fut>(self, load: F) -> Result<Option<T>, E>
    where
        T: Cacheable,
        E: Send + 'static,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<Option<T>, E>>,
    {
        self.read::<T, Optional<Whole<T>>, E, F, Fut>(load).await
    }

    /// The same for a load that says how long its value lives. The call's own TTL does not count.
    ///
    /// # Errors
    /// Those of `load`.
    pub async fn remember_fresh<T, E, F, Fut>(mut self, load: F) -> Result<T, E>
    where
        T: Cacheable,
        E: Send + 'static,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<Fresh<T>, E>>,
    {
        // A zero would say that nothing is to be kept, before the load has said anything.
        self.terms.ttl = Some(Ttl::Forever);
        let load = || async { load().await.map(Fresh::into_parts) };
        self.read::<T, Timed<Whole<T>>, E, _, _>(load).await.map(|(value, _)| value)
    }

    /// The value, or else this one, which is then kept.
    pub async fn get_or_set<T: Cacheable>(self, value: T) -> T {
        self.get_or_set_with(|| value).await
    }

    /// The value, or else the one that is made, which is then kept.
    pub async fn get_or_set_with<T: Cacheable>(self, make: impl FnOnce() -> T) -> T {
        let made = self.remember(|| async { Ok::<T, Infallible>(make()) }).await;
        match made {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }

    /// Puts a value in the place of whatever the item was: [`CacheManager::set`].
    ///
    /// # Errors
    /// What keeps the cache from answering, and [`Codec`](ErrorKind::Codec) for a value that cannot be written or is too
    /// large. What stood there may then be gone.
    pub async fn set<T: Cacheable>(self, value: &T) -> Result<bool> {
        let ready = self.ready::<T, Whole<T>>(|all| &all.set)?;
        let most = ready.manager.policy().max_value_bytes;
        let written = |body: &Body| ready.reader().packed(&ready.spec, body.clone()).len();
        let body = match codec::encode(value, ready.spec.codec()) {
            Some(body) if body.len() <= most || written(&body) <= most => Ok(body),
            Some(body) => Err(format!(
                "the value of an item is {} bytes, and no more than {most} are cached: raise max_value_bytes, or keep less \
                 of it",
                body.len()
            )),
            None => Err("the value of an item cannot be written by any codec, or not be read again: mend its \
                         `Serialize` and `Deserialize`"
                .to_owned()),
        };
        match body {
            Ok(body) => {
                let put =
                    ready.reader().put(&ready.spec, body.clone(), Kept::Encoded(Arc::new(body)));
                ready.counted(put.await)
            }
            Err(message) => {
                // The caller meant what stands there to be gone.
                ready.manager.remove(from_ref(&ready.spec.key)).await?;
                Err(Error::new(ErrorKind::Codec, message))
            }
        }
    }

    /// Puts the knowledge that there is no such `T` there, for the negative TTL.
    ///
    /// # Errors
    /// What keeps the cache from answering. What stood there may then be gone.
    pub async fn set_nothing<T: Cacheable>(self) -> Result<bool> {
        let ready = self.ready::<T, Whole<T>>(|all| &all.set)?;
        ready.counted(ready.reader().put(&ready.spec, Body::Nothing, Kept::Nothing).await)
    }

    /// Makes the item a miss in every process: [`CacheManager::forget`].
    ///
    /// # Errors
    /// What keeps the cache from answering; the old value may then still be served.
    pub async fn forget(self) -> Result<()> {
        self.manager.remove(&[self.key?]).await
    }

    /// Takes the item out of the cache, and answers with its value: [`CacheManager::pull`].
    ///
    /// # Errors
    /// What keeps the cache from answering; the value may then be gone.
    pub async fn pull<T: Cacheable>(self) -> Result<Option<T>> {
        let ready = self.ready::<T, Optional<Whole<T>>>(|all| &all.pull)?;
        let pulled = ready.counted(ready.reader().pull(&ready.spec).await)?;
        Ok(pulled.and_then(AnyAnswer::into_answer::<Optional<Whole<T>>>))
    }

    /// Ready for answers of the form `A`.
    fn ready<T, A>(self, of: fn(&Operations) -> &Arc<Counters>) -> Result<Ready<'c>>
    where
        T: Cacheable,
        A: Answer,
    {
        let manager = self.manager;
        let mut tags =
            self.tags.iter().map(|tag| manager.tag_key(tag)).collect::<Result<Vec<_>>>()?;
        // The stamps stand in a value in this order, whatever order the call has.
        tags.sort();
        tags.dedup();
        let kind = manager.0.shelf.kind::<T>(&manager.0.context);
        let spec =
            self.terms.spec(&manager.0.context, (kind.shape, Form::of::<A>()), self.key?, tags);
        let operation = of(manager.0.shelf.operations());
        Ok(Ready { manager, kind, operation, spec })
    }

    async fn look<T, A>(self) -> Result<Cached<<A::Value as Known>::Value>>
    where
        T: Cacheable,
        A: Answer<Value: Known>,
    {
        let ready = self.ready::<T, A>(|all| &all.get)?;
        let (reader, spec) = (ready.reader(), &ready.spec);
        if spec.level == Level::Database {
            return Ok(Cached::Miss);
        }
        if let Some(known) = reader.near::<A>(spec, &spec.key) {
            return Ok(Cached::of(known.known(), Origin::Process));
        }
        match reader.try_look(spec).await {
            Ok(Look::Hit(hit)) => {
                Ok(Cached::of(hit.value.into_answer::<A>().known(), Origin::Cache))
            }
            Ok(Look::Miss(_)) => {
                reader.counters.misses.up();
                Ok(Cached::Miss)
            }
            Err(error) => ready.counted(Err(error)),
        }
    }

    async fn read<T, A, E, F, Fut>(self, load: F) -> Result<A::Value, E>
    where
        T: Cacheable,
        A: Answer,
        E: Send + 'static,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<A::Value, E>>,
    {
        self.read_near::<T, A, E, F, Fut>(load).await.map(|(value, _)| value)
    }

    /// Says as well whether the tier in the process has answered.
    async fn read_near<T, A, E, F, Fut>(self, load: F) -> Result<(A::Value, bool), E>
    where
        T: Cacheable,
        A: Answer,
        E: Send + 'static,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<A::Value, E>>,
    {
        let manager = self.manager;
        let ready = match self.ready::<T, A>(|all| &all.remember) {
            Ok(ready) => ready,
            Err(error) => {
                manager.0.shelf.operations().remember.errors.up();
                manager.0.context.complain("writing a key", &error);
                return Ok((load().await?, false));
            }
        };
        let (reader, spec) = (ready.reader(), &ready.spec);
        if let Some(value) = reader.near::<A>(spec, &spec.key) {
            return Ok((value, true));
        }
        let sharing = manager.0.shelf.sharing::<E>();
        let load = |turn: Turn| turn.during(erased::<A, E>(load()));
        let answer = reader.read(spec, sharing, (load, None)).await?;
        Ok((answer.into_answer::<A>(), false))
    }
}

/// A value, or that there is none.
trait Known {
    type Value;

    fn known(self) -> Option<Self::Value>;
}

impl<T> Known for Option<T> {
    type Value = T;

    fn known(self) -> Self {
        self
    }
}

impl CacheManager {
    /// Takes whatever stands at these keys away, but for writers' holds.
    pub(in crate::manager) async fn remove(&self, keys: &[Key]) -> Result<()> {
        let write = &self.0.shelf.operations().write;
        self.0.context.remove(keys).await.inspect_err(|_| write.errors.up())?;
        write.invalidations.add(keys.len());
        Ok(())
    }
}
